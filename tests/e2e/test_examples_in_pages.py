"""The `live` examples of our pages, run against the whole marketplace as its buyer would run them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks
from tests.docs.repository import ROOT

LIVE = {"sh live": ("bash", "-eu", "-c"), "python live": (sys.executable, "-c")}
DIGIT = ROOT / "docs" / "vectors" / "good" / "digit.input.png"


def pages() -> list[Path]:
    return sorted({block.page for block in blocks(*LIVE)})


def run(block: Block, folder: Path, url: str, api_key: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ASSAY_URL": url,
        "ASSAY_API_KEY": api_key,
    }
    return subprocess.run(
        [*LIVE[block.kind], block.text],
        cwd=folder,
        env=environment,
        check=False,
        text=True,
        timeout=120,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.mark.parametrize("page", pages(), ids=str)
def test_the_examples_of_a_page_run_one_after_another(page, site, people, tmp_path):
    """In one folder, which holds a picture of a digit and finds our docs/ beside it."""
    shutil.copy(DIGIT, tmp_path / "digit.png")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    buyer = next(person for person in people.values() if person["role"] == "buyer")
    for block in blocks(*LIVE):
        if block.page == page:
            done = run(block, tmp_path, site.market.url, buyer["api_key"])
            assert done.returncode == 0, f"{block} ends with {done.returncode}:\n{done.stdout}"


def test_a_failing_example_is_found(tmp_path):
    assert run(Block(Path("x"), 1, "sh live", "false\ntrue\n"), tmp_path, "", "").returncode == 1
    assert run(Block(Path("x"), 1, "python live", "assert False"), tmp_path, "", "").returncode == 1

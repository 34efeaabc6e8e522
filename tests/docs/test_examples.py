"""Every ```console and ```python block, run as it stands in the checkout, does what the page says it does.

Those of one page that are marked ```python together and ```console together share a folder: the Python is one
script, and then come the commands.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks
from tests.docs.repository import ROOT

ANYTHING = "…"


def session(text: str) -> tuple[str, str]:
    """A block's commands as one script, and what it should print. `> ` continues a command."""
    script, output = [], []
    for line in text.splitlines():
        if line.startswith(("$ ", "> ")):
            script.append(line[2:])
        else:
            output.append(line)
    return "\n".join(script) + "\n", "\n".join(output).rstrip() + "\n"


def matches(wanted: str, got: str) -> bool:
    pattern = ".*?".join(re.escape(part) for part in wanted.split(ANYTHING))
    return re.fullmatch(pattern, got, re.DOTALL) is not None


def run(script: str, folder: Path = ROOT) -> str:
    bin_ = Path(sys.executable).parent
    environment = {
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "COLUMNS": "200",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        ["bash", "-u", "-c", script],
        cwd=folder,
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.stdout.rstrip() + "\n"


@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_a_console_block_prints_what_the_page_says(block: Block):
    script, wanted = session(block.text)
    got = run(script)
    assert matches(wanted, got), f"{block} prints\n{got}"


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_a_python_block_runs(block: Block, tmp_path: Path):
    (tmp_path / "docs").symlink_to(ROOT / "docs")  # what it reads is there; what it writes goes with the folder
    done = subprocess.run(
        [sys.executable, "-c", block.text], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page", sorted({block.page for block in blocks("python together")}), ids=str)
def test_blocks_that_go_together_do_what_the_page_says(page: Path, tmp_path: Path):
    script = "".join(block.text for block in blocks("python together") if block.page == page)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    for block in blocks("console together"):
        if block.page == page:
            commands, wanted = session(block.text)
            got = run(commands, tmp_path)
            assert matches(wanted, got), f"{block} prints\n{got}"


def test_a_wrong_output_is_found():
    script, wanted = session("$ echo one\n> echo two\none\n…\nthree\n")
    assert run(script) == "one\ntwo\n"
    assert not matches(wanted, run(script))
    assert matches("one\nt…o\n", run(script))

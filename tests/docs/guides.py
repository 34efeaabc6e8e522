"""`make guides`: what the pages say of PyTorch, done as they say it.

It is too large for our environment, and nothing of ours needs it. So the page's own line installs it into an
environment made for that and thrown away, the page's script runs there, and the page's commands must print what it
says.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tests.docs.blocks import Block, blocks
from tests.docs.test_examples import matches, run, session


def main() -> None:
    for page in sorted({block.page for block in blocks("python torch")}):
        print(f"{page}: installing, running; minutes", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            _follow(page, Path(folder))
        print(f"{page}: does what it says")


def _follow(page: Path, folder: Path) -> None:
    venv.create(folder / "environment", with_pip=True)
    bin_ = folder / "environment" / "bin"
    with_it = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}"}
    for block in _of(page, "sh torch"):
        subprocess.run(["bash", "-eu", "-c", block.text], cwd=folder, env=with_it, check=True)
    script = "".join(block.text for block in _of(page, "python torch"))
    subprocess.run([bin_ / "python", "-c", script], cwd=folder, env=with_it, check=True)
    for block in _of(page, "console torch"):
        commands, wanted = session(block.text)
        got = run(commands, folder)
        if not matches(wanted, got):
            sys.exit(f"{block} prints\n{got}")


def _of(page: Path, kind: str) -> list[Block]:
    return [block for block in blocks(kind) if block.page == page]


if __name__ == "__main__":
    main()

"""Collects the browser's files for the web server, unless that has been done for exactly these files.

    python -m stack.static

Hashing and compressing them takes ten seconds of a processor; finding out that it is not needed, none.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from stack.tree import ROOT

INSTALLED = ROOT / "requirements" / "dev.txt"  # Django's own files come with it
SETTINGS = ROOT / "marketplace" / "settings.py"


def main() -> None:
    made_from = _made_from()
    mark = Path(os.environ["ASSAY_VAR"]) / "run" / "static"  # not among the files: those are public
    if mark.exists() and mark.read_text() == made_from:
        return
    mark.unlink(missing_ok=True)
    collect = (
        sys.executable,
        "manage.py",
        "collectstatic",
        "--noinput",
        "--clear",
        "--verbosity",
        "0",
        "--ignore",
        "rest_framework",
    )
    subprocess.run(collect, cwd=ROOT, check=True)
    mark.write_text(made_from)


def _made_from() -> str:
    content = hashlib.sha256()
    for path in [INSTALLED, SETTINGS, *sorted((ROOT / "static").rglob("*"))]:
        if path.is_file():
            content.update(
                os.fsencode(path.relative_to(ROOT)) + b"\0" + hashlib.sha256(path.read_bytes()).digest()
            )
    return content.hexdigest()


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)

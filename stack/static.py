"""Collects the browser's files for the web server of one stack.

    ASSAY_VAR=… python -m stack.static

Hashing and compressing them takes seven seconds of a processor, so it is done once for the same files, into a
folder named by their digest that all stacks of this checkout share; a stack's own `static` is a link to it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from stack.tree import ROOT

CACHE = ROOT / "var" / "cache" / "static"
INSTALLED = ROOT / "requirements" / "dev.txt"  # Django's own files come with it
SETTINGS = ROOT / "marketplace" / "settings.py"
UNUSED = "rest_framework"  # its browsable pages are switched off
KEPT = 24 * 3600  # seconds that what nothing was linked to lately is kept


def main() -> None:
    collected = CACHE / _digest() / "static"
    if not collected.exists():
        _collect(collected.parent)
    collected.parent.touch()
    _link(Path(os.environ["ASSAY_VAR"]) / "static", collected)
    _tidy()


def _collect(into: Path) -> None:
    """Made aside and renamed into place: two at once do no harm, and a kill leaves none."""
    half = into.with_name(f".{into.name}.{os.getpid()}")
    collect = (sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0", "--ignore", UNUSED)
    subprocess.run(collect, cwd=ROOT, env={**os.environ, "ASSAY_VAR": str(half)}, check=True)
    try:
        half.rename(into)
    except OSError:  # another was quicker
        shutil.rmtree(half)


def _link(link: Path, target: Path) -> None:
    half = link.with_name(f".static.{os.getpid()}")
    half.symlink_to(target)
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    half.replace(link)


def _tidy() -> None:
    for old in CACHE.iterdir():
        if old.stat().st_mtime < time.time() - KEPT:
            shutil.rmtree(old, ignore_errors=True)


def _digest() -> str:
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

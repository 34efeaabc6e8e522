"""The tracked files of this checkout, as the documentation tests see them."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked() -> tuple[Path, ...]:
    """Every file under version control that is still there, in order; paths are relative to ROOT."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    paths = [Path(name) for name in listing.decode().split("\0") if name]
    return tuple(path for path in paths if (ROOT / path).is_file())


@cache
def texts() -> dict[Path, str]:
    """The tracked files that are UTF-8 text."""
    found = {}
    for path in tracked():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            found[path] = content.decode("utf-8", "replace")
    return found


def markdown() -> dict[Path, str]:
    """The tracked pages, without what others wrote."""
    return {path: text for path, text in texts().items() if path.suffix == ".md" and "vendor" not in path.parts}

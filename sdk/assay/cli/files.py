"""Files named on the command line: read within limits, their kind told by their ending."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from assay import jsonform
from assay.preprocessing import CSV, JSON, PNG

MAX_BYTES = jsonform.MAX_BYTES
CONTENT_TYPES = {".png": PNG, ".json": JSON, ".csv": CSV}


def read(path: str) -> bytes:
    """A file's content, or standard input's for `-`. A file that cannot be read is a usage error."""
    content = head(path, MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise click.UsageError(f"{path}: larger than {MAX_BYTES} bytes")
    return content


def head(path: str, most: int) -> bytes:
    """The first `most` bytes, or all if there are fewer."""
    try:
        if path == "-":
            return sys.stdin.buffer.read(most)
        with Path(path).open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error


def content_type(path: str) -> str:
    """By the file's ending; any other than those known is a usage error."""
    suffix = Path(path).suffix.lower()
    if suffix not in CONTENT_TYPES:
        raise click.UsageError(f"{path}: expected a file ending in {' or '.join(CONTENT_TYPES)}")
    return CONTENT_TYPES[suffix]

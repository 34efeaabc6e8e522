"""Where a file waits between its owner's browser and its owner's node: `<ASSAY_VAR>/spool/`, one file per upload.

A file's name is a number of ours, never anything that was sent. Bytes count as received once they are on the
disk (fsync); what a crash left beyond them is overwritten. A full disk is a refusal, not a crash, and leaves the
file as it was before.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from assay.errors import TooLarge
from marketplace.errors import NoSpace

RESERVE = 256 * 1024 * 1024  # bytes of disk that an upload may not use up


def folder() -> Path:
    """The spool, made if need be, readable by this account alone."""
    path: Path = settings.ENV.var / "spool"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def path_of(upload: int) -> Path:
    return folder() / f"{upload}.onnx"


def require_space(size: int) -> None:
    """Raises NoSpace where a file of `size` bytes would leave too little."""
    free = shutil.disk_usage(folder()).free
    if free - size < RESERVE:
        raise NoSpace("the marketplace's disk is nearly full", hint="Try again later.")


def append(upload: int, offset: int, size: int, chunks: Iterable[bytes]) -> int:
    """Writes `chunks` from `offset` on and returns how many bytes the file now has, at most `size`.

    Raises TooLarge where there are more, NoSpace where they do not fit on the disk; both leave `offset` bytes.
    """
    path = path_of(upload)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(handle, offset)
        try:
            end = _write(handle, offset, size, chunks)
            os.fsync(handle)
        except BaseException:
            os.ftruncate(handle, offset)
            raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace("the marketplace's disk is full", hint="Send the rest later.") from error
        raise
    finally:
        os.close(handle)
    _keep_entry(path.parent)
    return end


def digest(upload: int) -> bytes:
    """SHA-256 of the file."""
    with path_of(upload).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def remove(upload: int) -> None:
    """Deletes the file; it may be gone already."""
    path_of(upload).unlink(missing_ok=True)


def uploads() -> list[int]:
    """The uploads of which there is a file."""
    return [int(path.stem) for path in folder().glob("*.onnx") if path.stem.isdigit()]


def _write(handle: int, offset: int, size: int, chunks: Iterable[bytes]) -> int:
    end = offset
    for chunk in chunks:
        if end + len(chunk) > size:
            raise TooLarge("more bytes than announced", expected=f"{size} bytes in all", got="more")
        view = memoryview(chunk)
        while view:
            written = os.pwrite(handle, view, end)
            view, end = view[written:], end + written
    return end


def _keep_entry(directory: Path) -> None:
    """So that the file's name survives a power cut as its bytes do."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

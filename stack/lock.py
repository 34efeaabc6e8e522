"""One stack for each folder: a lock that the kernel drops when its holder dies, so that none is ever stale."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Held(Exception):
    """Another living process holds the lock; `pid` is what it wrote, or 0."""

    def __init__(self, path: Path, pid: int) -> None:
        super().__init__(f"{path} is held by process {pid}")
        self.pid = pid


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Holds `path` during the block. Raises Held at once if somebody else does."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(handle, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            written = file.read(20).strip()
            raise Held(path, int(written) if written.isdigit() else 0) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
        file.truncate(0)

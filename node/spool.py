"""Where model files lie on a node: arriving (`<digest>.part`) and held (`<digest>.onnx`).

A file is held only once its bytes have the digest that names it and are safely on the disk. Names are digests in
hex, so nothing that comes from outside becomes a path. What arrived before a crash is kept and gone on with.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path

from assay.errors import TooLarge, Unavailable
from inference.validation import LIMITS
from node.home import sync_folder

ABANDONED = 7 * 86_400.0  # seconds after which a delivery that was not gone on with is cleared away at a start


class Spool:
    """The folder `root`; a delivery must leave `free` bytes of its disk free. Blocking: call it in a thread."""

    def __init__(self, root: Path, free: int = 0) -> None:
        self._root = root
        self._free = free
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in root.glob("*.part"):
            if part.stat().st_mtime < time.time() - ABANDONED:
                part.unlink()

    def held(self, digest: bytes) -> Path:
        return self._root / f"{digest.hex()}.onnx"

    def begin(self, digest: bytes, size: int) -> int:
        """How many of `size` bytes are here already. Raises TooLarge, Unavailable where the disk is too full."""
        if size > LIMITS.file_bytes:
            raise TooLarge(
                "the model is too large",
                pointer="/size",
                expected=f"at most {LIMITS.file_bytes} bytes",
                got=str(size),
            )
        if self.held(digest).exists():
            return size
        part = self._part(digest)
        part.touch(mode=0o600)
        have = part.stat().st_size
        if have > size:
            os.truncate(part, 0)
            have = 0
        # it is written twice: here and, once it is served, to Triton's repository
        if shutil.disk_usage(self._root).free < self._free + 2 * size - have:
            raise Unavailable("the node's disk is too full for this model", code="disk-full")
        return have

    def append(self, digest: bytes, offset: int, data: bytes) -> int:
        """Adds bytes at the end; how many there are now. Raises Unavailable where `offset` is not the end."""
        with self._part(digest).open("r+b") as file:
            end = file.seek(0, os.SEEK_END)
            if offset != end:
                raise Unavailable(
                    "another delivery of this file is under way",
                    code="out-of-place",
                    pointer="/offset",
                    expected=str(end),
                    got=str(offset),
                )
            file.write(data)
            return end + len(data)

    def complete(self, digest: bytes) -> Path:
        """The whole file, checked, under its final name. A file that is not what it was called is thrown away:
        raises Unavailable, since sending it again, whole, may help.
        """
        held, part = self.held(digest), self._part(digest)
        if held.exists():
            return held
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").digest()
            os.fsync(file.fileno())
        if found != digest:
            part.unlink()
            raise Unavailable(
                "what arrived is not the file that was announced",
                code="digest-mismatch",
                expected=digest.hex(),
                got=found.hex(),
            )
        part.rename(held)
        sync_folder(self._root)
        return held

    def remove(self, digest: bytes) -> None:
        self.held(digest).unlink(missing_ok=True)
        self._part(digest).unlink(missing_ok=True)

    def _part(self, digest: bytes) -> Path:
        return self._root / f"{digest.hex()}.part"

"""Where SQLite's write-ahead log ends, by its frames' heads; and what a power cut leaves of what came later.

A frame is on the disk for certain once the write that it belongs to has returned. Beyond that, each sector of the
disk may hold what was written, or not. (https://www.sqlite.org/fileformat2.html#walformat)
"""

from __future__ import annotations

import random
import struct
from pathlib import Path

HEAD = 32  # bytes
FRAME_HEAD = 24
SECTOR = 512
_head = struct.Struct(">IIIIIIII")  # magic, version, page size, checkpoint, salt, salt, checksum, checksum
_frame = struct.Struct(
    ">IIIIII"
)  # page, pages of the database after a commit or 0, salt, salt, checksum, checksum


class Journal:
    """The write-ahead log beside the database at `path`, followed as it grows.

    It begins with so many whole `frames`; what comes after them may be what a power cut left.
    """

    def __init__(self, path: Path, frames: int) -> None:
        self.path = path.with_name(f"{path.name}-wal")
        self.salt, self.end = "", 0
        with self.path.open("rb") as file:
            if len(head := file.read(HEAD)) == HEAD:
                size = _head.unpack(head)[2]
                self.salt, self.end = head[16:24].hex(), HEAD + frames * (FRAME_HEAD + size)

    def follow(self) -> None:
        """Finds the end of the last transaction in it."""
        with self.path.open("rb") as file:
            if len(head := file.read(HEAD)) < HEAD:
                return
            _, _, size, _, *salts, _, _ = _head.unpack(head)
            salt = head[16:24].hex()
            if salt != self.salt:  # it was begun anew
                self.salt, self.end = salt, HEAD
            at = self.end
            file.seek(at)
            while len(frame := file.read(FRAME_HEAD)) == FRAME_HEAD:
                _, pages, *its, _, _ = _frame.unpack(frame)
                if its != salts:
                    return
                at += FRAME_HEAD + size
                file.seek(at)
                if pages:
                    self.end = at


def tear(path: Path, salt: str, end: int, chance: random.Random) -> int:
    """Leaves the log beside `path` as a power cut might: of what was not acknowledged, any sectors, cut anywhere.

    How many bytes were not acknowledged.
    """
    wal = path.with_name(f"{path.name}-wal")
    whole = wal.read_bytes()
    sure = end if whole[16:24].hex() == salt else 0
    tail = bytearray(whole[sure:])
    for at in range(0, len(tail), SECTOR):
        fate = chance.random()
        sector = tail[at : at + SECTOR]
        if fate < 0.25:
            tail[at : at + SECTOR] = bytes(len(sector))
        elif fate < 0.5:
            tail[at : at + SECTOR] = chance.randbytes(len(sector))
    wal.write_bytes(whole[:sure] + tail[: chance.randrange(len(tail) + 1)])
    return len(tail)

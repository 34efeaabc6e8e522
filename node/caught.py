"""What this node's replicas have caught other members in: evidence, kept as files until it has been handed in.

    groups/<genesis>/evidence/<sha256>.cbor     a piece, named by the digest of its bytes
    groups/<genesis>/evidence/<sha256>.settled  beside it: why it was refused for good; empty where it was taken

Each deed of a member is kept once, and no more of one member, or in all, than fits: who lies all the time is not
to fill the disk. Nothing is ever removed. What is kept stands: it is checked like anybody's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from assay.agreement.blame.evidence import AnyEvidence, parse
from assay.agreement.blame.guilt import require_guilt
from assay.cli.show import clean
from assay.errors import AssayError
from assay.verify.blame import sentence
from node.home import PRIVATE_FOLDER, write_atomically

FOLDER, PIECE, SETTLED = "evidence", ".cbor", ".settled"
LARGEST = 8 * 1024 * 1024  # bytes of a piece: what one message to the marketplace holds
MOST_OF_ONE = 64  # pieces that accuse one member of a group
BYTES_OF_ONE = 4 * 1024 * 1024  # of these, but the first may be as large as any
MOST_IN_ALL = 1024  # pieces, of all groups
BYTES_IN_ALL = 64 * 1024 * 1024
MAX_VERDICT, MAX_SENTENCE = 200, 1000  # characters
NOBODY = (b"",)  # the accused of a piece that names none


@dataclass(frozen=True)
class Piece:
    """One file. `verdict`: None while it waits to be handed in, empty once it was taken, else why it was not."""

    group: bytes  # its genesis
    digest: bytes
    size: int  # bytes
    accused: tuple[bytes, ...]  # keys
    about: str  # what was done where
    sentence: str  # printable
    verdict: str | None = None


class Caught:
    """All pieces of a node, in the folders of its groups under `root`. Blocking; for any thread."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._writing = threading.Lock()
        self._pieces = dict(_found(root))  # exchanged as a whole, so that to look waits for no disk

    def keep(self, evidence: AnyEvidence) -> Piece | None:
        """As it is kept from now on; None where it adds nothing, or there is no room for it.

        Raises NotVerified, Refused for what proves nothing, OSError where the disk does not take it.
        """
        require_guilt(evidence, evidence.group)
        document = evidence.to_cbor()
        piece = _piece(evidence, document)
        with self._writing:
            if not self._is_news(piece) or not self._has_room(piece):
                return None
            path = self._path(piece.group, piece.digest)
            path.parent.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            write_atomically(path, document)
            self._pieces = {**self._pieces, path: piece}
            return piece

    def all(self) -> list[Piece]:
        """May be called where nobody may wait."""
        return list(self._pieces.values())

    def waiting(self) -> list[bytes]:
        """The groups of which something waits to be handed in."""
        return sorted({each.group for each in self.all() if each.verdict is None})

    def next(self, group: bytes) -> bytes:
        """A piece that waits, whole; nothing where none does."""
        for each in self.all():
            if each.group == group and each.verdict is None:
                with suppress(FileNotFoundError):  # its owner has removed it
                    return self._path(group, each.digest).read_bytes()
        return b""

    def settle(self, group: bytes, digest: bytes, verdict: str) -> None:
        """That a piece was taken, or refused for good. Of one that is not here there is nothing to note."""
        path = self._path(group, digest)
        with self._writing:
            piece = self._pieces.get(path)
            if piece is not None and piece.verdict is None:
                write_atomically(path.with_suffix(SETTLED), verdict[:MAX_VERDICT].encode())
                self._pieces = {**self._pieces, path: replace(piece, verdict=verdict[:MAX_VERDICT])}

    # --- within -------------------------------------------------------------------------------------------

    def _path(self, group: bytes, digest: bytes) -> Path:
        return self._root / group.hex() / FOLDER / f"{digest.hex()}{PIECE}"

    def _is_news(self, piece: Piece) -> bool:
        """Whether it tells of anybody what is not known."""
        same = (each for each in self._of(piece.group) if each.about == piece.about)
        return not {key for each in same for key in each.accused}.issuperset(piece.accused)

    def _has_room(self, piece: Piece) -> bool:
        sizes = [each.size for each in self._pieces.values()]
        fits = piece.size <= LARGEST and len(sizes) < MOST_IN_ALL and sum(sizes) + piece.size <= BYTES_IN_ALL
        return fits and all(self._has_room_for(key, piece) for key in piece.accused)

    def _has_room_for(self, key: bytes, piece: Piece) -> bool:
        sizes = [each.size for each in self._of(piece.group) if key in each.accused]
        return not sizes or (len(sizes) < MOST_OF_ONE and sum(sizes) + piece.size <= BYTES_OF_ONE)

    def _of(self, group: bytes) -> list[Piece]:
        return [each for each in self._pieces.values() if each.group == group]


def _piece(evidence: AnyEvidence, document: bytes) -> Piece:
    accused, said = evidence.accused or NOBODY, clean(sentence(evidence))[:MAX_SENTENCE]
    return Piece(evidence.group, evidence.id, len(document), accused, evidence.about, said)


def _found(root: Path) -> Iterator[tuple[Path, Piece]]:
    """What was kept before. A file that is no evidence, or not what it is called, was not written here."""
    for path in sorted(root.glob(f"*/{FOLDER}/*{PIECE}")):
        settled = path.with_suffix(SETTLED)
        try:
            document = path.read_bytes()
            piece = _piece(parse(document), document)
            verdict = settled.read_text("utf-8") if settled.exists() else None
        except (AssayError, UnicodeDecodeError):
            continue
        if (piece.group.hex(), piece.digest.hex()) == (path.parent.parent.name, path.stem):
            yield path, replace(piece, verdict=verdict)

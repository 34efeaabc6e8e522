"""What an entry covers by its `content`: all that follows from it and is not in its tree."""

from __future__ import annotations

from assay import cbor
from assay.digest import Tag, digest
from consensus.messages import Successor, Update
from consensus.serving import Serving


def following(successor: Successor | None) -> bytes | None:
    """What the entry that holds it, or does not, covers of it."""
    return None if successor is None else successor.digest


def content_digest(
    reports: tuple[bytes, ...],
    updates: tuple[Update, ...],
    served: tuple[Serving, ...],
    after: bytes | None = None,
) -> bytes:
    """What `Entry.content` holds. The decided requests are in its tree of outcomes; with what is `served` after
    it, whoever has an entry, and those in which ids may still count, has the whole state. `after`: the digest of
    the configuration that it puts in force.
    """
    value: dict[str, cbor.Value] = {
        "after": after,
        "reports": list(reports),
        "updates": [each.change.digest for each in updates],
        "serving": [each.content for each in served],
    }
    return digest(Tag.AGREEMENT_CONTENT, cbor.encode(value))

"""A member's results: what it says to requests, many under one signature, each a leaf of one tree."""

from __future__ import annotations

from typing import Annotated

import msgspec

from assay import cbor
from assay.agreement.sealing import Opened, Sealed
from assay.agreement.votes import Abstained, Answered, Erred, encoded
from assay.digest import SIZE, Tag, digest, sha256
from assay.model import Digest

MAX_BATCH = 1024  # results under one signature

_LEAF = Tag.AGREEMENT_RESULT.prefix + cbor.template(said=None, model=SIZE, request=SIZE)


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What one member says to one request, by the model of this commitment. In a copy-resistant group it says so
    twice: sealed, and opened.
    """

    request: Digest
    model: Digest
    said: Answered | Abstained | Erred | Sealed | Opened

    @property
    def leaf(self) -> bytes:
        said = self.said
        document = said.document if isinstance(said, Sealed | Opened) else encoded(said).document
        return sha256(_LEAF % (document, self.model, self.request))

    def contradicts(self, other: Result) -> bool:
        """Whether an honest member does not sign both. What is opened proves nothing: it fits a seal, or not."""
        return (
            (self.request, self.model) == (other.request, other.model)
            and self.said != other.said
            and not isinstance(self.said, Opened)
            and not isinstance(other.said, Opened)
        )


Results = Annotated[tuple[Result, ...], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]


def signed(group: bytes, epoch: int, member: int, count: int, root: bytes) -> bytes:
    """The digest that the member signs under Tag.AGREEMENT_EXEC; `root` is of the results' leaves."""
    content: dict[str, cbor.Value] = {
        "group": group,
        "epoch": epoch,
        "member": member,
        "count": count,
        "root": root,
    }
    return digest(Tag.AGREEMENT_EXEC, cbor.encode(content))

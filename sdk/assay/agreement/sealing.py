"""Copy-resistant groups: members commit to their answers before any is shown, so that none can copy another's.

What a member signs first is a seal of each of its answers: a digest that hides it (for there is a salt in it) and
that nobody else can use (for the member is in it). The group orders the seals; from then on they are fixed. Then
each member shows what is under its own, and what is under no seal that was fixed does not count. An input that was
seen before can still be answered from memory, with what others said of it then.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec

from assay import cbor
from assay.agreement.votes import Absent, Word, encoded
from assay.digest import SIZE, Tag, sha256
from assay.fields import Key, Milliseconds, RequestId
from assay.model import Digest

_SEALED = cbor.template(seal=SIZE, model=SIZE, status=None)
_OPENED = cbor.template(said=None, salt=SIZE, status=None)
_SEAL = Tag.AGREEMENT_SEAL.prefix + cbor.template(
    said=None, salt=SIZE, epoch=None, group=SIZE, model=SIZE, member=None, request=SIZE
)


class Sealed(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="status", tag="sealed"):
    """A word that is not shown yet."""

    model: Digest
    seal: Digest

    @property
    def document(self) -> bytes:
        """As it stands in what is hashed: no two are alike, so none is remembered."""
        return _SEALED % (self.seal, self.model, _SEALED_STATUS)


class Opened(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="status", tag="opened"):
    """What was under a seal."""

    said: Word
    salt: Digest

    @property
    def document(self) -> bytes:
        """As it stands in what is hashed."""
        return _OPENED % (encoded(self.said).document, self.salt, _OPENED_STATUS)


class Fixed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words on one request to which members have committed, by member: no other counts any more."""

    request: Digest
    client: Key
    id: RequestId
    deadline: Milliseconds
    said: Annotated[tuple[Sealed | Absent, ...], msgspec.Meta(min_length=4, max_length=16)]

    @property
    def leaf(self) -> bytes:
        """In the tree of the entry that fixes them."""
        said = [each.document if isinstance(each, Sealed) else encoded(each).document for each in self.said]
        return sha256(_FIXED % (self.id, cbor.array(said), self.client, self.request, cbor.integer(self.deadline)))


_SEALED_STATUS, _OPENED_STATUS = cbor.encode("sealed"), cbor.encode("opened")
_FIXED = Tag.AGREEMENT_FIXED.prefix + cbor.template(id=16, said=None, client=SIZE, request=SIZE, deadline=None)


class Author(NamedTuple):
    """Whose word it is: a member, by its place in an epoch of the group with that genesis digest."""

    group: bytes
    epoch: int
    member: int


def seal(author: Author, request: bytes, model: bytes, opened: Opened) -> bytes:
    """The seal, of 32 bytes, over what that member says to a request by its model of that commitment."""
    return sha256(
        _SEAL
        % (
            encoded(opened.said).document,
            opened.salt,
            cbor.integer(author.epoch),
            author.group,
            model,
            cbor.integer(author.member),
            request,
        )
    )


def salted(epoch: int, request: bytes, model: bytes) -> bytes:
    """Of what a member makes its salt, with a secret of its own: the same each time, hence the seal too."""
    return request + model + epoch.to_bytes(8, "big")

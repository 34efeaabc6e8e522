"""Signatures as a replica makes and checks them. The simulator has a quicker kind, worth nothing outside it."""

from __future__ import annotations

from typing import Protocol

from assay.digest import Tag
from assay.errors import AssayError
from assay.keys import PrivateKey, PublicKey

REMEMBERED = 1024  # signatures


class Seal(Protocol):
    def sign(self, tag: Tag, digest: bytes) -> bytes:
        """64 bytes by this member's own key."""

    def salt(self, what: bytes) -> bytes:
        """32 bytes that nobody else can guess, the same for the same `what`."""

    def verifies(self, key: bytes, tag: Tag, digest: bytes, signature: bytes) -> bool:
        """Whether `signature` is one by the holder of `key` (32 bytes) over (tag, digest)."""


class Ed25519:
    """The real ones. The last that were right are remembered: one's own come back in proposals and records, those
    of others come again in what is built on them.
    """

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self._right: dict[bytes, tuple[bytes, Tag, bytes]] = {}  # of what, by signature; oldest first

    def sign(self, tag: Tag, digest: bytes) -> bytes:
        signature = self._key.sign(tag, digest)
        self._remember(signature, (self._key.public.raw, tag, digest))
        return signature

    def salt(self, what: bytes) -> bytes:
        return self._key.secret(Tag.AGREEMENT_SALT, what)

    def verifies(self, key: bytes, tag: Tag, digest: bytes, signature: bytes) -> bool:
        signed = (key, tag, digest)
        if self._right.get(signature) == signed:
            return True
        try:
            PublicKey(key).verify(tag, digest, signature)
        except AssayError:
            return False
        self._remember(signature, signed)
        return True

    def _remember(self, signature: bytes, signed: tuple[bytes, Tag, bytes]) -> None:
        self._right[signature] = signed
        if len(self._right) > REMEMBERED:
            del self._right[next(iter(self._right))]

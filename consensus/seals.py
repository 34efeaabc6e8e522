"""Signatures as a replica makes and checks them. The simulator has a quicker kind, worth nothing outside it."""

from __future__ import annotations

from typing import Protocol

from assay.digest import Tag
from assay.errors import AssayError
from assay.keys import PrivateKey, PublicKey


class Seal(Protocol):
    def sign(self, tag: Tag, digest: bytes) -> bytes:
        """64 bytes by this member's own key."""

    def salt(self, what: bytes) -> bytes:
        """32 bytes that nobody else can guess, the same for the same `what`."""

    def verifies(self, key: bytes, tag: Tag, digest: bytes, signature: bytes) -> bool:
        """Whether `signature` is one by the holder of `key` (32 bytes) over (tag, digest)."""


class Ed25519:
    """The real ones."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key

    def sign(self, tag: Tag, digest: bytes) -> bytes:
        return self._key.sign(tag, digest)

    def salt(self, what: bytes) -> bytes:
        return self._key.secret(Tag.AGREEMENT_SALT, what)

    def verifies(self, key: bytes, tag: Tag, digest: bytes, signature: bytes) -> bool:
        try:
            PublicKey(key).verify(tag, digest, signature)
        except AssayError:
            return False
        return True

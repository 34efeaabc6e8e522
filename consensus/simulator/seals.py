"""A keyed hash in place of signatures, many times quicker. Whoever knows a key can forge: nobody here does."""

from __future__ import annotations

from hashlib import blake2b

from assay.digest import Tag


class Quick:
    """A `Seal`."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, tag: Tag, digest: bytes) -> bytes:
        return _mark(self._key, tag, digest)

    def salt(self, what: bytes) -> bytes:
        return blake2b(what, key=self._key, digest_size=32, person=b"salt").digest()

    def verifies(self, key: bytes, tag: Tag, digest: bytes, signature: bytes) -> bool:
        return _mark(key, tag, digest) == signature


def _mark(key: bytes, tag: Tag, digest: bytes) -> bytes:
    return blake2b(tag.prefix + digest, key=key, digest_size=64).digest()

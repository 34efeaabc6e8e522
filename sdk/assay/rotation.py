"""A node's key gives way to a new one: the old key says which, and the new key says that it agrees.

The old key's signature shows that its holder named the heir; the new key's, that the heir holds its own key and
is not somebody else's key that was merely named.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from assay import cbor
from assay.digest import Tag, digest
from assay.fields import Key, Milliseconds, Signature
from assay.keys import PrivateKey, PublicKey

FORMAT: Final = "assay-key-rotation/1"


class KeyRotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A statement to hand to whoever knows the old key; JSON by `assay.jsonform`."""

    format: Literal["assay-key-rotation/1"]
    old: Key
    new: Key
    time: Milliseconds  # the owner's word
    old_signature: Signature
    new_signature: Signature

    def verify(self) -> tuple[PublicKey, PublicKey]:
        """The old key and the new one. Raises NotVerified where either did not sign."""
        old, new = PublicKey(self.old), PublicKey(self.new)
        claim = _claim(old, new, self.time)
        old.verify(Tag.KEY_ROTATION, claim, self.old_signature)
        new.verify(Tag.KEY_ROTATION, claim, self.new_signature)
        return old, new


def rotate(old: PrivateKey, new: PrivateKey, time_ms: int) -> KeyRotation:
    """The statement that `new` stands for what `old` stood for, from `time_ms` (Unix ms) on."""
    claim = _claim(old.public, new.public, time_ms)
    return KeyRotation(
        format=FORMAT,
        old=old.public.raw,
        new=new.public.raw,
        time=time_ms,
        old_signature=old.sign(Tag.KEY_ROTATION, claim),
        new_signature=new.sign(Tag.KEY_ROTATION, claim),
    )


def _claim(old: PublicKey, new: PublicKey, time_ms: int) -> bytes:
    return digest(Tag.KEY_ROTATION, cbor.encode({"old": old.raw, "new": new.raw, "time": time_ms}))

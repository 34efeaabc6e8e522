"""Ed25519 keys and signatures over (domain tag, digest); strict, as libsodium is.

Refused: small-order and non-canonical public keys, non-canonical S, and (because the check recomputes R and
compares bytes) non-canonical R. Keys for certificates, for TLS and for the web are different keys.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

from assay.digest import SIZE, Tag
from assay.errors import NotVerified, Refused

PUBLIC_SIZE = 32
SIGNATURE_SIZE = 64
KEY_PREFIX = "ed25519:"


def _message(tag: Tag, digest: bytes) -> bytes:
    if len(digest) != SIZE:
        raise Refused("only digests are signed", expected=f"{SIZE} bytes", got=f"{len(digest)} bytes")
    return tag.prefix + digest


def accepts(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is one over a raw message, strictly. What is ours is checked by `PublicKey.verify`."""
    try:
        VerifyKey(key).verify(message, signature)
    except (CryptoError, ValueError):
        return False
    return True


@dataclass(frozen=True)
class PublicKey:
    """32 bytes; written `ed25519:` + 64 hexadecimal digits."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != PUBLIC_SIZE:
            raise Refused("not a public key", expected=f"{PUBLIC_SIZE} bytes", got=f"{len(self.raw)} bytes")

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Reads `ed25519:<hex>`; the prefix may be left out."""
        digits = text.strip().removeprefix(KEY_PREFIX)
        try:
            raw = bytes.fromhex(digits)
        except ValueError:
            raw = b""
        if len(digits) != 2 * PUBLIC_SIZE or len(raw) != PUBLIC_SIZE:
            raise Refused("not a public key", expected=f"{KEY_PREFIX}<64 hexadecimal digits>", got=repr(text[:80]))
        return cls(raw)

    def verify(self, tag: Tag, digest: bytes, signature: bytes) -> None:
        """Returns if `signature` is this key's over (tag, digest); raises NotVerified otherwise."""
        if len(signature) != SIGNATURE_SIZE:
            raise NotVerified(
                "not a signature", code="bad-signature", expected="64 bytes", got=f"{len(signature)} bytes"
            )
        if not accepts(self.raw, _message(tag, digest), signature):
            raise NotVerified(
                "signature does not verify", code="bad-signature", expected=f"a signature by {self}", got="another"
            )

    def __str__(self) -> str:
        return KEY_PREFIX + self.raw.hex()


class PrivateKey:
    """A signing key. Its seed never appears in `repr`, and leaves this object only through `save`."""

    def __init__(self, seed: bytes) -> None:
        self._key = SigningKey(seed)
        self.public = PublicKey(bytes(self._key.verify_key))

    @classmethod
    def generate(cls) -> PrivateKey:
        return cls(os.urandom(32))

    @classmethod
    def load(cls, path: Path) -> PrivateKey:
        """Reads a key file: 64 hexadecimal digits, readable by its owner alone."""
        if path.stat().st_mode & 0o077:
            raise Refused(
                "key file is readable by others",
                pointer=str(path),
                expected="mode 0600",
                got=oct(path.stat().st_mode & 0o777),
            )
        try:
            seed = bytes.fromhex(path.read_text("ascii").strip())
        except ValueError:
            seed = b""
        if len(seed) != 32:
            raise Refused(
                "not a key file", pointer=str(path), expected="64 hexadecimal digits", got="something else"
            )
        return cls(seed)

    def save(self, path: Path) -> None:
        """Writes a new key file, mode 0600; an existing one is never overwritten."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(bytes(self._key).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())

    def sign(self, tag: Tag, digest: bytes) -> bytes:
        """64 bytes over (tag, digest)."""
        return self._key.sign(_message(tag, digest)).signature

    def secret(self, tag: Tag, what: bytes) -> bytes:
        """32 bytes that nobody without this key can tell from chance: the same for the same (tag, `what`)."""
        return hmac.digest(bytes(self._key), tag.prefix + what, "sha256")

    def __repr__(self) -> str:
        return f"PrivateKey(public={self.public})"

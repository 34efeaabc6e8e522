# ruff: noqa: INP001  # a script beside its output, not a package
"""Signatures that lax checkers accept and strict ones must not, and their making on the curve of Ed25519.

Each is by the book of some implementation in use, after "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko,
2020). Curve arithmetic is libsodium's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from nacl import bindings as sodium

from assay.digest import sha256

ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD = 2**255 - 19
IDENTITY = (1).to_bytes(32, "little")
TORSION = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")  # a point of order 8
IDENTITY_NOT_CANONICAL = (FIELD + 1).to_bytes(32, "little")


def lax_signatures(
    message: bytes, public: bytes, signature: bytes, secret: int
) -> Iterator[tuple[str, bytes, bytes]]:
    """(defect, key, signature) for a message whose true key, signature and secret scalar are given."""
    point, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    yield "signature-s-not-reduced", public, point + (scalar + ORDER).to_bytes(32, "little")
    yield "signature-r-identity", public, IDENTITY + _scalar(_challenge(IDENTITY, public, message) * secret)
    lax = IDENTITY_NOT_CANONICAL
    yield "signature-r-not-canonical", public, lax + _scalar(_challenge(lax, public, message) * secret)
    nonce = int.from_bytes(sha256(b"nonce"), "little") % ORDER
    mixed = sodium.crypto_core_ed25519_add(_times_base(nonce), TORSION)
    yield (
        "signature-r-of-mixed-order",
        public,
        mixed + _scalar(nonce + _challenge(mixed, public, message) * secret),
    )
    honest = _times_base(nonce)
    for name, key in (("identity", IDENTITY), ("identity-not-canonical", IDENTITY_NOT_CANONICAL)):
        yield f"key-{name}", key, honest + _scalar(nonce)
    for tries in range(64):  # h·A vanishes for a key of order 8 when 8 divides h
        nonce = int.from_bytes(sha256(b"try %d" % tries), "little") % ORDER
        if _challenge(_times_base(nonce), TORSION, message) % 8 == 0:
            yield "key-of-small-order", TORSION, _times_base(nonce) + _scalar(nonce)
            return


def secret_scalar(seed: bytes) -> int:
    """The scalar that RFC 8032 §5.1.5 derives from a 32-byte seed."""
    digest = bytearray(hashlib.sha512(seed).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    return int.from_bytes(digest, "little")


def _challenge(point: bytes, public: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(point + public + message).digest(), "little") % ORDER


def _scalar(value: int) -> bytes:
    return (value % ORDER).to_bytes(32, "little")


def _times_base(scalar: int) -> bytes:
    point: bytes = sodium.crypto_scalarmult_ed25519_base_noclamp(_scalar(scalar))
    return point

"""Signatures: bound to their domain, strict where implementations differ; key files private."""

from __future__ import annotations

import hashlib

import pytest

from assay import merkle
from assay.digest import Tag, sha256
from assay.errors import NotVerified, Refused
from assay.keys import PrivateKey, PublicKey
from docs.vectors import edwards, sample

DIGEST = sha256(b"something")
KEY = PrivateKey(sha256(b"seed"))


def test_a_signature_verifies_under_its_own_key_tag_and_digest_only():
    signature = KEY.sign(Tag.BATCH_DIRECT, DIGEST)
    KEY.public.verify(Tag.BATCH_DIRECT, DIGEST, signature)
    stranger = PrivateKey(sha256(b"other")).public
    wrong = [(KEY.public, tag, DIGEST, signature) for tag in Tag if tag is not Tag.BATCH_DIRECT] + [
        (KEY.public, Tag.BATCH_DIRECT, sha256(b"else"), signature),
        (stranger, Tag.BATCH_DIRECT, DIGEST, signature),
        (KEY.public, Tag.BATCH_DIRECT, DIGEST, signature[:-1]),
        (KEY.public, Tag.BATCH_DIRECT, DIGEST, signature + b"\0"),
        (KEY.public, Tag.BATCH_DIRECT, DIGEST, b""),
    ]
    for public, tag, digest, given in wrong:
        with pytest.raises(NotVerified):
            public.verify(tag, digest, given)


def test_every_flipped_bit_of_a_signature_is_noticed():
    signature = KEY.sign(Tag.BATCH_DIRECT, DIGEST)
    for bit in range(512):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NotVerified):
            KEY.public.verify(Tag.BATCH_DIRECT, DIGEST, bytes(changed))


def test_no_tag_is_the_beginning_of_another():
    prefixes = [tag.prefix for tag in Tag]
    assert len(set(prefixes)) == len(prefixes)
    assert not any(a != b and b.startswith(a) for a in prefixes for b in prefixes)


@pytest.mark.parametrize("digest", [b"", bytes(31), bytes(33)])
def test_only_digests_are_signed(digest):
    with pytest.raises(Refused):
        KEY.sign(Tag.BATCH_DIRECT, digest)


# --- where implementations differ -------------------------------------------------------------------------

CERTIFICATE = sample.digit().certificate
EVIDENCE = CERTIFICATE.evidence
ROOT = merkle.root_from_path(
    CERTIFICATE.statement.digest(Tag.STATEMENT_DIRECT), EVIDENCE.index, EVIDENCE.count, EVIDENCE.path
)
SIGNED = EVIDENCE.signed(EVIDENCE.count, ROOT)
MESSAGE = Tag.BATCH_DIRECT.prefix + SIGNED
LAX = list(
    edwards.lax_signatures(
        MESSAGE, EVIDENCE.provider, EVIDENCE.signature, edwards.secret_scalar(sample.PROVIDER_SEED)
    )
)


@pytest.mark.parametrize(("defect", "key", "signature"), LAX, ids=[defect for defect, _, _ in LAX])
def test_a_signature_that_lax_checkers_accept_is_refused(defect, key, signature):
    assert laxly_valid(key, MESSAGE, signature)
    with pytest.raises(NotVerified):
        PublicKey(key).verify(Tag.BATCH_DIRECT, SIGNED, signature)


# the most permissive rule in use: any encoding of a point, any S, and 8·S·B = 8·R + 8·h·A
P, D = edwards.FIELD, -121665 * pow(121666, -1, edwards.FIELD)
Point = tuple[int, int]
BASE_Y = 4 * pow(5, -1, P) % P


def laxly_valid(key: bytes, message: bytes, signature: bytes) -> bool:
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little")
    left = times(8 * int.from_bytes(signature[32:], "little"), decoded(BASE_Y.to_bytes(32, "little")))
    right = add(times(8, decoded(signature[:32])), times(8 * challenge, decoded(key)))
    return left == right


def decoded(encoded: bytes) -> Point:
    number = int.from_bytes(encoded, "little")
    y, sign = (number & (1 << 255) - 1) % P, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0, "not on the curve"
    return (P - x if x % 2 != sign else x) % P, y


def add(a: Point, b: Point) -> Point:
    product = D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + product, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P)
    return x % P, y % P


def times(scalar: int, point: Point) -> Point:
    total: Point = (0, 1)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


# --- keys as text and files -------------------------------------------------------------------------------


def test_a_key_is_read_as_it_is_written():
    assert PublicKey.parse(str(KEY.public)) == PublicKey.parse(KEY.public.raw.hex()) == KEY.public


@pytest.mark.parametrize(
    "text", ["", "ed25519:", "ed25519:00", "rsa:" + "00" * 32, "0 " * 32, "zz" * 32, "00" * 33]
)
def test_another_text_is_no_key(text):
    with pytest.raises(Refused):
        PublicKey.parse(text)


def test_a_key_file_is_private_never_overwritten_and_never_printed(tmp_path):
    path = tmp_path / "key"
    KEY.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert PrivateKey.load(path).public == KEY.public
    with pytest.raises(FileExistsError):
        KEY.save(path)
    assert path.read_text().strip() not in repr(KEY)
    path.chmod(0o640)
    with pytest.raises(Refused, match="readable by others"):
        PrivateKey.load(path)


@pytest.mark.parametrize("content", ["", "00", "zz" * 32, "00" * 33, "\xff"])
def test_another_file_is_no_key_file(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(Refused):
        PrivateKey.load(path)


def test_fresh_keys_differ():
    assert PrivateKey.generate().public != PrivateKey.generate().public

# ruff: noqa: INP001  # a script beside its output, not a package
"""The certificates that are wrong, each in one way, which is its name; from a certificate that is right.

Where a field can be changed at all it is, by walking the structure: a field added later is covered without a word
here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from assay import cbor, direct, merkle
from assay.certificate import DirectCertificate, DirectEvidence, Statement
from assay.digest import Tag
from assay.fields import plain
from assay.jsonform import base64url
from docs.vectors import edwards
from docs.vectors.sample import DIGIT, PROVIDER, PROVIDER_SEED, Sample

Path = tuple[str | int, ...]
Defect = tuple[str, bytes, str]  # name, document, the code of a finding it must lead to


def altered(sample: Sample) -> Iterator[Defect]:
    """Every leaf of the structure changed, and every list one shorter and one longer."""
    whole = plain(sample.certificate)
    for path, value in _walk(whole):
        for how, other in _others(value):
            yield f"altered{_name(path)}{how}", cbor.encode(_with(whole, path, other)), ""


def misshapen(sample: Sample) -> Iterator[Defect]:
    """Every field left out in turn, and an unknown one put into every map."""
    whole = plain(sample.certificate)
    for path, value in [((), whole), *_walk(whole)]:
        if not isinstance(value, dict):
            continue
        for key in value:
            without = {name: item for name, item in value.items() if name != key}
            yield f"missing{_name((*path, key))}", cbor.encode(_with(whole, path, without)), ""
        if path != ("statement", "params"):
            yield f"unknown-field{_name(path)}", cbor.encode(_with(whole, path, value | {"zz": 0})), "invalid"


def encodings(sample: Sample) -> Iterator[Defect]:
    """The right value in wrong CBOR."""
    right = sample.certificate.to_cbor()
    count = b"\x65count\x05"
    index = b"\x65index\x02"
    form = b"\x66format\x73assay-certificate/1"
    mode = b"\x64mode\x66direct"
    for name, old, new in (
        ("integer-not-shortest", count, b"\x65count\x18\x05"),
        ("integer-not-shortest-wide", count, b"\x65count\x1b" + bytes(7) + b"\x05"),
        ("integer-as-float", count, b"\x65count\xf9\x45\x00"),
        ("integer-negative", count, b"\x65count\x24"),
        ("integer-tagged", count, b"\x65count\xc1\x05"),
        ("integer-as-bignum", count, b"\x65count\xc2\x41\x05"),
        ("integer-undefined", count, b"\x65count\xf7"),
        ("integer-null", count, b"\x65count\xf6"),
        ("integer-beyond-json", count, b"\x65count\x1b\x00\x20" + bytes(6)),
        ("duplicate-key", count + index, count + count),
        ("keys-out-of-order", count + index, index + count),
        ("key-as-bytes", b"\x65count", b"\x45count"),
        ("text-as-bytes", mode, b"\x64mode\x46direct"),
        ("text-not-utf8", mode, b"\x64mode\x66direc\xff"),
        ("text-of-indefinite-length", mode, b"\x64mode\x7f\x66direct\xff"),
        ("length-not-shortest", mode, b"\x64mode\x78\x06direct"),
        ("another-format", form, form[:-1] + b"2"),
        ("another-mode", mode, b"\x64mode\x66proved"),
    ):
        assert right.count(old) == 1, name
        yield name, right.replace(old, new), ""
    assert right[0] == 0xA4
    yield "map-of-indefinite-length", b"\xbf" + right[1:] + b"\xff", "not-canonical"
    yield "map-length-too-large", b"\xa5" + right[1:], "not-canonical"
    yield "map-length-huge", b"\xbb\x00\x1f" + b"\xff" * 6 + right[1:], "too-large"
    yield "tagged-as-cbor", b"\xd9\xd9\xf7" + right, "not-canonical"
    yield "trailing-byte", right + b"\0", "not-canonical"
    yield "trailing-newline", right + b"\n", "not-canonical"
    yield "truncated", right[:-1], "not-canonical"
    yield "empty", b"", "not-canonical"
    yield "twice", right * 2, "not-canonical"
    yield "nested-too-deeply", b"\x81" * 10_000 + b"\x80", "too-large"
    yield "nested-keys", b"\xa1" * 10_000, "too-large"
    yield "not-a-map", cbor.encode([1, 2, 3]), "invalid"


def texts(sample: Sample) -> Iterator[Defect]:
    """The right value in wrong JSON; the names end in the code's own `.json`."""
    right = sample.certificate.to_json(indent=False)
    key = base64url(sample.certificate.evidence.provider)
    signature = base64url(sample.certificate.evidence.signature)
    count = '"count":5'
    for name, old, new in (
        ("number-with-point", count, '"count":5.0'),
        ("number-with-exponent", count, '"count":5e0'),
        ("number-with-plus", count, '"count":+5'),
        ("number-with-leading-zero", count, '"count":05'),
        ("number-negative-zero", '"index":2', '"index":-0'),
        ("number-split-by-space", count, '"count":5 0'),
        ("number-as-text", count, '"count":"5"'),
        ("number-nan", count, '"count":NaN'),
        ("number-beyond-json", count, '"count":9007199254740992'),
        ("number-of-5000-digits", count, '"count":' + "5" * 5000),
        ("duplicate-key", count, '"count":5,"count":5'),
        ("keys-out-of-order", '"count":5,"index":2', '"index":2,"count":5'),
        ("comma-at-the-end", count + ",", count + ",,"),
        ("comment", count, count + "/* five */"),
        ("escaped-letter", '"mode":"direct"', '"mode":"dir\\u0065ct"'),
        ("escaped-key", '"mode":"direct"', '"m\\u006fde":"direct"'),
        ("escaped-slash", '"assay-certificate/1"', '"assay-certificate\\/1"'),
        ("space-in-text", '"direct"', '"direct "'),
        ("base64url-padded", f'"{key}"', f'"{key}="'),
        ("base64url-trailing-bits", f'"{key}"', f'"{key[:-1]}{_next_letter(key[-1])}"'),
        ("base64url-standard-alphabet", f'"{signature}"', f'"+/{signature[2:]}"'),
        ("base64url-with-space", f'"{key}"', f'"{key[:8]} {key[8:]}"'),
        ("base64url-too-short", f'"{key}"', f'"{key[:-2]}"'),
        ("bytes-as-hexadecimal", f'"{key}"', f'"{sample.certificate.evidence.provider.hex()}"'),
        ("bytes-as-numbers", f'"{key}"', json.dumps(list(sample.certificate.evidence.provider))),
        ("null-for-text", '"mode":"direct"', '"mode":null'),
    ):
        assert right.count(old) == 1, name
        yield name, right.replace(old, new).encode(), ""
    yield "byte-order-mark", b"\xef\xbb\xbf" + right.encode(), ""
    yield "utf16", right.encode("utf-16"), ""
    yield "trailing-text", right.encode() + b"x", ""
    yield "truncated", right.encode()[:-1], ""
    yield "nested-too-deeply", b'{"a":' * 10_000, "invalid-json"
    yield "not-utf8", right.replace("direct", "dir\udcffct", 1).encode("utf-8", "surrogateescape"), "invalid-json"


def evidence(sample: Sample) -> Iterator[Defect]:
    """Evidence that proves something else, or nothing."""
    certificate = sample.certificate
    right = certificate.evidence
    for name, changes, code in (
        ("path-swapped", {"path": right.path[::-1]}, "bad-signature"),
        ("path-too-short", {"path": right.path[:-1]}, "bad-path"),
        ("path-too-long", {"path": (*right.path, right.path[0])}, "bad-path"),
        ("index-of-another-leaf", {"index": 3}, "bad-signature"),
        ("index-outside-the-tree", {"index": 5}, "bad-path"),
        ("count-of-a-larger-tree", {"count": 8}, "bad-signature"),
        ("count-of-a-smaller-tree", {"count": 3}, "bad-path"),
    ):
        yield name, _certificate(certificate.statement, **_fields(right) | changes), code
    yield from _signatures(certificate)


def _signatures(certificate: DirectCertificate) -> Iterator[Defect]:
    right, statement = certificate.evidence, certificate.statement
    leaf = statement.digest(Tag.STATEMENT_DIRECT)
    root = merkle.root_from_path(leaf, right.index, right.count, right.path)
    signed = right.signed(right.count, root)
    message = Tag.BATCH_DIRECT.prefix + signed
    secret = edwards.secret_scalar(PROVIDER_SEED)
    for name, key, lax in edwards.lax_signatures(message, right.provider, right.signature, secret):
        yield (
            name,
            _certificate(statement, **_fields(right) | {"provider": key, "signature": lax}),
            "bad-signature",
        )
    for name, signature in (
        ("signed-for-a-handshake", PROVIDER.sign(Tag.HANDSHAKE, signed)),
        ("signed-without-the-count", PROVIDER.sign(Tag.BATCH_DIRECT, root)),
        ("signature-all-zero", bytes(64)),
    ):
        yield name, _certificate(statement, **_fields(right) | {"signature": signature}), "bad-signature"
    leaf = statement.digest(Tag.TENSOR)
    signature = PROVIDER.sign(Tag.BATCH_DIRECT, right.signed(1, merkle.root([leaf])))
    single = {"index": 0, "count": 1, "path": (), "signature": signature}
    yield "statement-under-another-tag", _certificate(statement, **_fields(right) | single), "bad-signature"


def statements(sample: Sample) -> Iterator[Defect]:
    """Truly signed by the provider, and yet not what mode `direct` may say."""
    statement = sample.certificate.statement
    for name, changes, code in (
        ("caveats-left-out", {"caveats": ()}, "wrong-statement"),
        ("caveats-shortened", {"caveats": statement.caveats[:-1]}, "wrong-statement"),
        ("caveats-softened", {"caveats": ("All is well.", *statement.caveats[1:])}, "wrong-statement"),
        ("two-models", {"models": statement.models * 2}, "wrong-statement"),
        ("parameters", {"params": {"k": 2}}, "wrong-statement"),
        ("outcome-certified", {"outcome": "certified"}, "wrong-statement"),
        ("outcome-failed", {"outcome": "failed"}, "wrong-statement"),
        ("asserted-by-another", {"asserted_by": "marketplace"}, "wrong-statement"),
        ("target-a-group", {"target": "group:digits"}, "wrong-statement"),
        ("time-before-assay", {"time": 0}, "wrong-time"),
        ("time-far-ahead", {"time": 2**48 - 1}, "wrong-time"),
        ("outputs-none", {"outputs": ()}, "wrong-names"),
        ("outputs-one-missing", {"outputs": statement.outputs[:1]}, "wrong-names"),
        ("outputs-one-twice", {"outputs": (*statement.outputs, statement.outputs[0])}, "wrong-names"),
        ("outputs-out-of-order", {"outputs": statement.outputs[::-1]}, "wrong-statement"),
        ("outputs-of-another-model", {"outputs": DIGIT.inputs}, "wrong-names"),
    ):
        signed = direct.issue(PROVIDER, [msgspec.structs.replace(statement, **changes)])[0]
        yield f"signed-{name}", signed.to_cbor(), code


def _certificate(statement: Statement, **fields: Any) -> bytes:
    certificate = DirectCertificate("assay-certificate/1", statement, DirectEvidence(**fields))
    return certificate.to_cbor()


def _fields(evidence: DirectEvidence) -> dict[str, Any]:
    return {name: getattr(evidence, name) for name in evidence.__struct_fields__}


def _next_letter(letter: str) -> str:
    return chr(ord(letter) + 1)


# --- walking a structure of maps, lists, texts, bytes and integers ----------------------------------------


def _walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value under `value`, maps and lists before what they hold."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    )
    for key, item in entries:
        yield (*path, key), item
        yield from _walk(item, (*path, key))


def _others(value: Any) -> Iterator[tuple[str, Any]]:
    """Values of the same type that are not `value`, each with a word for it."""
    match value:
        case bool():
            yield "", not value
        case int():
            yield "", value + 1
        case str():
            yield "", value + "x"
        case bytes():
            yield "-first-bit", bytes([value[0] ^ 1]) + value[1:]
            yield "-last-bit", value[:-1] + bytes([value[-1] ^ 0x80])
        case list() | tuple() if value:
            yield "-shorter", value[:-1]
            yield "-longer", [*value, value[-1]]
        case dict() if not value:
            yield "", {"k": 1}


def _with(whole: Any, path: Path, value: Any) -> Any:
    """A copy of `whole` with `value` at `path`."""
    if not path:
        return value
    copied: Any = copy.copy(whole) if isinstance(whole, dict) else list(whole)
    copied[path[0]] = _with(copied[path[0]], path[1:], value)
    return copied


def _name(path: Path) -> str:
    return "".join(f"-{part}" for part in path)

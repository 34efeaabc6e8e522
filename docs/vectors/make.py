# ruff: noqa: INP001, T201  # a script beside its output, not a package
"""Writes the vectors: certificates good and bad with what a checker must say of each (index.json).

    python docs/vectors/make.py

Everything comes from fixed seeds, so a second run changes nothing, and a test holds the files against it. Files of
a published version are never changed or removed: every checker must read them for ever.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.certificate import parse
from assay.errors import Refused
from assay.keys import PrivateKey
from assay.verify import Trust, anchor, verify
from docs.vectors import blamed, chain_defects, chains, defects, group, group_defects, sample
from docs.vectors.group import Case
from docs.vectors.sample import PROVIDER, STRANGER, Sample

HERE = Path(__file__).parent
NOW = sample.TIME + 1000  # the checker's clock, in ms since 1970 UTC

Files = dict[str, bytes]
Entry = dict[str, object]


def build() -> Files:
    """Every file by its path under this folder."""
    files: Files = {}
    entries: list[Entry] = []
    for name, one in (("digit", sample.digit()), ("row", sample.row()), ("tensors", sample.tensors())):
        _good(name, one, files, entries)
    for name, at in (("digit-first-leaf", 0), ("digit-last-leaf", 4)):
        files[f"good/{name}.cbor"] = sample.digit(at=at).certificate.to_cbor()
        entries.append(_entry(f"good/{name}.cbor", 0, providers=[PROVIDER]))
    _forged(files, entries)
    _bad(sample.digit(), files, entries)
    for name, case in group.GOOD.items():
        _good_group(name, case, files, entries)
    _forged_group(files, entries)
    for name, case in chains.GOOD.items():
        _good_chain(name, case, files, entries)
    _forged_chain(files, entries)
    for name, document, code in [*group_defects.every(), *chain_defects.every()]:
        _add_bad(f"bad/{name}.cbor", document, code, files, entries, **_claimed(document))
    index = {"format": "assay-vectors/1", "now": NOW, "vectors": entries}
    files["index.json"] = (json.dumps(index, indent=1) + "\n").encode()
    return files | blamed.build()


def write(files: Files, folder: Path = HERE) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _good(name: str, one: Sample, files: Files, entries: list[Entry]) -> None:
    """In all three forms; pinned by provider, by nobody, by another; with its own input and with another."""
    receipt, content, other = (
        f"good/{name}.receipt.json",
        f"good/{name}.input{one.suffix}",
        "good/other-input.json",
    )
    files[f"good/{name}.cbor"] = one.certificate.to_cbor()
    files[f"good/{name}.json"] = one.certificate.to_json().encode()
    files[receipt], files[content] = one.receipt.to_json().encode(), one.content
    files[other] = b'{"inputs": []}\n'
    model = one.certificate.statement.models[0].commitment.hex()
    for form in (f"good/{name}.cbor", f"good/{name}.json"):
        entries += [
            _entry(form, 0, providers=[PROVIDER]),
            _entry(form, 0, providers=[PROVIDER, STRANGER], models=[model]),
            _entry(form, 3),
            _entry(form, 3, models=[model]),
            _entry(form, 1, "not-pinned", providers=[STRANGER]),
            _entry(form, 1, "not-pinned", providers=[PROVIDER], models=["00" * 32]),
            _entry(form, 1, "not-pinned", groups=[PROVIDER.public.raw.hex()]),
        ]
    entries += [
        _entry(receipt, 0, providers=[PROVIDER], input=content),
        _entry(receipt, 3, input=content),
        _entry(receipt, 1, "wrong-input", providers=[PROVIDER], input=content, salt="00" * 32),
        _entry(receipt, 1, "invalid", providers=[PROVIDER], input=other),
    ]


def _forged(files: Files, entries: list[Entry]) -> None:
    """Right in everything, but by a fresh key: the check must leave it to the pins."""
    files["good/by-a-stranger.cbor"] = sample.digit(key=STRANGER).certificate.to_cbor()
    entries += [
        _entry("good/by-a-stranger.cbor", 3),
        _entry("good/by-a-stranger.cbor", 1, "not-pinned", providers=[PROVIDER]),
    ]


def _bad(one: Sample, files: Files, entries: list[Entry]) -> None:
    for suffix, kinds in (
        ("cbor", (defects.altered, defects.misshapen, defects.encodings, defects.evidence, defects.statements)),
        ("json", (defects.texts,)),
    ):
        for name, document, code in (each for kind in kinds for each in kind(one)):
            _add_bad(f"bad/{name}.{suffix}", document, code, files, entries, providers=[PROVIDER])


def _good_group(name: str, case: Case, files: Files, entries: list[Entry]) -> None:
    """In both forms; pinned by its genesis, by nobody, by another; with its own input and with another."""
    receipt, content = f"good/{name}.receipt.json", f"good/{name}.input{case.suffix}"
    certificate = case.certificate
    named, strange = [certificate.evidence.group.hex()], [group.STRANGERS.group.digest]
    models = [model.commitment.hex() for model in certificate.statement.models]
    files[f"good/{name}.cbor"] = certificate.to_cbor()
    files[f"good/{name}.json"] = certificate.to_json().encode()
    files[receipt], files[content] = case.receipt.to_json().encode(), case.content
    for form in (f"good/{name}.cbor", f"good/{name}.json"):
        entries += [_entry(form, 0, groups=named), _entry(form, 3)]
    form = f"good/{name}.cbor"
    entries += [
        _entry(form, 0, groups=[*strange, *named], models=models),
        _entry(form, 1, "not-pinned", groups=named, models=["00" * 32]),
        _entry(form, 1, "not-pinned", groups=strange),
        _entry(form, 1, "not-pinned", providers=[PROVIDER]),
        _entry(receipt, 0, groups=named, input=content),
        _entry(receipt, 1, "wrong-input", groups=named, input=content, salt="00" * 32),
        _entry(receipt, 1, "invalid", groups=named, input="good/other-input.json"),
    ]


def _forged_group(files: Files, entries: list[Entry]) -> None:
    """The same owners, models and addresses under fresh keys: right in everything, and another group."""
    name = "good/group-of-strangers.cbor"
    files[name] = group.STRANGERS.certificate.to_cbor()
    entries += [_entry(name, 3), _entry(name, 1, "not-pinned", groups=[group.DIGITS.digest])]


def _good_chain(name: str, case: Case, files: Files, entries: list[Entry]) -> None:
    """Pinned by each of its epochs, by nobody, by an epoch that it does not have."""
    form, certificate = f"good/{name}.cbor", case.certificate
    files[form] = certificate.to_cbor()
    names = [each.configuration.digest.hex() for each in certificate.evidence.epochs]
    entries += [_entry(form, 0, groups=[each]) for each in names]
    fork = group.followed(case.group, 9).configuration.digest.hex()
    entries += [_entry(form, 3), _entry(form, 1, "not-pinned", groups=[fork])]


def _forged_chain(files: Files, entries: list[Entry]) -> None:
    """The same owners under fresh keys again, from the genesis on."""
    name = "good/chain-of-strangers.cbor"
    files[name] = chains.OF_STRANGERS.certificate.to_cbor()
    pins = [each.configuration.digest.hex() for each in chains.REPLACED.epochs]
    entries += [_entry(name, 3), _entry(name, 1, "not-pinned", groups=pins)]


def _add_bad(path: str, document: bytes, code: str, files: Files, entries: list[Entry], **named: object) -> None:
    assert path not in files, path
    files[path] = document
    entries.append(_entry(path, 1, code or _refusal(document), **named))


def _claimed(document: bytes) -> dict[str, list[Any]]:
    """A pin by which nothing but the defect itself can make the check fail."""
    try:
        rests_on = anchor(parse(document))
    except Refused:
        return {"groups": [group.DIGITS.digest]}
    return {"groups": [rests_on.text]} if rests_on.kind == "group" else {"providers": [PROVIDER]}


def _refusal(document: bytes) -> str:
    """What is wrong first, where a defect does not say: read over before it is committed, pinned from then on."""
    return verify(document, Trust(), now=NOW).findings[0].code


def _entry(
    file: str, code: int, finding: str = "", *, providers: Sequence[PrivateKey] = (), **options: object
) -> Entry:
    """How to check a file, the exit code, and the code of a finding that there must be."""
    entry: Entry = {"file": file, "providers": [str(key.public) for key in providers], **options, "exit": code}
    return entry | ({"finding": finding} if finding else {})


if __name__ == "__main__":
    made = build()
    write(made)
    print(f"{len(made)} files")

"""Whom the caller trusts: the providers, groups and models named on the command line or in a trust file.

A trust file is TOML with any of `providers`, `groups` and `models`, each a list of texts; an unknown key is
refused. Nothing is ever trusted because a certificate says so.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec

from assay import jsonform
from assay.digest import SIZE
from assay.errors import Refused, TooLarge
from assay.keys import PublicKey

MAX_BYTES = 4 * 1024 * 1024  # of a trust file


@dataclass(frozen=True)
class Trust:
    """The anchors the caller named, as raw bytes: provider keys, group digests, model commitments (32 each).

    `providers` and `groups` are anchors: an answer is pinned through one of them. `models` only narrows: any
    stranger can sign for a model, so a model alone anchors nothing.
    """

    providers: frozenset[bytes] = field(default_factory=frozenset)
    groups: frozenset[bytes] = field(default_factory=frozenset)
    models: frozenset[bytes] = field(default_factory=frozenset)

    @classmethod
    def of(cls, providers: Iterable[str] = (), groups: Iterable[str] = (), models: Iterable[str] = ()) -> Trust:
        """From their written forms. Raises Refused naming the list and the entry."""
        return cls(
            providers=frozenset(_key(text, f"/providers/{i}") for i, text in enumerate(providers)),
            groups=frozenset(_digest(text, f"/groups/{i}") for i, text in enumerate(groups)),
            models=frozenset(_digest(text, f"/models/{i}") for i, text in enumerate(models)),
        )

    @classmethod
    def load(cls, path: Path) -> Trust:
        """Reads a trust file. Raises Refused with the file's name and the JSON pointer of what is wrong."""
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise TooLarge("trust file is too large", expected=f"at most {MAX_BYTES} bytes", got="more")
            return cls.parse(content)
        except OSError as error:
            raise Refused("cannot read the trust file", pointer=str(path), got=str(error.strerror)) from error
        except Refused as error:
            raise error.under(str(path)) from error

    @classmethod
    def parse(cls, content: bytes) -> Trust:
        """Reads the text of a trust file."""
        try:
            table = tomllib.loads(content.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise Refused("not TOML", expected="UTF-8 TOML", got=str(error)) from error
        file = jsonform.convert(table, _File)
        return cls.of(file.providers, file.groups, file.models)

    def __or__(self, other: Trust) -> Trust:
        return Trust(self.providers | other.providers, self.groups | other.groups, self.models | other.models)


_Entries = Annotated[tuple[str, ...], msgspec.Meta(max_length=10_000)]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    providers: _Entries = ()
    groups: _Entries = ()
    models: _Entries = ()


def _key(text: str, pointer: str) -> bytes:
    try:
        return PublicKey.parse(text).raw
    except Refused as error:
        raise error.under(pointer) from error


def _digest(text: str, pointer: str) -> bytes:
    digits = text.strip()
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raw = b""
    if len(digits) != 2 * SIZE or len(raw) != SIZE:
        raise Refused(
            "not a digest", pointer=pointer, expected=f"{2 * SIZE} hexadecimal digits", got=repr(text[:80])
        )
    return raw

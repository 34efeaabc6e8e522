"""Table rows to numbers: JSON objects or lists, or CSV with a header; columns by name, never by luck.

Every declared field is there exactly once and nothing else is. Numbers are decimal text until `decimals.convert`
rounds each once; no JSON library's floats come in between.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.errors import Refused, TooLarge
from assay.model import RowPreprocessing
from assay.preprocessing import decimals
from assay.tensor import DTYPES, Tensor

MAX_ROWS = 10_000

Row = list[str]  # the fields' texts, in the declared order


def from_json(rule: RowPreprocessing, datatype: str, plain: Any) -> Tensor:
    """From parsed JSON: one row (an object by field name, or a list in field order) or a list of such rows.

    A number is decimal text, an int, or a float, which stands for its shortest decimal text. Raises Refused naming
    row and field.
    """
    many = isinstance(plain, list) and all(isinstance(each, list | dict) for each in plain) and len(plain) > 0
    rows = plain if many else [plain]
    prefixes = [f"/{i}" for i in range(len(rows))] if many else [""]
    return _tensor(rule, datatype, [_row(rule, *each) for each in zip(rows, prefixes, strict=True)])


def from_csv(rule: RowPreprocessing, datatype: str, content: bytes) -> Tensor:
    """From CSV: a header that names each field once, in any order, then a line per row. Raises Refused."""
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused("not CSV", code="invalid-csv", expected="UTF-8 CSV", got=str(error)) from error
    filled = [(number, line) for number, line in enumerate(lines, 1) if line]
    if len(filled) < 2:
        raise Refused("CSV needs a header and a row", code="invalid-csv", expected="2 lines", got=f"{len(filled)}")
    header = [name.strip() for name in filled[0][1]]
    if len(set(header)) != len(header):
        raise Refused("column names must differ", pointer="line 1", expected="each once", got=str(header)[:200])
    _require_names(rule, header, "line 1")
    rows = []
    for number, line in filled[1:]:
        if len(line) != len(header):
            raise Refused(
                "wrong number of columns", pointer=f"line {number}", expected=f"{len(header)}", got=f"{len(line)}"
            )
        named = dict(zip(header, line, strict=True))
        rows.append([named[field.name] for field in rule.fields])
    return _tensor(rule, datatype, rows)


def _row(rule: RowPreprocessing, plain: Any, prefix: str) -> Row:
    match plain:
        case Mapping():
            _require_names(rule, list(plain), prefix)
            return [_text(plain[field.name], f"{prefix}/{field.name}") for field in rule.fields]
        case list():
            if len(plain) != len(rule.fields):
                raise Refused(
                    "wrong number of fields",
                    code="wrong-names",
                    pointer=prefix,
                    expected=f"{len(rule.fields)} values, in the order {_names(rule)}",
                    got=f"{len(plain)}",
                )
            return [_text(value, f"{prefix}/{i}") for i, value in enumerate(plain)]
        case _:
            raise Refused(
                "not a table row", pointer=prefix, expected="an object or a list", got=type(plain).__name__
            )


def _text(value: Any, pointer: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Refused(
            "not a number", code="not-a-number", pointer=pointer, expected="a number", got=type(value).__name__
        )
    return str(value)


def _require_names(rule: RowPreprocessing, given: list[str], pointer: str) -> None:
    wanted = {field.name for field in rule.fields}
    missing, extra = [f.name for f in rule.fields if f.name not in given], [n for n in given if n not in wanted]
    if missing or extra:
        parts = [("missing: ", missing), ("unknown: ", extra)]
        raise Refused(
            "wrong fields",
            code="wrong-names",
            pointer=pointer,
            expected=_names(rule),
            got="; ".join(word + ", ".join(map(repr, names[:8])) for word, names in parts if names),
        )


def _names(rule: RowPreprocessing) -> str:
    names = [field.name for field in rule.fields]
    return ", ".join(names[:32]) + (f", … ({len(names)} fields)" if len(names) > 32 else "")


def _tensor(rule: RowPreprocessing, datatype: str, rows: list[Row]) -> Tensor:
    if len(rows) > MAX_ROWS:
        raise TooLarge("too many rows", expected=f"at most {MAX_ROWS}", got=f"{len(rows)}")
    values = [
        [
            decimals.convert(text, datatype, f"/{i}/{field.name}")
            for field, text in zip(rule.fields, row, strict=True)
        ]
        for i, row in enumerate(rows)
    ]
    return Tensor.of(rule.input, np.array(values, DTYPES[datatype]))

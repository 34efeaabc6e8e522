"""CSV files to download, for spreadsheets: amounts as plain decimal numbers, text that is never a formula.

They are sent as their rows are read, so they may be of any length.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from django.http import StreamingHttpResponse

LINES = 500  # in one part
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would work out


def sheet(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """As a download. Numbers come as int or float, amounts as text from `billing.money.number`."""
    disposition = f'attachment; filename="{name}"'
    return StreamingHttpResponse(
        _parts(chain([header], rows)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": disposition},
    )


def _parts(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Many lines at once: each part takes a turn of a thread."""
    rest = iter(rows)
    while some := list(islice(rest, LINES)):
        out = io.StringIO()
        csv.writer(out).writerows([_cell(value) for value in row] for row in some)
        yield out.getvalue()


def _cell(value: object) -> str:
    """A number stays one, also below zero; other text that begins like a formula is marked as text."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) and not _number(text) else text


def _number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit() and text.isascii()

"""CSV files to download, for spreadsheets: amounts as plain decimal numbers, text that is never a formula.

They are sent as their rows are read, so they may be of any length.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from django.http import StreamingHttpResponse

from marketplace import text

LINES = 500  # in one part


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
    """A number stays one, also below zero."""
    shown = "" if value is None else str(value)
    return shown if _number(shown) else text.cell(shown)


def _number(shown: str) -> bool:
    return shown.removeprefix("-").replace(".", "", 1).isdigit() and shown.isascii()

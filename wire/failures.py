"""Errors as they travel: an AssayError becomes a Failure and comes out as an AssayError of the same code.

What a peer says ends up in logs, terminals and databases. It is made printable on arrival: no line breaks, no
control characters, nothing that a terminal obeys.
"""

from __future__ import annotations

from assay.errors import AssayError, DeadlineExceeded, Refused, Unavailable
from wire.messages import LONG, SHORT, Failure


def to_failure(request: int, error: AssayError) -> Failure:
    """`error` as the answer to `request`; what is too long is cut, an error is never itself refused."""
    return Failure(
        id=request,
        code=error.code[:SHORT],
        detail=error.detail[:LONG],
        pointer=error.pointer[:SHORT],
        expected=error.expected[:LONG],
        got=error.got[:LONG],
        hint=error.hint[:LONG],
        retry=isinstance(error, Unavailable),
    )


def to_error(failure: Failure) -> AssayError:
    """Unavailable where trying again may help, DeadlineExceeded where time ran out, else Refused."""
    kind: type[AssayError] = Unavailable if failure.retry else Refused
    if failure.code == DeadlineExceeded.default_code:
        kind = DeadlineExceeded
    return kind(
        printable(failure.detail),
        code=printable(failure.code),
        pointer=printable(failure.pointer),
        expected=printable(failure.expected),
        got=printable(failure.got),
        hint=printable(failure.hint),
    )


def printable(text: str) -> str:
    """`text` on one line, with a blank for whatever is not printable."""
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)

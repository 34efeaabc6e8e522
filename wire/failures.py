"""Errors as they travel: an AssayError becomes a Failure and comes out as an AssayError of the same code."""

from __future__ import annotations

from assay.errors import AssayError, DeadlineExceeded, Refused, Unavailable
from wire.messages import Failure

SHORT, LONG = 256, 4096  # as in wire.messages; what is longer is cut, an error is never itself refused


def to_failure(request: int, error: AssayError) -> Failure:
    """`error` as the answer to `request`."""
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
        failure.detail,
        code=failure.code,
        pointer=failure.pointer,
        expected=failure.expected,
        got=failure.got,
        hint=failure.hint,
    )

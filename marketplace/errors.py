"""The refusals that have an HTTP status of their own. Any other AssayError's status follows from its class.

Refused
├── Unauthenticated   401   who is asking is not known
├── PaymentRequired   402   too little credit, or a cap would be exceeded; `missing` micro-units
├── Forbidden         403   known, may see the thing, may not do this to it
├── NotFound          404   there is no such thing, or none that the asker may know of
├── Conflict          409   not in the state that the thing is in
├── Throttled         429   too often; `retry_after` seconds
└── NoSpace           507   the disk is full
"""

from __future__ import annotations

from typing import Any, ClassVar

from assay.errors import Refused


class Unauthenticated(Refused):
    default_code = "unauthenticated"
    status: ClassVar[int] = 401


class PaymentRequired(Refused):
    default_code = "insufficient-credit"
    status: ClassVar[int] = 402

    def __init__(self, detail: str, missing: int, currency: str, **fields: Any) -> None:
        super().__init__(detail, **fields)
        self.missing = missing
        self.currency = currency


class Forbidden(Refused):
    default_code = "forbidden"
    status: ClassVar[int] = 403


class NotFound(Refused):
    default_code = "not-found"
    status: ClassVar[int] = 404


class Conflict(Refused):
    default_code = "conflict"
    status: ClassVar[int] = 409


class Throttled(Refused):
    default_code = "throttled"
    status: ClassVar[int] = 429

    def __init__(self, detail: str, retry_after: int, **fields: Any) -> None:
        super().__init__(detail, **fields)
        self.retry_after = retry_after


class NoSpace(Refused):
    default_code = "no-space"
    status: ClassVar[int] = 507

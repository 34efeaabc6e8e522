"""Every way Assay says no.

    AssayError                 what a caller of this library may catch
    ├── Refused                bytes or values from outside that are not what was expected
    │   ├── TooLarge           … because they exceed a limit
    │   └── PaymentRequired    … because there is too little credit, or a cap would be exceeded
    ├── NotVerified            a check was carried out and the claim is false
    ├── Unavailable            a machine did not answer, or answered that it cannot serve now
    └── DeadlineExceeded       the caller's time ran out

An error is data before it is text: a stable `code`, where it happened (`pointer`: a JSON pointer, a node name
or a byte offset), what was `expected` and what was `got`, and a `hint` that says what to try next. The REST
API turns one into an RFC 9457 problem document without losing anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.money import Money


class AssayError(Exception):
    """Base of all errors. `code` is stable and documented; `detail` is for people."""

    default_code = "error"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        pointer: str = "",
        expected: str = "",
        got: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(detail)
        self.code = code or self.default_code
        self.detail = detail
        self.pointer = pointer
        self.expected = expected
        self.got = got
        self.hint = hint

    def under(self, prefix: str) -> AssayError:
        """The same error seen from outside: `prefix` is put before its pointer."""
        self.pointer = prefix + self.pointer
        return self

    def fields(self) -> dict[str, str]:
        """What is known, without the empty parts; the form that goes over the wire and into problem documents."""
        every = {
            "code": self.code,
            "detail": self.detail,
            "pointer": self.pointer,
            "expected": self.expected,
            "got": self.got,
            "hint": self.hint,
        }
        return {name: value for name, value in every.items() if value}

    def __str__(self) -> str:
        where = f"{self.pointer}: " if self.pointer else ""
        values = (("expected", self.expected), ("got", self.got))
        known = ", ".join(f"{name} {value}" for name, value in values if value)
        what = f" ({known})" if known else ""
        return f"{where}{self.detail}{what}" + (f". {self.hint}" if self.hint else "")


class Refused(AssayError):
    """Input from outside is not what was expected; nothing was done with it."""

    default_code = "invalid"


class TooLarge(Refused):
    """Input from outside exceeds a limit; it was not read further."""

    default_code = "too-large"


class PaymentRequired(Refused):
    """There is too little credit for what was asked, or a cap would be exceeded; nothing was charged.

    `missing`: how much, if the server has said so.
    """

    default_code = "insufficient-credit"
    missing: Money | None = None


class NotVerified(AssayError):
    """A check ran to its end and the claim does not hold."""

    default_code = "not-verified"


class Unavailable(AssayError):
    """A machine cannot be reached or cannot serve now; trying again or elsewhere may help."""

    default_code = "unavailable"


class DeadlineExceeded(AssayError):
    """The deadline passed before an answer came."""

    default_code = "deadline-exceeded"

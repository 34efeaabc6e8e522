"""What a mode is paid by: units that can be bounded before the work and read off the certificate after it."""

from __future__ import annotations

from typing import Literal, Protocol

from assay.certificate import AnyCertificate

Unit = Literal["row", "second"]


class Meter(Protocol):
    """`unit` is what a price is for."""

    unit: Unit

    def most(self, rows: int, seconds: float) -> int:
        """Units at most, for so many rows that are wanted within so many seconds."""

    def used(self, certificate: AnyCertificate) -> int | None:
        """Units in the end, or None where they are always as many as were quoted."""


class Rows:
    """Paid by the row, whatever it took."""

    unit: Unit = "row"

    def most(self, rows: int, seconds: float) -> int:
        del seconds
        return rows

    def used(self, certificate: AnyCertificate) -> int | None:
        del certificate
        return None

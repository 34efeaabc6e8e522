"""A mode that nobody has built yet: paid by the second of proof, with a part for whoever verifies.

It declares its ends, its meter and whom it pays, and that is all that the marketplace's money knows of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from verification.ends import (
    CANCELLED,
    CERTIFIED,
    DISPUTE_LOST,
    DISPUTE_WON,
    EXPIRED,
    FAILED,
    PROOF_FAILED,
    VOID,
    Ending,
)
from verification.metering import Meter, Unit
from verification.mode import End, Job, Kind, Ports, Quote, Target


@dataclass(frozen=True)
class Proof:
    """As much of a certificate as money asks for: how long it took, and whose work it was."""

    seconds: int
    by: frozenset[str]
    mode: str = "proof"


class Seconds:
    """Paid by the second, of each row at most as many as there are until the deadline."""

    unit: Unit = "second"

    def most(self, rows: int, seconds: float) -> int:
        return rows * math.ceil(seconds)

    def used(self, certificate: Any) -> int:
        assert isinstance(certificate, Proof)
        return certificate.seconds


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""


class Proving:
    name: ClassVar[str] = "proof"
    title: ClassVar[str] = "Proven"
    asks: ClassVar[Kind] = "group"
    ends: ClassVar[tuple[Ending, ...]] = (
        *(CERTIFIED, FAILED, EXPIRED, CANCELLED),
        *(DISPUTE_WON, DISPUTE_LOST, VOID, PROOF_FAILED),
    )
    meter: ClassVar[Meter] = Seconds()
    verifying: ClassVar[int] = 1_500  # 15 %
    Params = Params

    def quote(self, target: Target, params: Params) -> Quote:
        return Quote(inferences=1, guarantee="Proven.", caveats=())

    def owners(self, certificate: Any) -> frozenset[str]:
        assert isinstance(certificate, Proof)
        return certificate.by

    async def run(self, job: Job[Params], ports: Ports) -> End:
        raise NotImplementedError

    async def resume(self, job: Job[Params], ports: Ports, saved: bytes) -> End:
        raise NotImplementedError

"""The modes that stand, by name. A new mode is a new module and one line here."""

from __future__ import annotations

from typing import Any

from assay.errors import Refused
from verification.agreement import Agreement
from verification.direct import Direct
from verification.mode import Mode

MODES: dict[str, Mode[Any]] = {mode.name: mode for mode in (Direct(), Agreement())}


def mode_named(name: str, pointer: str = "/verification/mode") -> Mode[Any]:
    """Raises Refused, listing what there is."""
    if name not in MODES:
        raise Refused(
            "unknown verification mode",
            code="unknown-mode",
            pointer=pointer,
            expected=" | ".join(MODES),
            got=name[:64],
        )
    return MODES[name]

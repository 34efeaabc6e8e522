"""What members answer with: after each entry it follows from the log, hence is the same on all of them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from assay import cbor
from assay.fields import Milliseconds
from assay.model import Digest, ModelReference

MAX_RETIRED = 8  # models of one member whose results still count


class Retired(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model whose results count for a while after the member has changed to another."""

    commitment: Digest
    model: ModelReference
    until: Milliseconds  # entry time


class Serving(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one member answers with. Commitments stand beside their models because they cost time to calculate."""

    commitment: Digest
    model: ModelReference
    serial: int  # of its last change; 0: none
    retired: Annotated[tuple[Retired, ...], msgspec.Meta(max_length=MAX_RETIRED)]

    @property
    def content(self) -> cbor.Value:
        """What of it an entry covers: the models stand for themselves by their commitments."""
        return [self.commitment, self.serial, [[old.commitment, old.until] for old in self.retired]]

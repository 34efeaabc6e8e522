"""What may happen to a prediction, as data; `actions.apply` carries it out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils import timezone

from assay.errors import AssayError
from marketplace.certificates.actions import Prepared
from marketplace.predictions.models import Status
from verification.ends import Ending


@dataclass(frozen=True)
class Change:
    """Something that happened to a prediction. Without `status` it is an event and nothing else."""

    prediction: UUID
    status: Status | None = None
    stage: str = ""  # the event's name; the status's unless given
    detail: dict[str, Any] = field(default_factory=dict)
    time: dt.datetime = field(default_factory=timezone.now)
    certificate: Prepared | None = None
    error: AssayError | None = None
    ending: Ending | None = None  # where the mode has said it; else that of the status

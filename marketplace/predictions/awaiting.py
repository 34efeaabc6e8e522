"""Waiting until a prediction has ended, with nothing held meanwhile but a thread: no database connection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from uuid import UUID

from django.db import connection
from django.utils import timezone

from assay.errors import Unavailable
from marketplace import presence
from marketplace.predictions import access
from marketplace.predictions.actions import GRACE
from marketplace.predictions.models import Prediction
from marketplace.predictions.states import ENDS
from marketplace.predictions.waiting import Ended, hub

SLACK = 0.05  # seconds past the moment when a prediction counts as overdue


@contextmanager
def watching(identifier: UUID) -> Iterator[Ended | None]:
    """Watches a prediction, best from before it is stored: then nothing is missed. None where too many wait."""
    ended = Ended()
    with ExitStack() as stack:
        try:
            stack.enter_context(hub().watch(identifier, ended.tell))
        except Unavailable:  # to wait was a preference, so it is not refused but not done
            yield None
            return
        yield ended


def until_ended(prediction: Prediction, ended: Ended, seconds: float) -> Prediction:
    """The prediction as it stands once it has ended, `seconds` are over, or the client who asks has left."""
    asking, until = presence.client(), time.monotonic() + seconds
    asking.on_leaving(partial(ended.tell, None))
    while prediction.status not in ENDS and not asking.gone and (left := until - time.monotonic()) > 0:
        overdue = (prediction.deadline + GRACE - timezone.now()).total_seconds() + SLACK
        connection.close()
        ended.wait(min(left, max(overdue, SLACK)))
        prediction = access.again(prediction)
    return prediction

"""Which errands of the outbox are the catalogue's."""

from __future__ import annotations

from marketplace.catalogue import delivering, validating
from marketplace.predictions import outbox
from marketplace.predictions.outbox import Errand


def register() -> None:
    """Called once, when Django has loaded its apps."""
    outbox.handler("catalogue.validate", _validate)
    outbox.handler("catalogue.discard", lambda errand: validating.discard(errand.payload["upload"]))
    outbox.handler("catalogue.deploy", _deploy)
    outbox.handler("catalogue.undeploy", _undeploy)


def _validate(errand: Errand) -> None:
    validating.validate(errand.payload["version"], last=errand.last)


def _deploy(errand: Errand) -> None:
    delivering.deploy(errand.payload["deployment"], errand.payload["attempt"], last=errand.last)


def _undeploy(errand: Errand) -> None:
    delivering.undeploy(errand.payload["deployment"], errand.payload["attempt"])

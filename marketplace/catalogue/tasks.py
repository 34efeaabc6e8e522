"""What is done regularly about models and nodes. Each task looks at the tables and may be lost or doubled."""

from __future__ import annotations

from celery import shared_task

from marketplace.accounts import signing_in
from marketplace.catalogue import health, sweeping
from marketplace.catalogue.actions import evaluations


@shared_task(name="catalogue.check_nodes")
def check_nodes() -> None:
    health.check_nodes()


@shared_task(name="catalogue.advance_evaluations")
def advance_evaluations() -> None:
    evaluations.advance()


@shared_task(name="catalogue.tidy_up")
def tidy_up() -> None:
    """Deletes what has had its time."""
    sweeping.abandon_stale_uploads()
    sweeping.remove_strays()
    signing_in.forget_old_attempts()

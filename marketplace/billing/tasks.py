"""What is done regularly about money. Each task looks at the tables and may be lost or doubled."""

from __future__ import annotations

from celery import shared_task

from marketplace.billing import maturing, quoting, stakes


@shared_task(name="billing.mature")
def mature() -> None:
    """Makes earnings available, all that are due."""
    maturing.mature()


@shared_task(name="billing.release_stakes")
def release_stakes() -> None:
    """Unlocks what was locked for places that were given up long enough ago."""
    stakes.sweep()


@shared_task(name="billing.tidy_up")
def tidy_up() -> None:
    """Deletes what has had its time."""
    quoting.forget_old()

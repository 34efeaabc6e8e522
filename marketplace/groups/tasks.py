"""What is done regularly about groups. It looks at the tables and may be lost or doubled."""

from __future__ import annotations

from celery import shared_task

from marketplace.groups import ordering, telling


@shared_task(name="groups.tell_again")
def tell_again() -> None:
    telling.tell_again()
    ordering.tell_again()

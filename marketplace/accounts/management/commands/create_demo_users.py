"""manage.py create_demo_users: makes the demo's people, with test credit to spend, and prints them as JSON, with
passwords and keys.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from assay.errors import Refused
from marketplace.accounts import demo_users
from marketplace.billing import demo_credit


class Command(BaseCommand):
    help = "Makes the demo's people (again: changes nothing) and prints them as JSON. Needs ASSAY_DEMO=1."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            users = demo_users.create()
            demo_credit.give(users)
        except Refused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(msgspec.json.encode(users).decode())

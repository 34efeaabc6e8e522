"""manage.py dispatch_key: prints the public half of the key by which nodes know this marketplace's workers.

Owners put it into their nodes' configuration (`assay-node init --marketplace-key`). Publish it where they trust it
to be yours.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from assay.errors import Refused
from marketplace.catalogue import peers


class Command(BaseCommand):
    help = "Prints the public key by which nodes know this marketplace's workers."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = peers.identity().public
        except (Refused, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(str(key))

"""manage.py grant ROLE: gives the role as which the marketplace runs what it needs. To be run after `migrate`, by
whoever owns the tables; done again, it changes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError

from assay.errors import Refused
from marketplace.db import privileges


class Command(BaseCommand):
    help = "Gives the marketplace's own role in PostgreSQL what it needs, and no more. Run as the tables' owner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", help="as which web processes, workers and the scheduler connect")
        parser.add_argument(
            "--password-file", type=Path, help="makes the role where it is missing, with the password in this file"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            granted = privileges.grant(options["role"], _password(options["password_file"]))
        except ProgrammingError as error:
            raise CommandError(f"{str(error).strip()} (only the tables' owner may grant)") from error
        except (Refused, OSError) as error:
            raise CommandError(str(error)) from error
        narrow = {table: what for table, what in granted.items() if "UPDATE" not in what}
        for table, what in narrow.items():
            self.stdout.write(f"{table}: {what}")
        self.stdout.write(f"{len(granted) - len(narrow)} other tables: {privileges.allowed('')}")


def _password(path: Path | None) -> str | None:
    """What the file holds. Raises Refused, OSError."""
    if path is None:
        return None
    password = path.read_text("utf-8").strip()
    if not password:
        raise Refused("the file is empty", pointer=str(path), expected="a password")
    return password

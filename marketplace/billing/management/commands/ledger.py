"""manage.py ledger: proves the ledger, prints the books, closes a period.

check           exit status 1 and what is wrong, with ids, if anything is
trial-balance   what is on all accounts of a kind, now or at the end of a day
journal         every entry of some days, as CSV
close           all days up to one, for ever
"""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assay.errors import Refused
from marketplace.accounts.models import User
from marketplace.billing import books, checking, money


def day(text: str) -> dt.date:
    """For argparse. Raises ArgumentTypeError."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day, such as 2026-05-31") from error


class Command(BaseCommand):
    help = "Proves the ledger from its entries, prints the books, closes a period."

    def add_arguments(self, parser: CommandParser) -> None:
        doing = parser.add_subparsers(dest="doing", required=True)
        doing.add_parser("check", help="prove every rule of the ledger, on a live database")
        trial = doing.add_parser("trial-balance", help="what is on all accounts of a kind")
        trial.add_argument("--at", type=day, help="at the end of this day (UTC), e.g. 2026-05-31")
        journal = doing.add_parser("journal", help="every entry, as CSV")
        journal.add_argument("--from", dest="first", type=day, default=books.FIRST_DAY)
        journal.add_argument("--to", dest="last", type=day, default=dt.date.max)
        close = doing.add_parser("close", help="close all days up to one, for ever")
        close.add_argument("day", type=day)
        close.add_argument("--by", required=True, help="the e-mail address of who closes")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['doing'].replace('-', '_')}")(options)
        except Refused as error:
            raise CommandError(str(error)) from error

    def _check(self, _: dict[str, Any]) -> None:
        found = checking.check_live()
        for each in found:
            self.stdout.write(str(each))
        wrong = [each for each in found if each.broken]
        if wrong:
            raise CommandError(f"the ledger is wrong: {len(wrong)} of {len(found)} rules are broken")
        self.stdout.write("the ledger is right")

    def _trial_balance(self, options: dict[str, Any]) -> None:
        totals = books.trial_balance(options["at"])
        for each in totals:
            self.stdout.write(f"{each.kind:<14}{each.currency} {money.number(each.amount):>24}")
        for currency in sorted({each.currency for each in totals}):
            summed = sum(each.amount for each in totals if each.currency == currency)
            self.stdout.write(f"{'sum':<14}{currency} {money.number(summed):>24}")

    def _journal(self, options: dict[str, Any]) -> None:
        for lines in books.journal(options["first"], options["last"]):
            self.stdout.write(lines, ending="")

    def _close(self, options: dict[str, Any]) -> None:
        by = User.objects.filter(email=options["by"].lower()).first()
        if by is None:
            raise CommandError("there is nobody of that address")
        period = books.close(by, options["day"])
        self.stdout.write(f"closed up to {period.last_day}; SHA-256 of the journal {period.sha256.hex()}")

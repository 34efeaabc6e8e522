"""The forms of the finance pages, and who may use them: the staff group `finance`.

What a form does is done by `credit`, `adjusting` and `books`; here is what somebody types, and what they are shown
before it is done.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from assay.errors import Refused
from marketplace.accounts.models import Organisation, User
from marketplace.billing import accounts, adjusting, books, credit, money
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.models import Account

GROUP = "finance"
LOOK = ("account", "transaction", "hold", "price", "spending", "cap", "period", "adjustment")
MAY = (credit.GRANT, books.CLOSE, adjusting.PROPOSE, adjusting.DECIDE)


def ensure_group(**_: object) -> None:
    """The staff group, with its permissions: to look at everything here, grant, close, propose and decide."""
    wanted = {f"view_{name}" for name in LOOK}
    wanted |= {name.partition(".")[2] for name in MAY}
    group, _created = Group.objects.get_or_create(name=GROUP)
    of_ours = Permission.objects.filter(content_type__app_label="billing", codename__in=wanted)
    group.permissions.add(*of_ours)


class Task(forms.Form):
    """Something that is shown to who is about to do it, and done once they have confirmed it."""

    title: ClassVar[str]
    permission: ClassVar[str]
    button: ClassVar[str]

    def shown(self) -> list[str]:
        """What is about to happen, in lines. Raises AssayError if it cannot."""
        raise NotImplementedError

    def done(self, by: User) -> str:
        """Does it, and says so. Raises AssayError."""
        raise NotImplementedError


def _organisation(slug: str, field: str) -> Organisation:
    found = Organisation.objects.filter(slug=slug.strip()).first()
    if found is None:
        raise forms.ValidationError({field: "There is no such organisation."})
    return found


class Amount(forms.CharField):
    """An amount above 0 in the marketplace's currency, as micro-units."""

    def clean(self, value: Any) -> int:
        try:
            amount = money.micros(super().clean(value), "/amount")
        except Refused as error:
            raise forms.ValidationError(f"An amount: {error.expected}.") from error
        if not amount:
            raise forms.ValidationError("More than 0.")
        return amount


class Grant(Task):
    """Test credit for an organisation."""

    title, permission, button = "Grant test credit", credit.GRANT, "Grant"

    organisation = forms.CharField(max_length=40, help_text="Its short name, as in addresses.")
    amount = Amount(help_text="Such as 25 or 0.50.")
    reason = forms.CharField(max_length=200, help_text="The organisation sees it.")
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)  # sent twice, it is granted once

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if "organisation" in given:
            given["to"] = _organisation(given["organisation"], "organisation")
        return given

    def shown(self) -> list[str]:
        given = self.cleaned_data
        return [f"{_words(given['amount'])} of credit for {given['to']}", given["reason"]]

    def done(self, by: User) -> str:
        given = self.cleaned_data
        credit.grant(by, given["to"], given["amount"], str(given["key"]), given["reason"])
        return f"{_words(given['amount'])} granted to {given['to']}"


class Propose(Task):
    """An adjustment, for somebody else to approve."""

    title, permission, button = "Propose an adjustment", adjusting.PROPOSE, "Propose"
    KINDS = [(kind.value, kind.label) for kind in Kind if kind not in adjusting.NOT_BY_HAND]

    amount = Amount(help_text="To be added to the first account and taken from the second.")
    to_kind = forms.ChoiceField(label="Add to", choices=KINDS)
    to_organisation = forms.CharField(label="Whose", required=False, help_text="Empty for the platform's own.")
    of_kind = forms.ChoiceField(label="Take from", choices=KINDS, initial=Kind.ADJUSTED.value)
    of_organisation = forms.CharField(label="Whose", required=False, help_text="Empty for the platform's own.")
    reason = forms.CharField(max_length=300, help_text="Those whose credit or earnings it changes see it.")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        for side in ("to", "of"):
            if f"{side}_kind" in given:
                given[side] = self._where(side, Kind(given[f"{side}_kind"]), given.get(f"{side}_organisation", ""))
        return given

    def _where(self, side: str, kind: Kind, slug: str) -> Where:
        platform = kind in Account.OF_PLATFORM
        if platform == bool(slug.strip()):
            says = "This account is the platform's own." if platform else "Whose account?"
            raise forms.ValidationError({f"{side}_organisation": says})
        return Where(kind, None if platform else _organisation(slug, f"{side}_organisation").pk)

    def shown(self) -> list[str]:
        given = self.cleaned_data
        return [
            _words(given["amount"]),
            f"to {Kind(given['to_kind']).label} {given['to_organisation']}".rstrip(),
            f"from {Kind(given['of_kind']).label} {given['of_organisation']}".rstrip(),
            given["reason"],
            "Nothing moves until somebody else has approved it.",
        ]

    def done(self, by: User) -> str:
        given = self.cleaned_data
        made = adjusting.propose(by, given["to"], given["of"], given["amount"], given["reason"])
        return f"adjustment {made.pk} is proposed; somebody else has to approve it"


def _yesterday() -> dt.date:
    return timezone.now().astimezone(dt.UTC).date() - dt.timedelta(days=1)


class Close(Task):
    """A period, for ever."""

    title, permission, button = "Close a period", books.CLOSE, "Close for ever"

    last_day = forms.DateField(initial=_yesterday, help_text="This day and all before it, in UTC.")

    def shown(self) -> list[str]:
        last = self.cleaned_data["last_day"]
        books.require_closable(last)
        lines = [
            f"{Kind(each.kind).label}: {money.words(each.amount, each.currency)}"
            for each in books.trial_balance(last)
            if each.amount
        ]
        first = f"All days up to {last} are closed for ever. The trial balance at their end:"
        return [first, *(lines or ["There is nothing on any account."])]

    def done(self, by: User) -> str:
        period = books.close(by, self.cleaned_data["last_day"])
        return f"closed up to {period.last_day}; SHA-256 of the journal {bytes(period.sha256).hex()}"


class Days(forms.Form):
    """From which day to which."""

    first = forms.DateField(label="From", required=False)
    last = forms.DateField(label="To", required=False)


class Day(forms.Form):
    at = forms.DateField(
        label="At the end of", required=False, help_text="Leave it empty for the present balance."
    )


def _words(amount: int) -> str:
    return money.words(amount, accounts.currency())

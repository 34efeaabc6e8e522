"""Every end that every mode declares, and what each does with the money: entry by entry."""

from __future__ import annotations

import re

import pytest
from django.db import transaction

from marketplace.billing import holding, pricing, reversing, settling
from marketplace.billing.models import Entry, Hold, HoldEnd, Transaction
from marketplace.billing.pricing import Asked, Line
from marketplace.billing.settling import Ended
from stack.tree import ROOT
from tests.docs.repository import ROOT as PAGES
from tests.marketplace import answering
from tests.marketplace.billing import grouped
from tests.marketplace.billing.books import Books
from tests.marketplace.billing.market import PRICE, Market, audited
from tests.marketplace.billing.proving import Proof, Proving
from tests.marketplace.groups import founded
from tests.marketplace.groups.deciding import SILENT, certificate
from verification.ends import ENDINGS, tables
from verification.registry import MODES

pytestmark = pytest.mark.django_db
EVERY = {**{name: mode.ends for name, mode in MODES.items()}, "proof": Proving.ends}
CASES = [(mode, ending.name) for mode, ends in EVERY.items() for ending in ends]
PAID = {"certified", "dispute-won", "contested-in-part"}
BACK = {"contested", "failed", "proof-failed", "void", "expired", "cancelled"}
TAKEN_BACK = {"dispute-lost"}
WELCOME = 1_000_000

Entries = dict[tuple[str, str | None], int]  # by account: kind, and whose


def entries(moved: Transaction) -> Entries:
    found = Entry.objects.filter(transaction=moved).select_related("account__organisation")
    return {(e.account.kind, e.account.organisation and e.account.organisation.slug): e.amount for e in found}


def back(held: int) -> Entries:
    return {("held", "tariq"): -held, ("free", "tariq"): held}


def mirrored(of: Entries, held: int) -> Entries:
    """What takes back what was posted of a hold: to where it was before it was held."""
    paid = {where: -amount for where, amount in of.items() if where[1] != "tariq"}
    return {**paid, ("free", "tariq"): -sum(paid.values())}


class OfModel:
    """Tariq asks asha's model."""

    def __init__(self, cast) -> None:
        self.market, self.cast = Market(cast), cast

    def ask(self) -> Hold:
        self.asked = self.market.ask(self.cast.tariq, self.cast.asha)
        return self.asked.hold

    def certificate(self, ending: str):
        return answering.signed(self.cast.node_key, self.asked).certificate

    held = PRICE
    paid: Entries = {("held", "tariq"): -1001, ("earned", "asha"): 901, ("fees", None): 100}
    in_part = paid


class OfGroup:
    """Tariq asks a group of four for two rows, of which one says nothing."""

    def __init__(self, cast) -> None:
        self.owners, self.buyer = founded.owners(cast), cast.tariq
        grouped.selling(self.owners)

    def ask(self) -> Hold:
        self.asked = grouped.ask(self.buyer, rows=2)
        return self.asked.hold

    def certificate(self, ending: str):
        noise = {"contested": [(i, i + 1) for i in range(4)], "contested-in-part": [(0, i) for i in range(4)]}
        says = {i: grouped.votes(self.owners[i], *row) for i, row in enumerate(noise.get(ending, []))}
        return certificate([each.key for each in self.owners], self.asked, {**says, 3: SILENT}).certificate

    held = 8_000
    paid: Entries = {
        ("held", "tariq"): -8_000,
        ("free", "tariq"): 2_000,
        **{("earned", owner): 1_800 for owner in ("asha", "bela", "sam")},
        ("fees", None): 600,
    }
    in_part: Entries = {
        ("held", "tariq"): -8_000,
        ("free", "tariq"): 5_000,
        **{("earned", owner): 900 for owner in ("asha", "bela", "sam")},
        ("fees", None): 300,
    }


class OfProvers:
    """Tariq asks three for a proof within ten seconds, at 7, 11 and 13 a second; two work three seconds on it."""

    def __init__(self, cast) -> None:
        self.cast = cast
        sellers = zip((cast.asha, cast.bela, cast.sam), (7, 11, 13), strict=True)
        self.lines = [
            Line(each.organisation.pk, each.name, None, i, "proof", "second", micros, 0)
            for i, (each, micros) in enumerate(sellers)
        ]

    def ask(self) -> Hold:
        with transaction.atomic():
            asked = Asked(MODES["proof"], 1, 10.0)
            hold = holding.hold(self.cast.tariq.actor, holding.standing(self.lines), asked)
        return Hold.objects.get(pk=hold)

    def certificate(self, ending: str) -> Proof:
        return Proof(3, frozenset({"asha", "sam"}))

    held = 310
    # 21 and 39 for three seconds; of 60 the platform takes 6 and who verifies 9; what is left over goes to sam
    paid: Entries = {
        ("held", "tariq"): -310,
        ("free", "tariq"): 250,
        ("earned", "asha"): 16,
        ("earned", "sam"): 29,
        ("fees", None): 6,
        ("verification", None): 9,
    }
    in_part = paid


WORLDS = {"direct": OfModel, "agreement": OfGroup, "proof": OfProvers}


@pytest.fixture(autouse=True)
def proving(monkeypatch):
    """The fifth mode stands, for this module: a name among the others, and nothing else anywhere."""
    monkeypatch.setitem(MODES, "proof", Proving())


@pytest.mark.parametrize(("mode", "name"), CASES)
def test_every_end_of_every_mode_moves_what_its_word_says(cast, mode, name):
    world, ending = WORLDS[mode](cast), ENDINGS[name]
    hold = world.ask()
    assert hold.amount == world.held
    first = ENDINGS["certified"] if name in TAKEN_BACK else ending
    settling.settle([Ended(hold.pk, first, world.certificate(first.name))])
    ended = HoldEnd.objects.get(pk=hold.pk)
    expected = world.in_part if name == "contested-in-part" else world.paid
    if name in BACK:
        assert (entries(ended.transaction), ended.posted) == (back(world.held), 0)
    else:
        assert entries(ended.transaction) == expected
        assert ended.posted == world.held - expected.get(("free", "tariq"), 0)
    if name in TAKEN_BACK:
        reversing.reverse(hold.pk, ending)
        assert entries(ended.transaction.reversal) == mirrored(expected, world.held)
        assert Books().of(cast.tariq) == Books().of(cast.bela) | {"free": WELCOME}
    audited()


@pytest.mark.parametrize("mode", EVERY)
def test_an_end_that_comes_again_or_too_late_moves_nothing(cast, mode):
    world = WORLDS[mode](cast)
    hold = world.ask()
    settling.settle([Ended(hold.pk, ENDINGS["cancelled"])])
    for ending in EVERY[mode]:
        settling.settle([Ended(hold.pk, ending, world.certificate(ending.name))])
    assert HoldEnd.objects.get(pk=hold.pk).ending == "cancelled"
    assert Books().of(cast.tariq) == {"free": WELCOME}


def test_every_end_is_one_of_paid_back_and_taken_back():
    assert {name: each.money for name, each in ENDINGS.items()} == {
        **dict.fromkeys(PAID, "posted"),
        **dict.fromkeys(BACK, "returned"),
        **dict.fromkeys(TAKEN_BACK, "reversed"),
    }
    assert {name for _, name in CASES} == set(ENDINGS), "an end that no mode declares"


def test_the_page_prints_the_tables_of_the_code():
    page = (PAGES / "docs" / "money.md").read_text()
    _, _, rest = page.partition("<!-- ends -->\n")
    printed, marker, _ = rest.partition("\n<!-- /ends -->")
    assert marker
    wanted = tables({name: mode.ends for name, mode in MODES.items() if name != "proof"})
    assert printed == wanted, "print it again: python docs/ends.py"


def test_nobody_asks_which_mode_it_is():
    """Neither who settles nor anybody else compares a mode with a name."""
    asking = re.compile(r"""\bmode(\.name)?\s*(==|!=|in)\s*[\[({]?\s*["']|match .*\bmode\b""")
    own = {"direct.py", "agreement.py"}
    files = [*(ROOT / "marketplace").rglob("*.py"), *(ROOT / "verification").glob("*.py")]
    found = [
        f"{path}:{number}"
        for path in files
        if path.parent.name != "verification" or path.name not in own
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if asking.search(line)
    ]
    assert found == []
    named = re.compile("|".join(f"""["']{name}["']""" for name in EVERY))
    billing = (ROOT / "marketplace" / "billing").glob("*.py")
    assert [path.name for path in billing if named.search(path.read_text())] == []


def test_a_mode_paid_by_the_second_never_takes_more_than_was_quoted_nor_gives():
    line = Line(1, "asha", None, 1, "proof", "second", 7, 0)
    charge = pricing.charge(line, Asked(Proving(), 2, 9.5), 0)
    assert charge.most == 7 * 2 * 10
    assert [pricing.used(charge, seconds) for seconds in (-1, 0, 3, 20, 21, 10**30)] == [0, 0, 21, 140, 140, 140]

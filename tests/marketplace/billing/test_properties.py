"""Whatever happens in whatever order, the ledger is what plain Python says; and sharing loses and makes nothing.

In `make test`: 200 amounts shared, and 60 histories of 14 to 34 steps each; the seed of a failure is printed.
"""

from __future__ import annotations

import datetime as dt
import os
from fractions import Fraction
from unittest import mock

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.billing import credit, holding, maturing, reversing, settling
from marketplace.billing.models import Balance, FreeUse, Spending
from marketplace.billing.pricing import Asked, Line
from marketplace.billing.settling import Ended
from marketplace.billing.splitting import share
from marketplace.errors import Conflict, PaymentRequired
from tests.marketplace import answering
from tests.marketplace.billing.modelled import Model, Seller
from tests.marketplace.billing.proving import Proof, Proving
from verification.ends import ENDINGS
from verification.registry import MODES

HISTORIES = int(os.environ.get("HISTORIES", "25"))
BEGIN = dt.datetime(2027, 1, 27, 23, 30, tzinfo=dt.UTC)  # the month ends soon, and February is short
SECONDS = 9.5  # until the deadline
NAMES = ("asha", "bela", "sam")

# --- sharing --------------------------------------------------------------------------------------------------

weights = st.lists(st.integers(0, 10**18), min_size=1, max_size=20).filter(any)


@given(st.integers(0, 2**63), weights)
@settings(max_examples=200)
def test_shares_add_up_are_fair_and_the_larger_remainder_comes_first(amount, weights):
    parts = share(amount, weights)
    assert sum(parts) == amount
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    assert all(abs(part - due) < 1 for part, due in zip(parts, exact, strict=True))
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if not weight)
    up = [(due % 1, -i) for i, (part, due) in enumerate(zip(parts, exact, strict=True)) if part > due]
    down = [
        (due % 1, -i) for i, (part, due) in enumerate(zip(parts, exact, strict=True)) if part <= due and due % 1
    ]
    assert not up or not down or min(up) > max(down)
    assert share(amount, [3 * weight for weight in weights]) == parts


@pytest.mark.parametrize(("amount", "weights"), [(1, []), (1, [0, 0]), (1, [1, -1]), (-1, [1]), (1, [-1])])
def test_what_cannot_be_shared_is_refused(amount, weights):
    with pytest.raises(ValueError, match="cannot share"):
        share(amount, weights)


def test_a_thousand_rows_of_sixteen_members_at_the_highest_price_are_shared_exactly():
    amount = 16 * 1_000 * 10**9
    parts = share(amount, [10**9 * 1_000 * 9_000] * 16 + [amount * 1_000])
    assert (sum(parts), len(set(parts[:16]))) == (amount, 1)


# --- histories ------------------------------------------------------------------------------------------------

who = st.integers(0, 3)  # the three and tariq, who sells nothing
prices = st.tuples(st.integers(0, 50_000), st.integers(0, 4))
some = st.sets(st.sampled_from(NAMES))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("grant"), who, st.integers(1, 10**6)),
        st.tuples(st.just("hold"), who, st.integers(1, 5)),
        st.tuples(st.just("hold"), who, st.integers(1, 5)),
        st.tuples(
            *(st.just("settle"), st.integers(0, 9), st.sampled_from(sorted(ENDINGS)), some, st.integers(0, 60))
        ),
        st.tuples(
            *(st.just("settle"), st.integers(0, 9), st.sampled_from(["certified", "dispute-won"]), some),
            st.integers(0, 60),
        ),
        st.tuples(st.just("reverse"), st.integers(0, 9)),
        st.tuples(st.just("days"), st.integers(1, 8)),
        st.tuples(st.just("mature")),
    ),
    min_size=10,
    max_size=30,
)


class Real:
    """The same steps, by the marketplace's own code."""

    def __init__(self, cast, sellers: list[Seller]) -> None:
        self.cast = cast
        self.people = [cast.asha, cast.bela, cast.sam, cast.tariq]
        models = [answering.digits(each, f"proven-{i}").model for i, each in enumerate(self.people[:3])]
        self.models = {model.pk: name for name, model in zip(NAMES, models, strict=True)}
        self.lines = []
        for i, (each, person, model) in enumerate(zip(sellers, self.people, models, strict=False)):
            if each.micros:
                of = (model.pk, None) if each.always else (None, i)
                seller = person.organisation.pk
                self.lines.append(Line(seller, each.name, *of, "proof", "second", each.micros, each.free_rows))
        self.now = BEGIN
        self.grants = 0

    def grant(self, buyer: int, amount: int) -> None:
        self.grants += 1
        credit.grant(self.cast.staff, self.people[buyer].organisation, amount, f"{self.grants}", "")

    def hold(self, buyer: int, rows: int) -> int | PaymentRequired | None:
        terms, asked = holding.standing(self.lines), Asked(MODES["proof"], rows, SECONDS)
        try:
            with transaction.atomic():
                return holding.hold(self.people[buyer].actor, terms, asked)
        except PaymentRequired as refused:
            return refused

    def state(self):
        """Balances, spending and free rows, as the model has them; those that are 0 left out."""
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        balances = {
            f"{each.account.kind} {each.account.organisation.slug}"
            if each.account.organisation
            else each.account.kind: each.amount
            for each in Balance.objects.select_related("account__organisation")
        }
        assert sum(balances.values()) == 0
        names = {person.organisation.pk: person.name for person in self.people}
        spent = {(names[each.organisation_id], each.month): each.amount for each in Spending.objects.all()}
        used = {
            (names[each.organisation_id], self.models[each.model_id], each.month): each.rows
            for each in FreeUse.objects.all()
        }
        return tuple(
            {name: amount for name, amount in each.items() if amount and name not in ("granted", "adjusted")}
            for each in (balances, spent, used)
        )


@pytest.fixture(autouse=True)
def proving(monkeypatch):
    monkeypatch.setitem(MODES, "proof", Proving())


@pytest.mark.django_db
@given(st.lists(prices, min_size=3, max_size=3), steps)
@settings(
    max_examples=HISTORIES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_the_ledger_is_what_plain_python_says(cast, prices, steps):
    with transaction.atomic():
        play(cast, [Seller(name, *price) for name, price in zip(NAMES, prices, strict=True)], steps)
        transaction.set_rollback(True)


def play(cast, sellers: list[Seller], steps) -> None:
    real = Real(cast, sellers)
    model = Model(dict.fromkeys((*NAMES, "tariq"), 1_000_000), BEGIN.date())
    priced = [each for each in sellers if each.micros]
    holds: list[int] = []
    with mock.patch("django.utils.timezone.now", side_effect=lambda: real.now):
        for step, *arguments in [*(("grant", buyer, 2_000_000) for buyer in range(4)), *steps]:
            match step, arguments:
                case "grant", (buyer, amount):
                    real.grant(buyer, amount)
                    model.grant(real.people[buyer].name, amount)
                case "hold", (buyer, rows):
                    expected = model.hold(real.people[buyer].name, priced, rows, SECONDS)
                    made = real.hold(buyer, rows)
                    if isinstance(made, PaymentRequired):
                        assert made.missing == expected
                    else:
                        assert (made is None) == (expected is None)
                        holds += [made] if made is not None else []
                case "settle", (i, ending, answered, seconds) if holds:
                    i %= len(holds)
                    certificate = Proof(seconds, frozenset(answered))
                    settling.settle([Ended(holds[i], ENDINGS[ending], certificate)])
                    model.settle(model.holds[i], ending, answered, seconds)
                case "reverse", (i,) if holds and not model.holds[i % len(holds)].open:
                    i %= len(holds)
                    try:
                        reversing.reverse(holds[i], ENDINGS["dispute-lost"])
                        assert model.reverse(model.holds[i])
                    except Conflict:
                        assert not model.reverse(model.holds[i])
                case "days", (days,):
                    real.now += dt.timedelta(days=days)
                    model.today = real.now.date()
                case "mature", ():
                    maturing.mature()
                    model.mature()
            wanted = ({k: v for k, v in each.items() if v} for each in (model.balances, model.spent, model.used))
            assert real.state() == tuple(wanted), (step, arguments)

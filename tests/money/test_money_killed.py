"""A slice of `make kills-money`: killed at some lines of every step, nobody is charged twice."""

from __future__ import annotations

import pytest

from tests.marketplace import people
from tests.marketplace.billing.market import Market
from tests.money.killing import killed_at_each_line
from tests.money.steps import STEPS, World, balanced

EVERY = 113


@pytest.mark.django_db(transaction=True)
def test_killed_at_some_lines_of_every_step_money_is_moved_once(redis, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    world = World(Market(people.cast()))
    results = [killed_at_each_line(step, world, every=EVERY, first=7 * i) for i, step in enumerate(STEPS)]
    assert [each for result in results for each in result.wrong] == []
    assert sum(each.kills for each in results) > 30, "the steps have more lines than this"
    balanced(world)

"""A published model with one node, and questions to ask it."""

from __future__ import annotations

import pytest

from marketplace.predictions import questions
from marketplace.predictions.questions import Body
from tests.marketplace import answering
from tests.marketplace.answering import FakeNodes


@pytest.fixture
def version(cast):
    return answering.digits(cast.asha)


@pytest.fixture
def node(cast, version):
    return answering.deployed(version, cast.node_key)


@pytest.fixture
def nodes(cast, node) -> FakeNodes:
    return FakeNodes([cast.node_key])


@pytest.fixture
def ask(cast, version):
    """Judges and stores a question of bela's."""
    from marketplace.predictions import actions

    def ask(person=cast.bela, **changes):
        body = Body(**answering.request(**changes))
        return actions.create(person.actor, questions.read(person.actor, body))

    return ask

"""Questions to ask the model."""

from __future__ import annotations

import pytest

from marketplace.predictions import questions
from marketplace.predictions.questions import Body
from tests.marketplace import answering


@pytest.fixture
def ask(cast, version):
    """Judges and stores a question of bela's."""
    from marketplace.predictions import actions

    def ask(person=cast.bela, **changes):
        body = Body(**answering.request(**changes))
        return actions.create(person.actor, questions.read(person.actor, body))

    return ask

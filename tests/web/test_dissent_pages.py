"""A member that lately dissents is marked on its group's pages, and every member's owner finds it on theirs."""

from __future__ import annotations

from marketplace.groups import dissent
from marketplace.predictions import actions, questions
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Status
from marketplace.predictions.questions import Body
from tests.marketplace import answering, people
from tests.marketplace.groups.conftest import deciding, forming, inviting, owners, serving, signing  # noqa: F401
from tests.marketplace.groups.deciding import certificate
from tests.marketplace.groups.test_group_predictions import request as asking
from tests.web.test_groups_pages import SLUG, page


def test_a_member_that_lately_dissents_is_marked_where_people_look(cast, deciding, owners, serving):  # noqa: F811
    everybody = (None, cast.bela, cast.tariq, owners[3].person)
    places = [("group", SLUG), ("group-members", SLUG)]
    own = [("your-group", SLUG), ("your-groups",), ("models",), ("nodes",)]
    for person in everybody:
        for place in places:
            assert "Dissents lately" not in page(*place, person=person)
    keys = [each.key for each in owners]
    for rows, says in ((47, {3: 4}), (3, {})):
        inputs = [answering.a_three() | {"shape": [rows, 64], "data": [3.0] * 64 * rows}]
        asked = actions.create(cast.bela.actor, questions.read(cast.bela.actor, Body(**asking(inputs=inputs))))
        ended = Change(asked.pk, Status.CERTIFIED, certificate=certificate(keys, asked, says))
        actions.apply([Change(asked.pk, Status.DISPATCHED), ended])
    dissent.check()
    said = "answers otherwise than the group on 47 of the last 50 rows"
    for person in everybody:
        for place in places:
            shown = page(*place, person=person)
            assert shown.count(">Dissents lately<") == 2  # beside its name, and with the figures
            assert f"{owners[3].slug} {said}. Another model may be served than was said" in shown
    for place in own:
        assert f"your model {said}" in page(*place, person=owners[3].person)
        for member in (cast.asha, cast.tariq):
            assert f"the model of {owners[3].slug} {said}" in page(*place, person=member)
        if place != own[0]:
            assert said not in page(*place, person=people.person(f"stranger-{place[0]}"))

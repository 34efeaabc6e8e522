"""The next epoch of a group on its owners' pages: proposed, refused with the reason, joined, signed, withdrawn."""

from __future__ import annotations

import re

import pytest

from marketplace.groups.models import Member, Proposal
from tests.marketplace import people
from tests.marketplace.groups import founded, succeeding
from tests.marketplace.groups.conftest import forming, inviting, owners, serving, signing  # noqa: F401
from tests.web.conftest import browser, url

SLUG = founded.SLUG


def text(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def own(owner) -> str:
    """The owner's page of the group."""
    return text(browser(owner.person).get(url("your-group", SLUG)))


def propose(owner, **fields):
    given = {"join": "", "grace": "250", "horizon": "600000"} | fields
    return browser(owner.person).post(url("group-propose", SLUG), given, follow=True)


@pytest.fixture
def eve(cast):
    return founded.owner(people.person("eve"), 9)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Nothing would change"),
        ({"leave": ["bela"]}, "For each member that comes another leaves"),
        ({"leave": ["bela", "sam"], "join": "eve x"}, "Too many members leave at a time"),
        ({"leave": ["bela"], "join": "nobody"}, "No such organisation"),
        ({"grace": "1"}, "Out of range"),
        ({"grace": "soon"}, "not a number"),
    ],
    ids=str,
)
def test_a_refusal_is_shown_on_the_form_which_keeps_what_was_typed(owners, serving, fields, words):  # noqa: F811
    answer = propose(owners[0], **fields)
    assert answer.status_code in (404, 422)
    assert words.lower() in text(answer).lower()
    assert fields.get("join", "") in answer.content.decode()
    assert answer.content.decode().count(" checked") == len(fields.get("leave", ()))
    assert not Proposal.objects.exists()


def test_from_the_form_to_the_last_signature_the_page_says_who_is_waited_for(owners, serving, eve):  # noqa: F811
    asha, bela, sam, dana = owners
    answer = text(propose(bela, leave=[dana.slug], join="eve", grace="400"))
    assert "Epoch 1 is proposed. Who is to come chooses a model now" in answer
    assert "Chooses a model" in own(asha)
    assert "Epoch 1: waiting for new members" in text(browser(asha.person).get(url("your-groups")))
    listed = browser(eve.person).get(url("your-groups")).content.decode()
    assert "eve is invited" in listed
    brought = f"eve/digits@1/{eve.node.pk}"
    assert brought in browser(eve.person).get(url("your-group", SLUG)).content.decode()
    browser(eve.person).post(url("group-accept", SLUG), {"seat": "eve", "model": brought})
    assert "Epoch 1: waiting for signatures" in text(browser(dana.person).get(url("your-groups")))
    shown = own(asha)
    assert "awaited now: asha, bela, sam, eve, owner3" in shown
    for words in (f"assay-node accept {SLUG}", "400 ms; now 250 ms", "0 of 4", "0, of 3 that it takes"):
        assert words in shown
    proposal = succeeding.signed(Proposal.objects.get(), [asha, bela, sam])
    shown = own(dana)
    assert "awaited now: eve" in shown
    assert "Not needed" in shown  # dana's own word: three others have given theirs
    succeeding.sign(proposal, eve)
    assert "Being ordered" in own(sam)
    assert "Withdraw the proposal" in own(bela)
    assert "Withdraw the proposal" not in own(sam)


def test_who_is_asked_declines_and_the_proposer_withdraws(owners, serving, eve):  # noqa: F811
    propose(owners[1], leave=["sam"], join="eve")
    assert "Decline to come" in own(eve)
    browser(eve.person).post(url("group-decline", SLUG), {"seat": "eve"})
    assert Proposal.objects.get().state == Proposal.State.WITHDRAWN
    propose(owners[1], grace="500")
    made = Proposal.objects.get(state=Proposal.State.SIGNING)
    answer = browser(owners[1].person).post(url("unpropose", SLUG, made.pk), follow=True)
    assert "The proposal of epoch 1 is withdrawn" in text(answer)
    assert not Member.objects.filter(state__in=(Member.State.ASKED, Member.State.JOINING)).exists()


def test_the_groups_page_tells_its_members_what_is_under_way_and_nobody_else(owners, serving):  # noqa: F811
    propose(owners[1], grace="500")
    page = url("group-updates", SLUG)
    assert "Under way Epoch 1, proposed by bela: waiting for signatures" in text(
        browser(owners[2].person).get(page)
    )
    for stranger in (None, people.person("stranger")):
        assert "Under way" not in text(browser(stranger).get(page))

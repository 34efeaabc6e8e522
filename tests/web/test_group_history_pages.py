"""What a group's pages say of its past and present: statistics, alerts, epochs, and the way back to a model."""

from __future__ import annotations

import re

import pytest

from assay.keys import PrivateKey
from marketplace.catalogue.models import Node
from marketplace.groups import actions as groups
from marketplace.groups import alerts, telling
from marketplace.groups.alerts import LASTING
from marketplace.groups.history import history
from marketplace.groups.models import Alert, GroupCounts, GroupEpoch, Swap
from marketplace.groups.statistics import MemberCounts, PairCounts, Window, windows
from marketplace.web.diversity import diversity
from tests.marketplace import people
from tests.marketplace.groups import founded, succeeding
from tests.marketplace.groups.conftest import deciding, forming, inviting, owners, serving, signing  # noqa: F401
from tests.web.conftest import browser, url

SLUG = founded.SLUG
API = f"/api/v1/groups/{SLUG}"


def page(name: str, *arguments, person=None) -> str:
    answer = browser(person).get(url(name, *arguments))
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def text(shown: str) -> str:
    """What is read of a page, tags left out."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown))


# --- statistics -------------------------------------------------------------------------------------------


def kept(group, **changes) -> None:
    """1000 rows: asha and bela both stray on 60 of their 100, sam on 50 more, owner3 never."""
    members = [*(1000, 0, 0, 0, 1000, 100, 0) * 2, *(990, 4, 3, 3, 990, 50, 0), *(1000, 0, 0, 0, 1000, 0, 0)]
    pairs = {(0, 1): (1000, 100, 100, 60, 58), (0, 2): (990, 99, 50, 5, 1)}
    flat = [number for i in range(4) for j in range(i + 1, 4) for number in pairs.get((i, j), (1000, 0, 0, 0, 0))]
    fields = {"group": group, "epoch": 0, "lane": 0, "requests": 1000, "rows": 1000, "members": members}
    GroupCounts.objects.create(**fields | {"pairs": flat} | changes)


def test_the_members_page_shows_what_each_did_and_which_pairs_err_together(owners, serving):  # noqa: F811
    assert "0 predictions, 0 rows with an answer" in text(page("group-members", SLUG))
    kept(serving)
    shown = page("group-members", SLUG)
    read = text(shown)
    assert "1000 predictions, 1000 rows with an answer" in read
    assert "0 predictions, 0 rows" in read  # in the last 30 days
    assert "100 of 1000 10.0 %" in read
    assert "6.0×, far more often than if they were independent (60 of 1000 rows)" in read
    assert "1.0×, about as often as if they were independent (5 of 990 rows)" in read
    assert read.count("too few to tell (0 of 1000 rows)") == 4
    assert shown.count('<td class="far">') == 1
    assert "voted for another label than the answer" in read


def test_the_api_gives_the_same_counts(client, owners, serving):  # noqa: F811
    kept(serving)
    found = client.get(f"{API}/statistics").json()
    ever, lately = found["all_time"], found["recent"]
    assert (ever["days"], ever["requests"], lately["days"], lately["requests"]) == (None, 1000, 30, 0)
    assert ever["members"][2] == {
        "organisation": owners[2].slug,
        "answered": 990,
        "abstained": 4,
        "erred": 3,
        "absent": 3,
        "rows": 990,
        "dissented": 50,
        "withheld": 0,
    }
    assert ever["pairs"][0] == {
        "first": owners[0].slug,
        "second": owners[1].slug,
        "rows": 1000,
        "first_dissented": 100,
        "second_dissented": 100,
        "both": 60,
        "alike": 58,
        "expected": 10.0,
        "ratio": 6.0,
    }
    assert [each["ratio"] for each in ever["pairs"][2:]] == [None] * 4


@pytest.mark.parametrize(
    ("both", "level", "figure"),
    [(2, "few", "–"), (10, "less", "0.5×"), (20, "as", "1.0×"), (30, "more", "1.5×"), (240, "far", "12×")],
)
def test_a_cell_has_its_figure_and_its_words(both, level, figure):
    rows, strays = (2000, 200) if level != "few" else (2000, 20)
    pair = PairCounts("a", "b", rows, strays, strays, both, both)
    members = (MemberCounts(pair.first), MemberCounts(pair.second))
    (cell,) = diversity(Window(None, 1, rows, members, (pair,))).cells
    assert (cell.level, cell.figure) == (level, figure)
    assert f"({both} of {rows} rows)" in cell.words


# --- alerts -----------------------------------------------------------------------------------------------


def short_of(group, *away: int) -> None:
    """These members' nodes have been away for long enough."""
    group.members.update(reached=4 - len(away))
    for seat in group.members.filter(position__in=away).select_related("node"):
        seat.node.serving = False
        seat.node.save()
    alerts.check()
    for each in Alert.objects.all():
        Alert.objects.filter(pk=each.pk).update(noticed=each.noticed - LASTING)
    alerts.check()


@pytest.mark.parametrize(
    ("away", "state", "banner"),
    [
        ((3,), "One failure from stopping", "is one failure from stopping: 3 of its 4 members work together"),
        ((2, 3), "Stopped: 2 of 3 needed", "has stopped: 2 of its 4 members work together, and it takes 3"),
    ],
)
def test_owners_see_it_on_their_pages_and_all_on_the_groups(cast, owners, serving, away, state, banner):  # noqa: F811
    short_of(serving, *away)
    assert state in text(page("group", SLUG))
    assert (">Serving<" in page("group", SLUG)) == (len(away) == 1)
    for owner in owners:
        for name in ("your-groups", "models", "nodes"):
            assert banner in text(page(name, person=owner.person))
        assert banner in text(page("your-group", SLUG, person=owner.person))
    short_of(serving)
    for seat in serving.members.select_related("node"):
        seat.node.serving = True
        seat.node.save()
    alerts.check()
    assert state not in text(page("group", SLUG))
    assert banner not in text(page("models", person=owners[0].person))


# --- epochs -----------------------------------------------------------------------------------------------


@pytest.fixture
def second(cast, owners, serving) -> GroupEpoch:  # noqa: F811
    """Bela has another key, zoe came for owner3, and members wait longer."""
    keys = [each.key for each in owners]
    owners[1].key = PrivateKey(bytes([200]) * 32)
    Node.objects.filter(pk=owners[1].node.pk).update(key=owners[1].key.public.raw)
    zoe = founded.owner(people.person("zoe"), 9)
    changes = {"joining": [zoe], "leaving": [owners[3]], "grace": serving.grace + 1}
    succeeding.succeeded(serving, owners[0], [*owners, zoe], keys, **changes)
    return serving.epochs.get(number=1)


def test_an_epoch_says_what_it_changed(owners, serving, second):  # noqa: F811
    first, then = history([serving.epochs.get(number=0), second])
    assert first.change is None
    assert [each.owner for each in first.members] == [each.slug for each in owners]
    change = then.change
    assert (change.joined, change.left, change.rekeyed) == (("zoe",), (owners[3].slug,), (owners[1].slug,))
    assert change.rules == ("grace",)


def test_a_groups_changes_list_its_epochs(client, owners, serving):  # noqa: F811
    genesis = serving.epochs.get()
    shown = text(page("group-updates", SLUG))
    assert "Epoch 0" in shown
    assert "The genesis: nothing was before it" in shown
    assert genesis.hex in page("group-updates", SLUG)
    (epoch,) = client.get(API).json()["epochs"]
    assert (epoch["number"], epoch["digest"], epoch["change"]) == (0, genesis.hex, None)
    assert epoch["members"] == [each.slug for each in owners]


def test_later_epochs_come_first_with_what_they_changed(client, second):
    shown = text(page("group-updates", SLUG))
    assert shown.index("Epoch 1") < shown.index("Epoch 0")
    for words in ("zoe joined", "owner3 left", "bela has another key", "Rules: how long it waits"):
        assert words in shown
    assert client.get(API).json()["epochs"][1]["change"]["joined"] == ["zoe"]


def test_counts_of_a_member_that_left_stay_its_own(owners, serving, second):  # noqa: F811
    kept(serving)
    kept(serving, epoch=1, lane=1)
    ever, _ = windows(serving, [serving.epochs.get(number=0), second])
    assert [(each.owner, each.answered) for each in ever.members] == [
        ("asha", 2000),
        ("bela", 2000),
        ("sam", 1980),
        ("zoe", 1000),
        ("owner3", 1000),
    ]
    together = {(each.first, each.second): each.both for each in ever.pairs}
    assert (together["asha", "bela"], together["zoe", "owner3"]) == (120, 0)


# --- back to a model --------------------------------------------------------------------------------------


def changed(serving, owner, deployment) -> Swap:  # noqa: F811
    """The owner's member has changed to this."""
    made = groups.swap(owner.actor, owner.seat(serving), deployment)
    telling._end_swap(made, Swap.State.ADOPTED, "")
    return made


def test_an_owner_goes_back_to_an_earlier_model(cast, owners, serving):  # noqa: F811
    bela = owners[1]
    assert "Models it answered with before" not in page("your-group", SLUG, person=bela.person)
    better = founded.deployed(bela.person, bela.node, b"\x70" * 32)
    changed(serving, bela, better)
    shown = page("your-group", SLUG, person=bela.person)
    assert shown.count("Go back to this model") == 1
    value = f"{bela.version}/{bela.node.pk}"
    said = browser(bela.person).post(url("group-swap", SLUG), {"seat": "bela", "model": value}, follow=True)
    assert "Your node is told" in said.content.decode()
    made = Swap.objects.get(state="waiting")
    assert (made.before, made.after) == (better.version, bela.version)
    assert "Go back to this model" not in page("your-group", SLUG, person=bela.person)  # one change at a time
    assert "Models it answered with before" not in page("your-group", SLUG, person=owners[2].person)
    telling._end_swap(made, Swap.State.ADOPTED, "")
    assert f"Answer with {better.version} again?" in page("your-group", SLUG, person=bela.person)


def test_a_model_that_the_node_does_not_serve_any_more_is_named_and_not_offered(owners, serving):  # noqa: F811
    bela = owners[1]
    changed(serving, bela, founded.deployed(bela.person, bela.node, b"\x70" * 32))
    bela.deployment.state = "stopped"
    bela.deployment.save()
    shown = page("your-group", SLUG, person=bela.person)
    assert "Your node does not serve it any more" in shown
    assert "Go back to this model" not in shown


def test_a_change_says_when_and_to_its_own_who_asked(owners, serving):  # noqa: F811
    bela = owners[1]
    changed(serving, bela, founded.deployed(bela.person, bela.node, b"\x70" * 32))
    assert f"by {bela.person.user.email}" in page("your-group", SLUG, person=bela.person)
    assert bela.person.user.email not in text(page("your-group", SLUG, person=owners[2].person))
    assert bela.person.user.email not in page("group-updates", SLUG)

"""A group goes from epoch to epoch: members come, go, change keys, and nothing is lost or decided twice."""

from __future__ import annotations

import msgspec
import pytest

from assay.agreement.group import Member
from assay.errors import Refused
from assay.keys import PrivateKey
from consensus import judging
from consensus.durable import Executed
from consensus.events import Adopting
from consensus.judging import Group
from consensus.messages import Farewell
from tests.consensus import made
from tests.consensus.town import Town, followed, successor
from tests.sdk import groups

EVE = PrivateKey(b"\x0e" * 32)
ASHA, BRUNO, CHIDI, DANA = groups.OWNERS
MEMBERS = made.GENESIS.members
NEWCOMER = Member("eve", EVE.public.raw, "eve.example:7000", groups.model(9))
REPLACED = followed(made.GENESIS, [*MEMBERS[:3], NEWCOMER])
WORDS = tuple(enumerate(made.KEYS[:3]))


def replacing() -> object:
    return successor(made.GENESIS, REPLACED, [*made.KEYS[:3], EVE], WORDS)


def outcomes(town: Town, *numbers: int) -> list[str]:
    by_number = {ended.request: ended.outcome for told in town.told.values() for _, ended in told.ended}
    digests = {
        asked.digest: asked.id for c in town.citizens.values() for r in c.records.values() for asked in r.asked
    }
    named = {
        int.from_bytes(id_, "big"): by_number[request] for request, id_ in digests.items() if request in by_number
    }
    return [named.get(i, "unknown") for i in numbers]


def logs(town: Town, *owners: str) -> list[dict[int, bytes]]:
    return [{n: r.entry.digest for n, r in town.citizens[owner].records.items()} for owner in owners]


def test_a_member_is_replaced_and_the_one_who_comes_jumps_to_where_the_group_is():
    town = Town()
    town.ask(1, 2)
    town.pass_time(300)
    town.reconfigure(replacing(), ASHA)
    town.pass_time(300)
    assert [town.citizens[owner].epochs for owner in (ASHA, BRUNO, CHIDI)] == [[0, 1]] * 3
    assert town.citizens[DANA].left
    epoch = town.citizens[ASHA].group.begun
    assert {each.member for each in epoch.approvals} >= {0, 1, 2} or len(epoch.approvals) == 3
    town.settle("eve", EVE, Group(made.GROUP, REPLACED, made.GENESIS, (epoch,)))
    town.ask(3, 4)
    town.pass_time(3_000)
    assert outcomes(town, 1, 2, 3, 4) == ["certified"] * 4
    told = [each for each in town.told.values() if each.entry.epoch == 1]
    assert told
    assert all(each.entry.number > epoch.approvals[0].last for each in told)
    asha, eve = logs(town, ASHA, "eve")
    assert eve == {number: digest for number, digest in asha.items() if number in eve}
    assert max(eve) == max(asha)
    said = town.citizens["eve"].records[max(eve)].ended[0].said[3]
    assert said.model == NEWCOMER.model.commitment, "who came answers with its model"


def test_what_waits_while_the_epoch_changes_is_decided_in_the_next():
    town = Town()
    town.reconfigure(replacing(), BRUNO)
    town.ask(1)
    town.pass_time(10)
    town.ask(2)
    town.pass_time(1_000)
    town.ask(1, 2)
    town.pass_time(3_000)
    assert outcomes(town, 1, 2) == ["certified"] * 2
    decided = [asked.id for record in town.citizens[ASHA].records.values() for asked in record.asked]
    assert len(set(decided)) == len(decided), "once"


def test_a_copy_resistant_group_decides_what_it_has_shown_before_its_epoch_ends():
    """Else it would be answered anew by members that have heard the others' answers."""
    genesis = msgspec.structs.replace(made.GENESIS, copy_resistant=True)
    after = followed(genesis, [*MEMBERS[:3], NEWCOMER])
    for heard in range(0, 60, 5):
        town = Town(genesis=genesis)
        town.ask(1)
        town.pass_time(heard)
        town.reconfigure(successor(genesis, after, [*made.KEYS[:3], EVE], WORDS), ASHA, BRUNO, CHIDI, DANA)
        town.pass_time(600)
        records = town.citizens[ASHA].records
        epoch = {each.request: r.entry.epoch for r in records.values() for each in r.fixed}
        ended = {each.request: r.entry.epoch for r in records.values() for each in r.ended}
        assert town.citizens[ASHA].epochs == [0, 1], f"told {heard} ms after the request"
        assert all(ended[request] == 0 for request in epoch if epoch[request] == 0), f"told after {heard} ms"
        town.ask(1, 2)
        town.pass_time(3_000)
        assert outcomes(town, 1, 2) == ["certified"] * 2


def test_what_was_asked_once_before_an_epoch_ends_is_decided_in_the_next():
    """Members take it along, with its inputs."""
    town = Town()
    town.reconfigure(replacing(), BRUNO)
    town.pass_time(10)
    town.ask(1)
    town.pass_time(3_000)
    assert outcomes(town, 1) == ["certified"]
    assert [each.entry.epoch for each in town.told.values()] == [1]


def test_a_group_grows_from_four_to_seven():
    keys = [PrivateKey(bytes([0x20 + i]) * 32) for i in range(3)]
    joining = [
        Member(f"new-{i}", key.public.raw, f"new-{i}.example:1", groups.model(20 + i))
        for i, key in enumerate(keys)
    ]
    after = followed(made.GENESIS, [*MEMBERS, *joining])
    town = Town()
    town.ask(1)
    town.pass_time(300)
    town.reconfigure(successor(made.GENESIS, after, [*made.KEYS, *keys], WORDS), CHIDI)
    town.pass_time(500)
    epoch = town.citizens[ASHA].group.begun
    for member, key in zip(joining, keys, strict=True):
        town.settle(member.owner, key, Group(made.GROUP, after, made.GENESIS, (epoch,)))
    town.ask(2)
    town.pass_time(3_000)
    assert outcomes(town, 1, 2) == ["certified"] * 2
    (record,) = (each for each in town.citizens[ASHA].records.values() if each.entry.epoch == 1 and each.asked)
    assert len(record.ended[0].said) == 7
    assert len(record.commits) >= 5


def test_a_key_is_rotated_and_the_old_one_says_nothing_in_the_new_epoch():
    fresh = PrivateKey(b"\x77" * 32)
    rotated = msgspec.structs.replace(MEMBERS[1], key=fresh.public.raw)
    after = followed(made.GENESIS, [MEMBERS[0], rotated, *MEMBERS[2:]])
    town = Town()
    keys = [made.KEYS[0], fresh, *made.KEYS[2:]]
    town.reconfigure(successor(made.GENESIS, after, keys, tuple(enumerate(made.KEYS[:3]))), ASHA)
    town.pass_time(300)
    epoch = town.citizens[ASHA].group.begun
    bruno = town.citizens[BRUNO]
    assert bruno.left, "its old key is no member any more"
    bruno.key, bruno.group = fresh, Group(made.GROUP, after, made.GENESIS, (epoch,))
    bruno.disk.enter(after)
    town.start(BRUNO)
    town.ask(1)
    town.pass_time(2_000)
    assert outcomes(town, 1) == ["certified"]
    record = max(town.citizens[ASHA].records.values(), key=lambda each: each.entry.number)
    assert record.ended[0].said[1].model == MEMBERS[1].model.commitment


def test_who_was_away_while_the_epoch_changed_is_handed_it_and_jumps():
    town = Town()
    town.ask(1)
    town.pass_time(300)
    town.stop(CHIDI)
    keys = [*made.KEYS[:3], EVE]
    town.reconfigure(successor(made.GENESIS, REPLACED, keys, (*WORDS[:2], (3, made.KEYS[3]))), ASHA)
    town.pass_time(6_000)
    epoch = town.citizens[ASHA].group.begun
    assert epoch is not None
    town.settle("eve", EVE, Group(made.GROUP, REPLACED, made.GENESIS, (epoch,)))
    town.ask(2)
    town.pass_time(3_000)
    town.start(CHIDI)
    town.pass_time(8_000)
    assert town.citizens[CHIDI].epochs == [0, 0, 1]
    asha, chidi = logs(town, ASHA, CHIDI)
    assert max(chidi) == max(asha)
    town.ask(3)
    town.pass_time(3_000)
    assert outcomes(town, 1, 2, 3) == ["certified"] * 3


@pytest.mark.parametrize("moment", range(0, 60, 6))
def test_whoever_is_killed_at_the_turn_of_the_epoch_goes_on_in_one_or_the_other(moment):
    town = Town()
    town.ask(1)
    town.reconfigure(replacing(), ASHA)
    town.pass_time(moment, step=1)
    for owner in (ASHA, BRUNO, CHIDI):
        if not town.citizens[owner].left:
            town.stop(owner)
    for owner in (ASHA, BRUNO, CHIDI):
        town.start(owner)
    town.pass_time(8_000)
    town.reconfigure(replacing(), ASHA, BRUNO)  # what no disk had is asked for again
    town.pass_time(8_000)
    epoch = town.citizens[ASHA].group.begun
    assert epoch is not None
    town.settle("eve", EVE, Group(made.GROUP, REPLACED, made.GENESIS, (epoch,)))
    town.ask(1, 2)
    town.pass_time(5_000)
    assert outcomes(town, 1, 2) == ["certified"] * 2
    every = logs(town, ASHA, BRUNO, CHIDI)
    assert all(log == every[0] for log in every)


def test_the_last_entry_is_on_the_disk_before_anybody_signs_where_the_epoch_has_ended(monkeypatch):
    """Else all could go on into the next epoch, which begins with it, and none would have it any more."""
    town, told = Town(), []
    real = town._carry_out

    def carry_out(owner, ready):
        ended = any(isinstance(each, Executed) and each.record.successor for each in ready.persist)
        if ended or any(isinstance(message, Farewell) for _, message in ready.send):
            told.append(ended)
            assert not (ended and ready.may_wait)
        real(owner, ready)

    monkeypatch.setattr(town, "_carry_out", carry_out)
    town.reconfigure(replacing(), ASHA)
    town.pass_time(300)
    assert sum(told) == 4


def test_a_successor_that_can_follow_no_more_stops_nobody():
    """A member has changed its model since all signed it: it would have to be signed anew."""
    town = Town()
    town.reconfigure(replacing(), ASHA, BRUNO, CHIDI, DANA)
    bruno = town.citizens[BRUNO].replica
    town._carry_out(BRUNO, bruno.step(town.now, [Adopting(groups.model(8))]))
    for citizen in town.citizens.values():
        citizen.replica.state.successor_heard += 2_000  # the change is proposed first
    town.pass_time(5_000)
    assert bruno.state.serving.model == groups.model(8)
    town.ask(1)
    town.pass_time(5_000)
    assert outcomes(town, 1) == ["certified"]
    assert town.citizens[ASHA].group.begun is None


# --- what may not follow ----------------------------------------------------------------------------------


def test_a_successor_that_too_few_present_members_have_signed_is_not_ordered():
    town = Town()
    town.reconfigure(successor(made.GENESIS, REPLACED, [*made.KEYS[:3], EVE], WORDS[:2]), ASHA)
    town.pass_time(3_000)
    assert town.citizens[ASHA].group.begun is None


def test_a_successor_whose_newcomer_has_not_shown_its_key_is_not_ordered():
    town = Town()
    town.reconfigure(successor(made.GENESIS, REPLACED, [*made.KEYS[:3], made.KEYS[3]], WORDS), ASHA)
    town.pass_time(3_000)
    assert town.citizens[ASHA].group.begun is None


STANDING = judging.beginning(Group(made.GROUP, made.GENESIS))
OTHERS = [
    Member(f"other-{i}", PrivateKey(bytes([0x30 + i]) * 32).public.raw, f"other-{i}:1", groups.model(30 + i))
    for i in range(4)
]
WRONG = {
    "of the epoch after the next": msgspec.structs.replace(REPLACED, epoch=2),
    "of another group's past": msgspec.structs.replace(REPLACED, previous=bytes(32)),
    "of another name": msgspec.structs.replace(REPLACED, slug="other"),
    "that counts otherwise": msgspec.structs.replace(REPLACED, aggregator="median"),
    "with other labels": msgspec.structs.replace(REPLACED, answer=groups.Labels(("one", "zero", "two"))),
    "in which two leave at once": msgspec.structs.replace(REPLACED, members=(*MEMBERS[:2], *OTHERS[:2])),
    "of five": msgspec.structs.replace(REPLACED, members=(*MEMBERS, NEWCOMER)),
    "with another model of who stays": msgspec.structs.replace(
        REPLACED, members=(msgspec.structs.replace(MEMBERS[0], model=groups.model(8)), *REPLACED.members[1:])
    ),
    "with one owner twice": msgspec.structs.replace(
        REPLACED, members=(*MEMBERS[:3], msgspec.structs.replace(NEWCOMER, owner=ASHA))
    ),
}


@pytest.mark.parametrize("after", WRONG.values(), ids=WRONG.keys())
def test_a_configuration_that_cannot_follow_is_refused(after):
    group = Group(made.GROUP, made.GENESIS)
    judging.require_successor(group, STANDING, REPLACED)
    with pytest.raises(Refused):
        judging.require_successor(group, STANDING, after)

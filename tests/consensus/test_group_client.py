"""A client believes no member; it takes what proves itself, from whoever says it first."""

from __future__ import annotations

import asyncio
import threading

import msgspec
import numpy as np
import pytest

import consensus.asking
import consensus.client
from assay import merkle
from assay.agreement.evidence import require_committed
from assay.agreement.votes import Answered
from assay.digest import Tag
from assay.errors import DeadlineExceeded, Refused, TooLarge, Unavailable
from assay.keys import PublicKey
from assay.tensor import Tensor
from consensus.asking import Asking
from consensus.client import GroupClient
from consensus.messages import Batch, Payload, Refusal, Requests, Status
from tests.consensus import made
from tests.consensus.standins import Members, told
from tests.sdk import groups
from tests.wire.conftest import until
from wire.deadline import in_seconds

INPUT = Payload(b"\x05" * 32, (Tensor.of("image", np.zeros((1, 4), "f4")),))


class Buyer:
    """A client and the tasks that wait for its answers."""

    def __init__(self, members: Members) -> None:
        self.client = GroupClient((made.EPOCH,), groups.CLIENT, resolve=members.resolve)
        self.tasks: list[asyncio.Task] = []

    def ask(self, i: int, seconds: float = 60, **options) -> asyncio.Task:
        ask = self.client.ask(
            i.to_bytes(16, "big"), options.pop("payload", INPUT), rows=1, deadline=in_seconds(seconds), **options
        )
        self.tasks.append(asyncio.create_task(ask))
        return self.tasks[-1]

    async def close(self) -> None:
        await self.client.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
async def members():
    members = Members()
    await members.start(0, 1, 2, 3)
    yield members
    await members.close()


@pytest.fixture
async def buyer(members):
    buyer = Buyer(members)
    await until(lambda: buyer.client.reached == 4)
    yield buyer
    await buyer.close()


def batches(members: Members, place: int) -> list[Requests]:
    return [each for each in members.heard[place] if isinstance(each, Requests)]


# --- asking -----------------------------------------------------------------------------------------------


async def test_what_is_asked_together_goes_to_all_under_one_signature_that_is_right(members, buyer):
    tasks = [buyer.ask(i) for i in range(300)]
    asked = await members.heard_of(300, 0, 1, 2, 3)
    for place in range(4):
        (message,) = batches(members, place)
        signed = Batch.signed([each.digest for each in message.batch.asked])
        groups.CLIENT.public.verify(Tag.AGREEMENT_BATCH, signed, message.batch.signature)
        assert message.payloads == (INPUT,) * 300
    assert [each.id for each in asked] == [i.to_bytes(16, "big") for i in range(300)]
    assert not any(task.done() for task in tasks)


async def test_what_is_asked_while_a_batch_is_being_signed_goes_into_the_next(members, buyer, monkeypatch):
    signing, free, sign = threading.Event(), threading.Event(), Asking.sign

    def slow(self, *arguments):
        signing.set()
        assert free.wait(20)
        return sign(self, *arguments)

    monkeypatch.setattr(Asking, "sign", slow)
    buyer.ask(0)
    await until(signing.is_set)
    for i in range(1, 1500):
        buyer.ask(i)
    await asyncio.sleep(0)
    free.set()
    await members.heard_of(1500, 2)
    assert [len(each.batch.asked) for each in batches(members, 2)] == [1, 1024, 475]


async def test_a_batch_stays_within_its_bytes(members, buyer, monkeypatch):
    monkeypatch.setattr(consensus.client, "BATCH_BYTES", 100)
    large = Payload(bytes(32), (Tensor.of("image", np.zeros((1, 100), "f4")),))
    for i in range(8):
        buyer.ask(i)
    buyer.ask(8, payload=large)
    buyer.ask(9)
    await members.heard_of(10, 1)
    assert [len(each.batch.asked) for each in batches(members, 1)] == [6, 2, 1, 1]


async def test_two_who_ask_the_same_get_the_same_answer_to_one_request(members, buyer):
    deadline = in_seconds(60)
    same = [asyncio.create_task(buyer.client.ask(bytes(16), INPUT, rows=1, deadline=deadline)) for _ in range(2)]
    (asked,) = await members.heard_of(1, 0)
    same[0].cancel()
    members.say(0, told(made.record(1, (asked,))))
    assert (await same[1]).evidence.asked == asked


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"request": bytes(15)}, "id"),
        ({"least": 17}, "least"),
        ({"rows": 0}, "rows"),
        ({"deadline": -1}, "deadline"),
    ],
)
async def test_what_members_would_take_for_nonsense_is_refused_here_and_spoils_nothing(
    members, buyer, fields, pointer
):
    buyer.ask(1)
    options = {"request": bytes(16), "rows": 1, "deadline": in_seconds(60), "until": in_seconds(60)} | fields
    with pytest.raises(Refused) as refused:
        await buyer.client.ask(options.pop("request"), INPUT, **options)
    assert refused.value.pointer.endswith(pointer)
    await members.heard_of(1, 0)
    assert buyer.client.reached == 4


async def test_inputs_larger_than_a_frame_are_refused_here(buyer, monkeypatch):
    monkeypatch.setattr(consensus.client, "MOST_OF_ONE", 15)
    with pytest.raises(TooLarge):
        await buyer.ask(0)


async def test_more_than_it_may_hold_is_refused_and_room_comes_back(members, buyer, monkeypatch):
    monkeypatch.setattr(consensus.client, "MOST", 3)
    tasks = [buyer.ask(i) for i in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as busy:
        await buyer.ask(3)
    assert busy.value.code == "busy"
    tasks[0].cancel()
    await asyncio.gather(tasks[0], return_exceptions=True)
    buyer.ask(3)
    assert (3).to_bytes(16, "big") in {each.id for each in await members.heard_of(4, 0)}


async def test_bytes_are_bounded_too(buyer, monkeypatch):
    monkeypatch.setattr(consensus.client, "MOST_BYTES", 40)
    buyer.ask(0)
    buyer.ask(1)
    with pytest.raises(Unavailable):
        await buyer.ask(2)


# --- being answered ---------------------------------------------------------------------------------------


async def test_one_check_of_an_entry_serves_all_of_its_outcomes(members, buyer, monkeypatch):
    verified, verify = [], PublicKey.verify
    tasks = [buyer.ask(i) for i in range(200)]
    asked = await members.heard_of(200, 0)
    record = made.record(1, tuple(asked))
    monkeypatch.setattr(PublicKey, "verify", lambda *each: (verified.append(each[1]), verify(*each))[1])
    for place in range(4):
        members.say(place, told(record, *range(100)))
    members.say(3, told(record, *range(100, 200)))
    answers = await asyncio.gather(*tasks)
    assert verified == [Tag.AGREEMENT_COMMIT] * 3
    for i, answer in enumerate(answers):
        assert answer.evidence.asked.id == i.to_bytes(16, "big")
        assert answer.models == ()
        require_committed(answer.evidence)
        assert answer.evidence.tally.outcome == answer.evidence.ended.outcome == "certified"


async def test_a_model_that_the_genesis_does_not_know_comes_along(members, buyer):
    task = buyer.ask(0)
    (asked,) = await members.heard_of(1, 0)
    record = updated(asked)
    members.say(1, told(record))
    answer = await task
    assert answer.models == (groups.model(9),)
    require_committed(answer.evidence)


CHANGED = (groups.model(9), groups.model(8))


def updated(asked, models=CHANGED):
    """Asha answered with another model; one that did not answer is told of too."""
    first = made.ended(asked)
    said = (Answered(groups.model(9).commitment, (1,)), *first.said[1:])
    return made.record(1, (asked,), models=models, outcomes=(msgspec.structs.replace(first, said=said),))


def altered(record, **changes):
    return msgspec.structs.replace(told(record), **changes)


def forged(record, message):
    return altered(
        record, commits=tuple(msgspec.structs.replace(each, signature=bytes(64)) for each in record.commits)
    )


def another_request(record, message):
    """The outcome is the entry's, but under the number of another."""
    return altered(record, ended=((1, record.ended[0]),))


def other_votes(record, message):
    lie = made.ended(record.asked[0], voted=2)
    return altered(record, ended=((0, lie),))


def other_votes_and_leaves(record, message):
    lie = made.ended(record.asked[0], voted=2)
    return altered(record, ended=((0, lie),), leaves=(lie.leaf, *message.leaves[1:]))


def other_root(record, message):
    lie = made.ended(record.asked[0], voted=2)
    leaves = (lie.leaf, *message.leaves[1:])
    entry = msgspec.structs.replace(record.entry, root=merkle.root(leaves))
    return altered(record, ended=((0, lie),), leaves=leaves, entry=entry)


def other_group(record, message):
    return told(made.record(1, record.asked, epoch=groups.genesis(made.KEYS, slug="other")))


LIES = {
    "forged commits": forged,
    "too few commits": lambda record, message: altered(record, commits=record.commits[:2]),
    "no commits": lambda record, message: altered(record, commits=()),
    "one member's commit three times": lambda record, message: altered(record, commits=record.commits[:1] * 3),
    "a commit by nobody": lambda record, message: altered(
        record, commits=(*record.commits[:2], msgspec.structs.replace(record.commits[2], member=9))
    ),
    "commits in another view": lambda record, message: altered(record, view=1),
    "members of another group": lambda record, message: told(made.record(1, record.asked, keys=groups.keys(99))),
    "another group": other_group,
    "the outcome of another request": another_request,
    "an outcome beyond the entry": lambda record, message: altered(record, ended=((7, record.ended[0]),)),
    "an outcome counted from the end": lambda record, message: altered(record, ended=((-1, record.ended[-1]),)),
    "other votes": other_votes,
    "other votes and leaves": other_votes_and_leaves,
    "other votes, leaves and root": other_root,
    "fewer leaves": lambda record, message: altered(record, leaves=message.leaves[:1]),
    "a model that is not named": lambda record, message: told(updated(record.asked[0], models=())),
    "garbage": lambda record, message: b"\x93garbage",
    "text that is not UTF-8": lambda record, message: b"\x81\xa4type\xa1\xff",
    "what is not for a client": lambda record, message: Status(1, 0),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
async def test_a_liar_loses_its_link_and_the_truth_is_taken_from_another(members, buyer, lie, caplog):
    tasks = [buyer.ask(i) for i in range(2)]
    asked = await members.heard_of(2, 0, 1, 2, 3)
    record = made.record(1, tuple(asked))
    said = lie(record, told(record))
    before = members.links[3]
    if isinstance(said, bytes):
        before.send(said)
    else:
        members.say(3, said)
    await until(lambda: not before.alive)
    assert not any(task.done() for task in tasks)
    assert str(made.KEYS[3].public) in caplog.text
    assert "Traceback" not in caplog.text
    assert all(members.links[place].alive for place in range(3))
    members.say(1, told(record))
    for answer in await asyncio.gather(*tasks):
        require_committed(answer.evidence)
        assert answer.evidence.ended in record.ended


async def test_what_was_not_asked_is_ignored(members, buyer):
    task = buyer.ask(0)
    (asked,) = await members.heard_of(1, 0)
    members.say(0, told(made.record(1, tuple(made.asked(i) for i in range(50, 60)))))
    members.say(0, Refusal((made.asked(50).digest,), "refused", "never heard of it"))
    members.say(0, told(made.record(2, (made.asked(50), asked))))
    assert (await task).evidence.index == 1
    assert buyer.client.reached == 4


async def test_an_outcome_or_a_refusal_told_twice_at_once_is_told_once(members, buyer):
    task, other = buyer.ask(0), buyer.ask(1)
    asked = await members.heard_of(2, 0, 1)
    members.say(0, told(made.record(1, (asked[0],)), 0, 0))
    assert (await task).evidence.asked == asked[0]
    members.say(0, Refusal((asked[1].digest,) * 2, "refused", "no"))
    members.say(1, Refusal((asked[1].digest,) * 2, "refused", "no"))
    with pytest.raises(Refused):
        await other
    assert buyer.client.reached == 4


async def test_who_asks_the_same_once_it_was_answered_is_answered_too(members, buyer):
    deadline = in_seconds(60)
    first = asyncio.create_task(buyer.client.ask(bytes(16), INPUT, rows=1, deadline=deadline))
    (asked,) = await members.heard_of(1, 0)
    answered = told(made.record(1, (asked,)))
    members.say(0, answered)
    again = []
    first.add_done_callback(
        lambda _: again.append(asyncio.create_task(buyer.client.ask(bytes(16), INPUT, rows=1, deadline=deadline)))
    )
    await first
    await until(lambda: len(batches(members, 0)) == 2)
    members.say(0, answered)
    assert (await again[0]).evidence.asked == asked


# --- being refused ----------------------------------------------------------------------------------------


async def test_f_liars_cannot_refuse_and_one_more_member_can(members, buyer):
    task, other = buyer.ask(0), buyer.ask(1)
    asked = await members.heard_of(2, 0, 1)
    refusal = Refusal((asked[0].digest,), "refused", "the deadline is beyond the group's horizon")
    for _ in range(3):
        members.say(0, refusal)
    members.say(0, told(made.record(1, (asked[1],))))  # shows that what came before it has been heard
    await other
    assert not task.done()
    members.say(1, msgspec.structs.replace(refusal, detail="too far\x1b[2J ahead"))
    with pytest.raises(Refused) as refused:
        await task
    assert refused.value.code == "group-refused"
    assert "beyond the group's horizon" in refused.value.detail
    assert "too far [2J ahead" in refused.value.detail


# --- members that go and come -----------------------------------------------------------------------------


async def test_a_member_that_comes_back_is_told_what_is_undecided(members, buyer):
    await members.stop(2)
    tasks = [buyer.ask(i) for i in range(3)]
    asked = await members.heard_of(3, 0, 1, 3)
    members.say(0, told(made.record(1, tuple(asked)), 1))
    await tasks[1]
    await members.start(2)
    await members.heard_of(3, 2)
    (message,) = batches(members, 2)
    assert message.payloads == (INPUT, None, INPUT)


async def test_what_stays_undecided_is_said_again_and_less_and_less_often(members, buyer, monkeypatch):
    monkeypatch.setattr(consensus.client, "LOOK", 0.01)
    asking = buyer.client._asking
    buyer.ask(0)
    await members.heard_of(1, 0, 1, 2, 3)
    (sent,) = asking.undecided()
    begun = sent.due - consensus.asking.FIRST_PAUSE
    times = []
    for _ in range(6):
        assert asking.due(sent.due - 0.001) == []
        times.append(sent.due - begun)
        assert asking.due(sent.due) == [sent]
    assert times == pytest.approx([1, 3, 7, 15, 23, 31])
    sent.due = 0
    await until(lambda: all(len(batches(members, place)) == 2 for place in range(4)))


async def test_with_nobody_there_it_waits_until_the_deadline_and_says_so(members, buyer):
    await members.stop(0, 1, 2)
    await until(lambda: buyer.client.reached == 1)
    with pytest.raises(DeadlineExceeded) as late:
        await buyer.ask(0, seconds=0.3)
    assert late.value.got == "1 of 4 members can be reached"


async def test_a_caller_may_wait_beyond_the_requests_deadline_for_its_failure(members, buyer):
    task = buyer.ask(0, seconds=0.05, until=in_seconds(60))
    (asked,) = await members.heard_of(1, 0)
    failed = msgspec.structs.replace(made.ended(asked), outcome="failed")
    await until(lambda: in_seconds(0) > asked.deadline)
    members.say(0, told(made.record(1, (asked,), in_seconds(0), outcomes=(failed,))))
    answer = await task
    assert answer.evidence.tally.outcome == answer.evidence.ended.outcome == "failed"


async def test_what_nobody_waits_for_is_forgotten_and_its_late_answer_harms_nobody(members, buyer):
    tasks = [buyer.ask(i) for i in range(5)]
    asked = await members.heard_of(5, 0)
    for task in tasks[:4]:
        task.cancel()
    await asyncio.gather(*tasks[:4], return_exceptions=True)
    members.say(0, told(made.record(1, tuple(asked))))
    await tasks[4]
    client = buyer.client
    assert (len(client._asking), client._bytes, client._asks, list(client._asking.undecided())) == (0, 0, {}, [])
    members.say(0, told(made.record(1, tuple(asked))))
    again = buyer.ask(9)
    asked = await members.heard_of(6, 0)
    members.say(0, told(made.record(2, (asked[5],))))
    await again


async def test_what_is_given_up_before_it_was_signed_is_never_sent(members, buyer):
    task = buyer.ask(0)
    await asyncio.sleep(0)
    task.cancel()
    buyer.ask(1)
    (asked,) = await members.heard_of(1, 0)
    assert asked.id == (1).to_bytes(16, "big")


async def test_closing_tells_those_who_wait_and_whoever_comes_later(members, buyer):
    task = buyer.ask(0)
    await members.heard_of(1, 0)
    await buyer.client.close()
    for each in (task, buyer.ask(1)):
        with pytest.raises(Unavailable) as closed:
            await each
        assert closed.value.code == "closed"


async def test_a_bug_in_sending_costs_those_requests_alone(members, buyer, monkeypatch, caplog):
    with monkeypatch.context() as broken:
        broken.setattr(Asking, "sign", lambda *_: 1 / 0)
        with pytest.raises(Unavailable, match="could not be sent"):
            await buyer.ask(0)
    buyer.ask(1)
    await members.heard_of(1, 0)
    assert "ZeroDivisionError" in caplog.text


def test_a_group_whose_genesis_is_not_signed_by_all_is_none():
    epoch = msgspec.structs.replace(made.EPOCH, consents=(*made.EPOCH.consents[:3], bytes(64)))
    with pytest.raises(Exception, match="signature does not verify"):
        Asking((epoch,), groups.CLIENT)

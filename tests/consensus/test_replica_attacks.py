"""What one member that lies, or whoever holds its key, can do to a replica by what it says: nothing that lasts."""

from __future__ import annotations

import random
from contextlib import suppress

import msgspec
import pytest

from assay import merkle
from assay.agreement.entry import Asked, Entry
from assay.agreement.group import Signed
from assay.agreement.votes import Answered
from assay.digest import Tag, sha256
from assay.keys import PrivateKey
from assay.model import input_digest
from assay.tensor import Tensor
from consensus import covering, judging
from consensus.answers import MOST_STRANGE_WEIGHT
from consensus.durable import Executed, Restored, Spoke
from consensus.events import Ran, Ready, Received, Tick
from consensus.judging import LINGER
from consensus.messages import (
    LARGEST,
    MAX_BATCH,
    MAX_VOTES,
    Batch,
    Change,
    Content,
    Decided,
    Exec,
    Have,
    Heard,
    Held,
    Payload,
    Propose,
    Readied,
    Record,
    Records,
    Report,
    Requests,
    Result,
    Spoken,
    Status,
    Update,
    Vote,
    Want,
    decode,
    encode,
)
from consensus.replica import Replica
from consensus.seals import Ed25519
from tests.consensus import made
from tests.sdk import groups

GROUP = judging.Group(made.GROUP, made.GENESIS)
NOW = 1_000_000
LIAR = 3
MODELS = [member.model.commitment for member in made.GENESIS.members]


def replica(me: int, restored: Restored | None = None) -> Replica:
    begun = Replica(GROUP, me, Ed25519(made.KEYS[me]), restored or Restored())
    begun.step(NOW, [])
    return begun


def payload(i: int) -> Payload:
    data = i.to_bytes(4, "little") * 4
    return Payload(bytes(32), (Tensor("image", "FP32", (1, 4), data),))


def asked(i: int, deadline: int = NOW + 60_000) -> Asked:
    given = payload(i)
    digest = input_digest(given.salt, given.inputs)
    return Asked(made.GROUP, groups.CLIENT.public.raw, i.to_bytes(16, "big"), digest, 1, deadline, 0)


def requests(*numbers: int, deadline: int = NOW + 60_000, group: bytes = made.GROUP) -> Requests:
    every = tuple(msgspec.structs.replace(asked(i, deadline), group=group) for i in numbers)
    signed = groups.CLIENT.sign(Tag.AGREEMENT_BATCH, Batch.signed([each.digest for each in every]))
    batch = Batch(groups.CLIENT.public.raw, every, signed)
    return Requests(batch, tuple(payload(i) for i in numbers))


def spoken(member: int, *results: Result, key: PrivateKey | None = None) -> Exec:
    root = merkle.root([each.leaf for each in results])
    signed = Exec.signed(made.GROUP, 0, member, len(results), root)
    return Exec(member, results, (key or made.KEYS[member]).sign(Tag.AGREEMENT_EXEC, signed))


def answer(member: int, request: bytes, *votes: int, model: bytes | None = None) -> Result:
    return Result(request, model or MODELS[member], Answered(MODELS[member], votes or (1,)))


def have(member: int, ready: tuple[Readied, ...], held: tuple[Held, ...], clock: int = NOW) -> Have:
    report = Report(made.GROUP, 0, member, clock, ready, held)
    return Have(report, made.KEYS[member].sign(Tag.AGREEMENT_HAVE, report.digest))


class Honest:
    """Members 0, 1 and 2, joined by links that lose nothing; what they say to the liar is kept."""

    def __init__(self, *, latency: int = 1, thinking: int = 0) -> None:
        self.now = NOW
        self.replicas = [replica(me) for me in range(LIAR)]
        self.to_liar: list[Spoken] = []
        self.told: list[Decided] = []
        self.entries: dict[int, list[Record]] = {me: [] for me in range(LIAR)}
        self._wires: list[tuple[int, int, Received | Ran]] = []
        self._latency, self._thinking = latency, thinking

    def tell(self, members: tuple[int, ...], sender: int | bytes, *messages: Spoken) -> None:
        for member in members:
            for each in messages:
                self._wires.append((self.now, member, Received(sender, decode(encode(each)))))

    def everybody(self, sender: int | bytes, *messages: Spoken) -> None:
        self.tell((0, 1, 2), sender, *messages)

    def pass_time(self, duration: int, tick: int = 1) -> None:
        for _ in range(0, duration, tick):
            self.now += tick
            due = [wire for wire in self._wires if wire[0] <= self.now]
            self._wires = [wire for wire in self._wires if wire[0] > self.now]
            for me in range(LIAR):
                events = [event for _, member, event in due if member == me]
                self._carry_out(me, self.replicas[me].step(self.now, events or [Tick()]))

    def _carry_out(self, me: int, ready: Ready) -> None:
        self.entries[me] += [each.record for each in ready.persist if isinstance(each, Executed)]
        for member, message in [*ready.announce, *ready.send]:
            if member == LIAR:
                self.to_liar.append(message)
            else:
                self._wires.append((self.now + self._latency, member, Received(me, message)))
        self.told += [message for _, message in ready.reply if isinstance(message, Decided)]
        for run in ready.run:
            ran = Ran((answer(me, run.request),))
            self._wires.append((self.now + self._thinking, me, ran))

    def outcomes(self) -> dict[bytes, str]:
        return {ended.request: ended.outcome for each in self.told for _, ended in each.ended}


# --- what comes in ----------------------------------------------------------------------------------------


def test_text_that_is_not_utf8_is_no_message():
    with pytest.raises(msgspec.DecodeError):
        decode(b"\x81\xa4type\xa1\xff")


def record_with(change: Change) -> Record:
    entry = Entry(made.GROUP, 0, 1, made.GROUP, 0, bytes(32), 0, bytes(32))
    commits = tuple(Signed(i, bytes(64)) for i in range(3))
    return Record(entry, 0, bytes(32), commits, (), (Update(change, bytes(64)),), (), (), ())


def test_a_number_that_cannot_be_hashed_does_not_get_in():
    record = record_with(Change(made.GROUP, 2**64 - 1, LIAR, 1, groups.model(LIAR)))
    with pytest.raises(msgspec.ValidationError):
        decode(encode(Records((record,))))


def proved(number: int = 1) -> Record:
    """An entry that the group has committed to, on top of nothing."""
    content = covering.content_digest((), (), made.SERVING)
    entry = Entry(made.GROUP, 0, number, made.GROUP, NOW, content, 0, judging.NOTHING_YET)
    ballot = made.Ballot(made.GROUP, 0, 0, bytes(32), number, entry.digest).digest(Tag.AGREEMENT_COMMIT)
    commits = tuple(Signed(i, made.KEYS[i].sign(Tag.AGREEMENT_COMMIT, ballot)) for i in range(3))
    return Record(entry, 0, bytes(32), commits, (), (), (), (), ())


def test_a_record_whose_signatures_are_out_of_order_is_not_kept_to_be_passed_on():
    true = proved()
    false = msgspec.structs.replace(true, commits=true.commits[::-1])
    behind = replica(1)
    assert not behind.step(NOW, [Received(LIAR, Records((false,)))]).persist
    assert behind.step(NOW, [Received(0, Records((true,)))]).persist


def test_models_that_a_liar_adds_to_a_record_are_not_kept_to_be_passed_on():
    behind = replica(1)
    padded = msgspec.structs.replace(proved(), models=(groups.model(9),))
    (executed,) = behind.step(NOW, [Received(LIAR, Records((padded,)))]).persist
    assert isinstance(executed, Executed)
    assert executed.record.models == ()


# --- answers ----------------------------------------------------------------------------------------------


def test_a_liar_that_answers_a_hundred_times_does_not_crowd_out_the_honest_answers():
    group = Honest(thinking=20)
    request = asked(1).digest
    lies = [spoken(LIAR, answer(LIAR, request, 1, model=sha256(b"%d" % i))) for i in range(100)]
    group.everybody(groups.CLIENT.public.raw, requests(1))
    group.everybody(LIAR, *lies)
    group.pass_time(1_000)
    assert group.outcomes() == {request: "certified"}


@pytest.mark.parametrize("sender", [groups.CLIENT.public.raw, 0], ids=["client", "member"])
def test_what_the_group_has_long_decided_is_not_answered_again_by_a_member_whose_clock_is_slow(sender):
    """Else a liar who sends a request once more has it contradict itself."""
    member = replica(1)
    late = NOW + 60_000 + LINGER + 1
    member.state.standing = msgspec.structs.replace(member.state.standing, entries=1, time=late)
    ready = member.step(NOW, [Received(sender, requests(1))])
    assert ready.run == []
    assert len(member.state.pool) == 0


def test_a_batch_of_answers_too_heavy_to_be_handed_on_is_not_taken():
    member = replica(1)
    member.step(NOW, [Received(groups.CLIENT.public.raw, requests(*range(100)))])
    votes = (1,) * (MAX_VOTES // 64)
    for count, taken in ((65, False), (64, True)):
        said = spoken(LIAR, *(answer(LIAR, asked(i).digest, *votes) for i in range(count)))
        member.step(NOW + count, [Received(LIAR, said)])
        assert (Held(LIAR, said.root) in member.state.answers) == taken


def test_own_answers_are_signed_in_batches_that_others_take():
    member = replica(1)
    member.step(NOW, [Received(groups.CLIENT.public.raw, requests(*range(100)))])
    votes = (1,) * 1000
    ready = member.step(NOW + 1, [Ran(tuple(answer(1, asked(i).digest, *votes) for i in range(100)))])
    batches = [each.signed for each in ready.persist if isinstance(each, Spoke)]
    assert sorted(len(each.results) for each in batches) == [100 - MAX_VOTES // 1000, MAX_VOTES // 1000]


def test_only_requests_may_be_large():
    status, asking = (
        (LARGEST + 1) * b"\0",
        msgspec.msgpack.encode({"type": "requests", "batch": 0, "payloads": bytes(LARGEST)}),
    )
    with pytest.raises(msgspec.DecodeError, match="only requests"):
        decode(status)
    with pytest.raises(msgspec.DecodeError, match="batch"):
        decode(asking)


def test_answers_to_requests_made_up_take_little_memory():
    member = replica(1)
    votes, said = (1,) * 1000, []
    for i in range(64):
        said.append(spoken(LIAR, *(answer(LIAR, sha256(b"%d %d" % (i, j)), *votes) for j in range(64))))
        member.step(NOW + i, [Received(LIAR, said[-1])])
    kept = [each for each in said if Held(LIAR, each.root) in member.state.answers]
    assert kept
    assert sum(len(each.results) * 1000 for each in kept) <= MOST_STRANGE_WEIGHT


def test_one_member_cannot_fill_the_list_of_what_is_lacking_for_the_others():
    member = replica(1)
    for i in range(16):
        made_up = tuple(sha256(b"%d %d" % (i, j)) for j in range(MAX_BATCH))
        member.step(NOW, [Received(LIAR, Heard(made_up))])
    member.step(NOW, [Received(2, Heard((asked(1).digest,)))])
    sent = member.step(NOW + 100, [Tick()]).send
    assert any(to == 2 and isinstance(each, Want) and asked(1).digest in each.requests for to, each in sent)


def test_own_words_are_never_forgotten_after_a_restart_however_many_they_are():
    mine = [spoken(1, answer(1, asked(i).digest)) for i in range(1100)]
    back = replica(1, Restored(spoken=mine))
    contrary = back.step(NOW, [Received(0, requests(0)), Ran((answer(1, asked(0).digest, 2),))])
    assert not [each for each in contrary.persist if isinstance(each, Spoke)]


# --- reports ----------------------------------------------------------------------------------------------


def test_a_liar_that_reports_hundreds_of_times_on_one_request_does_not_stop_the_leader():
    group = Honest(thinking=20)
    first, second = asked(1).digest, asked(2).digest
    lie = spoken(LIAR, answer(LIAR, first))
    named = (Held(LIAR, lie.root),)
    flood = [have(LIAR, (Readied(first, (0,)),), named, NOW + i) for i in range(300)]
    group.everybody(groups.CLIENT.public.raw, requests(1))
    group.everybody(LIAR, lie)
    group.tell((0,), LIAR, *flood)
    group.pass_time(5)
    group.everybody(groups.CLIENT.public.raw, requests(2))
    group.pass_time(1_000)
    assert group.outcomes() == {first: "certified", second: "certified"}


def test_a_report_that_names_what_is_about_another_request_is_not_proposed():
    """The batch goes once its own requests are decided; a proposal that named it could never be judged."""
    leader = replica(0)
    one, two = asked(1).digest, asked(2).digest
    leader.step(NOW, [Received(groups.CLIENT.public.raw, requests(1, 2))])
    batches = {(m, r): spoken(m, answer(m, r)) for m in (0, 1, 2) for r in (one, two)}
    leader.step(NOW + 1, [Received(m, each) for (m, _), each in batches.items() if m])
    leader.step(NOW + 2, [Ran((answer(0, one), answer(0, two)))])
    wrong = Held(1, batches[1, one].root)
    right = [Held(m, batches[m, two].root) for m in (1, 2)]
    said = [
        have(2, (Readied(two, (0, 1)),), tuple(right)),
        have(LIAR, (Readied(two, (0, 1, 2)),), (*right, wrong)),
    ]
    proposals = []
    for i in range(1, 1_000, 50):
        ready = leader.step(NOW + 2 + i, [Received(each.report.member, each) for each in said])
        proposals += [each for _, each in ready.announce if isinstance(each, Propose)]
    names = [each.content.named for each in proposals]
    assert all(wrong not in each or two not in each[wrong] for each in names)


@pytest.mark.parametrize("padding", ["places twice", "places that nobody uses", "places that are not there"])
def test_a_report_that_is_padded_is_none(padding):
    leader = replica(0)
    request = asked(1).digest
    lie = spoken(LIAR, answer(LIAR, request))
    leader.step(NOW, [Received(groups.CLIENT.public.raw, requests(1)), Received(LIAR, lie)])
    named = (Held(LIAR, lie.root),)
    padded = {
        "places twice": have(LIAR, (Readied(request, (0,) * 64),), named),
        "places that nobody uses": have(LIAR, (Readied(request, (0,)),), named * 64),
        "places that are not there": have(LIAR, (Readied(request, (0, 1)),), named),
    }[padding]
    leader.step(NOW + 1, [Received(LIAR, padded)])
    assert padded.report.digest not in leader.state.reports
    true = have(LIAR, (Readied(request, (0,)),), named)
    leader.step(NOW + 1, [Received(LIAR, true)])
    assert true.report.digest in leader.state.reports


# --- what a little makes a member send --------------------------------------------------------------------


def test_who_asks_again_and_again_is_not_sent_the_same_again_and_again():
    member = replica(1)
    member.step(NOW, [Received(groups.CLIENT.public.raw, requests(*range(100)))])
    member.step(NOW, [Ran((answer(1, asked(i).digest),)) for i in range(100)])
    held = next(iter(member.state.signed))
    want = Want(tuple(asked(i).digest for i in range(100)), (held,) * 4096)
    sent = member.step(NOW + 1, [Received(LIAR, want)] * 100).send
    answered = [each for to, each in sent if to == LIAR and isinstance(each, Requests | Exec)]
    assert len(answered) == 2
    later = member.step(NOW + 1_500, [Received(LIAR, want)]).send
    assert any(isinstance(each, Requests) for to, each in later if to == LIAR)


def test_who_tells_of_many_standings_at_once_is_sent_entries_once():
    member = replica(1)
    standing = msgspec.structs.replace(member.state.standing, entries=5_000)
    member.state.standing = standing
    ready = member.step(NOW + 1, [Received(LIAR, Status(i, i)) for i in range(1000)])
    assert len([each for each in ready.supply if each.member == LIAR]) == 1


# --- everything, by chance --------------------------------------------------------------------------------

NUMBERS = [0, 1, 4, 15, 16, 255, 2**31 - 1, 2**48 - 1, 2**53 - 1, 2**53, 2**64 - 1, -1, -(2**63), NOW]
TEXTS = ["", "answered", "abstained", "error", "absent", "prepare", "commit", "certified", "e\u0301", "A" * 300]


def sayings() -> list[object]:
    """One of everything that the liar can say, as what it travels in."""
    ours = [asked(i).digest for i in range(3)]
    lie = spoken(LIAR, answer(LIAR, ours[0]), answer(LIAR, ours[1]))
    held = (Held(LIAR, lie.root),)
    report = have(LIAR, (Readied(ours[0], (0,)), Readied(ours[1], ())), held)
    change = Change(made.GROUP, 0, LIAR, 5, groups.model(7))
    update = Update(change, made.KEYS[LIAR].sign(Tag.AGREEMENT_UPDATE, change.digest))
    vote = Vote("prepare", LIAR, 0, bytes(32), 1, bytes(32), bytes(64))
    unproved = msgspec.structs.replace(proved(), commits=tuple(Signed(i, bytes(64)) for i in range(3)))
    every = [
        *(requests(0, 1), lie, report, update, vote, msgspec.structs.replace(vote, kind="commit")),
        Propose(0, bytes(32), 1, Content((report,), tuple(ours), (update,))),
        *(Records((unproved,)), Want(tuple(ours), held), Heard(tuple(ours)), Status(3, 9)),
    ]
    return [msgspec.msgpack.decode(encode(each)) for each in every]


def mutated(chance: random.Random, value: object) -> object:
    """The same but for one thing somewhere within."""
    match value:
        case dict():
            name = chance.choice(list(value))
            return value | {name: mutated(chance, value[name])}
        case [*items]:
            place = chance.randrange(len(items) + 1)
            if place == len(items):
                return items * chance.choice([0, 2, 65])
            return [*items[:place], mutated(chance, items[place]), *items[place + 1 :]]
        case int():
            return chance.choice(NUMBERS)
        case bytes():
            return chance.choice([bytes(len(value)), b"\xff" * len(value), made.GROUP, MODELS[0], value[:-1]])
        case str():
            return chance.choice(TEXTS)
    return None


def resigned(message: Spoken) -> Spoken:
    """As the liar would sign it."""
    key = made.KEYS[LIAR]
    match message:
        case Exec():
            return spoken(message.member, *message.results, key=key)
        case Have():
            return Have(message.report, key.sign(Tag.AGREEMENT_HAVE, message.report.digest))
        case Update():
            return Update(message.change, key.sign(Tag.AGREEMENT_UPDATE, message.change.digest))
        case Vote():
            signed = message.ballot(made.GROUP, 0).digest(message.tag)
            return msgspec.structs.replace(message, signature=key.sign(message.tag, signed))
    return message


@pytest.mark.parametrize("seed", range(40))
def test_whatever_a_liar_says_nobody_stops_and_what_was_asked_is_certified(seed):
    chance = random.Random(seed)
    group = Honest(thinking=chance.choice([0, 5, 50]))
    group.everybody(groups.CLIENT.public.raw, requests(0, 1))
    for _ in range(60):
        value = chance.choice(sayings())
        for _ in range(chance.choice([0, 1, 1, 2, 3])):
            value = mutated(chance, value)
        with suppress(msgspec.DecodeError):
            message = resigned(decode(msgspec.msgpack.encode(value)))
            group.tell(chance.choice([(0,), (1,), (2,), (0, 1, 2)]), LIAR, message)
        group.pass_time(chance.choice([1, 1, 3, 40]))
    group.pass_time(3_000, tick=50)
    assert group.outcomes() == {asked(i).digest: "certified" for i in range(2)}
    logs = [[record.entry.digest for record in entries] for entries in group.entries.values()]
    assert all(log == logs[0] for log in logs)

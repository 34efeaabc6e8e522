"""The one log of the group: every member's entries are these, and each says what its reports make it say."""

from __future__ import annotations

from collections import defaultdict

from assay import merkle
from assay.agreement.entry import Asked, Ballot, Ended
from assay.agreement.group import Epoch
from assay.agreement.sealing import Author, Fixed, Sealed
from assay.agreement.votes import Absent, Answered, Said, Withheld
from assay.digest import Tag
from assay.model import ModelReference
from consensus.covering import content_digest, following
from consensus.durable import Executed, Jumped, Standing
from consensus.judging import LINGER
from consensus.messages import Exec, Held, Propose, Record, Report, Result, Spoken
from consensus.messages import Have as HaveMessage
from consensus.simulator import recount
from consensus.simulator.founding import Founded
from consensus.simulator.recount import Serving
from consensus.simulator.signing import Signing
from consensus.simulator.world import Broken

Stage = tuple[int, bytes, int]  # an epoch, a request, and the entry that has fixed the words on it, or 0


def _said(record: Record) -> tuple[object, ...]:
    """What it says, whoever has signed it and in which view."""
    return (
        record.entry,
        record.reports,
        record.updates,
        record.asked,
        record.ended,
        record.fixed,
        following(record.successor),
    )


class Log:
    """Grows with the first member that executes an entry; the others are held against it."""

    def __init__(self, founded: Founded, honest: frozenset[int], signing: Signing) -> None:
        self._founded = founded
        self._configuration = founded.configuration
        self._honest = honest
        self._signing = signing
        self.records: list[Record] = []
        self.standings: list[Standing] = []
        self.lapse: dict[tuple[bytes, bytes], int] = {}  # by client and id; until when it stays decided
        self.decided: dict[bytes, Ended] = {}
        self.serving = [Serving(each.model.commitment) for each in self._configuration.members]
        self._asked: dict[bytes, Asked] = {}
        self._reports: dict[bytes, Report] = {}
        self._batches: dict[Held, Exec] = {}
        self._holders: dict[Stage, dict[int, set[int]]] = defaultdict(dict)
        self._fixed: dict[bytes, tuple[int, Fixed]] = {}  # and by which entry
        self._wished: set[tuple[int, bytes]] = set()

    # --- what has been said -------------------------------------------------------------------------------

    def asked(self, asked: Asked) -> None:
        """A client has made this request."""
        self._asked[asked.digest] = asked

    def wished(self, place: int, model: ModelReference) -> None:
        self._wished.add((place, model.commitment))

    def leaves(self, place: int, message: Spoken) -> None:
        """Whatever a member sends, a liar included: batches and reports are found by their names."""
        match message:
            case Exec():
                self._batches[Held(message.member, message.root)] = message
                if message.member == place and place in self._honest:
                    self._require_hidden(place, message)
            case HaveMessage():
                self._report(place, message.report)
            case Propose():
                for have in message.content.haves:
                    self._report(place, have.report)

    def _report(self, place: int, report: Report) -> None:
        digest = report.digest
        if digest in self._reports:
            return
        self._reports[digest] = report
        if place != report.member or place not in self._honest:
            return
        for ready in report.ready:
            answering = {report.held[at].member for at in ready.held}
            holders = self._holders[report.epoch, ready.request, ready.fixed]
            holders[place] = holders.get(place, answering) & answering

    # --- entries ------------------------------------------------------------------------------------------

    def executes(self, place: int, executed: Executed, now: int) -> None:
        """`now`: the most that an honest member's clock shows."""
        record, number = executed.record, self._signing.executed[place]
        if record.entry.number != number + 1 or number > len(self.records):
            raise Broken("one after the other", f"member {place} executes {record.entry.number} after {number}")
        if number == len(self.records):
            self._grow(executed, now)
        first = self.records[number]
        if record.entry.digest != first.entry.digest:
            raise Broken("one log", f"member {place} executes {record.entry} where another has {first.entry}")
        if _said(record) != _said(first):
            raise Broken("one log", f"member {place} has another record of {record.entry.number}")
        if executed.standing != self.standings[number]:
            raise Broken("one standing", f"member {place} stands at {executed.standing}, not as others do")
        self._require_committed(record)

    def jumps(self, place: int, jumped: Jumped) -> None:
        """To an entry that others have executed; with all of those before it in which an id may still count."""
        first, last = jumped.records[0].entry, jumped.records[-1].entry
        theirs = self.records[first.number - 1 : last.number]
        if last.number > len(self.records) or [_said(each) for each in jumped.records] != [
            _said(each) for each in theirs
        ]:
            raise Broken("one log", f"member {place} jumps to {last}")
        if jumped.standing != self.standings[last.number - 1]:
            raise Broken("one standing", f"member {place} stands at {jumped.standing}, not as others do")
        below = [each for record in self.records[: first.number - 1] for each in record.asked]
        if any(self.lapse[asked.client, asked.id] >= last.time for asked in below):
            raise Broken("decided once", f"member {place} jumps to {last} and does not know what was decided")
        fixed = {each.request for record in self.records[: first.number - 1] for each in record.fixed}
        ended = {each.request for record in self.records[: last.number] for each in record.ended}
        if any(self._fixed[each][1].deadline + LINGER >= last.time for each in fixed - ended):
            raise Broken("fixed once", f"member {place} jumps to {last} and does not know what was fixed")

    def _grow(self, executed: Executed, now: int) -> None:
        record, entry = executed.record, executed.record.entry
        parent = self.records[-1].entry if self.records else None
        before = (parent.digest, parent.time) if parent else (self._founded.genesis, 0)
        if entry.parent != before[0] or entry.time < before[1] or entry.group != self._founded.genesis:
            raise Broken("one after the other", f"{entry} follows {parent}")
        self._require_epoch(record)
        self._require_built(record)
        reports = [self._reports[digest] for digest in record.reports]
        self._require_time(record, reports, before[1], now)
        self._require_ids(record)
        for asked, ended in zip(record.asked, record.ended, strict=True):
            if self._configuration.copy_resistant:
                self._require_opened(record, reports, asked, ended)
            else:
                self._require_outcome(record, reports, asked, ended)
        for words in record.fixed:
            self._require_fixed(record, reports, words)
        self._change(record)
        stands = (entry.number, entry.digest, entry.time, tuple(each.active for each in self.serving))
        standing = executed.standing
        serving = tuple(each.model.commitment for each in standing.serving)
        if (standing.entries, standing.last, standing.time, serving) != stands:
            raise Broken("one standing", f"{standing} after {entry}")
        after = following(record.successor)
        if entry.content != content_digest(record.reports, record.updates, standing.serving, after):
            raise Broken("digest of the content", str(record))
        self.records.append(record)
        self.standings.append(standing)

    def _require_epoch(self, record: Record) -> None:
        """Of the epoch of the entry before, unless that was its last; and what ends an epoch stands alone."""
        before = self.records[-1] if self.records else None
        expected = 0 if before is None else before.entry.epoch + (before.successor is not None)
        if record.entry.epoch != expected:
            raise Broken("one epoch after the other", f"{record.entry}, not of epoch {expected}")
        if record.successor is None:
            return
        after = record.successor.configuration
        if record.asked or record.updates or record.fixed or after.epoch != expected + 1:
            raise Broken("what ends an epoch stands alone", str(record))
        if [member.model.commitment for member in after.members] != [each.active for each in self.serving]:
            raise Broken("who stays answers with the same model", str(after))
        open_ = [words for request, (_, words) in self._fixed.items() if request not in self.decided]
        if any(words.deadline + LINGER >= record.entry.time for words in open_):
            raise Broken("no epoch ends on what was shown and not counted", str(open_))

    def ends(self, epoch: Epoch) -> None:
        """An honest member has done with the epoch before this one."""
        last = self.records[epoch.last - 1] if 0 < epoch.last <= len(self.records) else None
        if last is None or following(last.successor) != epoch.configuration.digest:
            raise Broken("an epoch begins where the one before has ended", str(epoch))
        if any(each.entry != last.entry.digest for each in epoch.approvals):
            raise Broken("an epoch begins where the one before has ended", str(epoch))

    def answering(self) -> list[ModelReference]:
        """By member, with what it answers now."""
        members = zip(self._configuration.members, self.serving, strict=True)
        known = {member.model.commitment: member.model for member in self._configuration.members} | self.models()
        return [known[serving.active] for _, serving in members]

    def _require_built(self, record: Record) -> None:
        leaves = [each.leaf for each in record.ended] + [each.leaf for each in record.fixed]
        root = merkle.root(leaves) if leaves else bytes(32)
        entry = record.entry
        if (entry.count, entry.root) != (len(leaves), root):
            raise Broken("root of the outcomes", str(record))

    def _require_committed(self, record: Record) -> None:
        entry = record.entry
        ballot = Ballot(entry.group, entry.epoch, record.view, record.installed, entry.number, entry.digest)
        digest = ballot.digest(Tag.AGREEMENT_COMMIT)
        members = [each.member for each in record.commits]
        if len(members) < self._configuration.quorum or members != sorted(set(members)):
            raise Broken("a quorum has committed", f"{members} to {entry.number}")
        for each in record.commits:
            signer = self._founded.members[each.member]
            if not signer.seal.verifies(signer.key, Tag.AGREEMENT_COMMIT, digest, each.signature):
                raise Broken("a quorum has committed", f"member {each.member} has not signed {entry.number}")
        self._signing.commits(record)

    def _require_time(self, record: Record, reports: list[Report], parent: int, now: int) -> None:
        time = record.entry.time
        if time != max(parent, recount.median(reports)):
            raise Broken("median time", f"{time}, after {parent}")
        clocks = [each.clock for each in reports if each.member in self._honest]
        if time > parent and not min(clocks) <= time <= now:
            raise Broken("time between honest clocks", f"{time}: not from {min(clocks)} to {now}")

    def _require_ids(self, record: Record) -> None:
        for asked, ended in zip(record.asked, record.ended, strict=True):
            key = (asked.client, asked.id)
            if self.lapse.get(key, -1) >= record.entry.time:
                raise Broken("decided once", f"{asked} again in {record.entry.number}")
            if self._asked.get(ended.request) != asked:
                raise Broken("a client's request", f"nobody asked {asked}")
            self.lapse[key] = asked.deadline + LINGER
            self.decided[ended.request] = ended

    # --- outcomes -----------------------------------------------------------------------------------------

    def _require_ready(self, reports: list[Report], request: bytes, fixed: int = 0) -> None:
        ready = recount.readiness(reports, request, fixed)
        if len(ready) < self._configuration.quorum:
            raise Broken("ready for a quorum", f"{request.hex()} for {sorted(ready)}")

    def _results(self, reports: list[Report], request: bytes) -> dict[int, list[Result]]:
        return recount.results([self._batches[held] for held in recount.named(reports, request)], request)

    def _require_hidden(self, place: int, message: Exec) -> None:
        """In a copy-resistant group an honest member shows nothing before it is too late to copy it."""
        for result in message.results if self._configuration.copy_resistant else ():
            number, words = self._fixed.get(result.request, (0, None))
            shows = not isinstance(result.said, Sealed)
            fixed = words is not None and isinstance(words.said[place], Sealed)
            if shows and not (fixed and number <= self._signing.executed[place]):
                raise Broken("nothing is shown that is not fixed", f"member {place} shows {result}")

    def _require_fixed(self, record: Record, reports: list[Report], words: Fixed) -> None:
        """Once, in time, with all that the reports name."""
        request, asked = words.request, self._asked.get(words.request)
        if asked is None or (asked.client, asked.id, asked.deadline) != (words.client, words.id, words.deadline):
            raise Broken("a client's request", f"nobody asked {words}")
        open_ = [each for _, each in self._fixed.values() if each.deadline + LINGER >= record.entry.time]
        others = [(each.client, each.id) for each in open_ if each.request not in self.decided]
        if (
            request in self._fixed
            or (words.client, words.id) in others
            or self.lapse.get((asked.client, asked.id), -1) >= record.entry.time
        ):
            raise Broken("fixed once", f"{words} again in {record.entry.number}")
        self._require_ready(reports, request)
        spoken = self._results(reports, request)
        for member, serving in enumerate(self.serving):
            models = serving.models(record.entry.time)
            expected = recount.commitment(models, spoken.get(member, []))
            if words.said[member] != expected:
                raise Broken(
                    "all that was reported counts", f"member {member}: {words.said[member]}, not {expected}"
                )
            if member in self._honest:
                stage = (record.entry.epoch, request, 0)
                self._require_held(member, stage, given=isinstance(expected, Sealed), models=models)
        committed = sum(isinstance(each, Sealed) for each in words.said)
        if record.entry.time > asked.deadline or committed < self._configuration.quorum:
            raise Broken("fixed by a quorum, in time", f"{words} at {record.entry.time}")
        self._fixed[request] = record.entry.number, words

    def _require_opened(self, record: Record, reports: list[Report], asked: Asked, ended: Ended) -> None:
        request, time = ended.request, record.entry.time
        number, words = self._fixed.get(request, (0, None))
        self._require_ready(reports, request, number)
        spoken = self._results(reports, request)
        for member, said in enumerate(ended.said):
            committed = Absent() if words is None else words.said[member]
            expected: Said = Absent()
            if isinstance(committed, Sealed):
                theirs, author = spoken.get(member, []), Author(record.entry.group, record.entry.epoch, member)
                expected = recount.shown(self._configuration, author, committed, theirs, asked.rows)
                if member in self._honest:
                    shown = not isinstance(expected, Withheld)
                    stage = (record.entry.epoch, request, number)
                    self._require_held(member, stage, given=shown, models=[committed.model])
            if said != expected:
                raise Broken("all that was reported counts", f"member {member}: {said}, not {expected}")
        withheld = any(isinstance(said, Withheld) for said in ended.said)
        if ended.outcome == "failed" and time <= asked.deadline and (withheld or words is None):
            raise Broken("no failure before its time", f"{asked} at {time}: {ended.said}")
        self._require_counted(asked, ended, time)

    def _require_held(self, member: int, stage: Stage, *, given: bool, models: list[bytes]) -> None:
        """What f + 1 honest members held of it is there; what is there it has said."""
        epoch, request, _ = stage
        said = [result for model in models if (result := self._signing.said(member, epoch, request, model))]
        holding = [place for place, of in self._holders[stage].items() if member in of]
        if not given and said and len(holding) > self._configuration.f:
            raise Broken("no honest answer is left out", f"member {member}'s, held by {holding}")
        if given and not said:
            raise Broken("own answer", f"member {member} never said anything of {request.hex()}")

    def _require_outcome(self, record: Record, reports: list[Report], asked: Asked, ended: Ended) -> None:
        request, time = ended.request, record.entry.time
        self._require_ready(reports, request)
        spoken = self._results(reports, request)
        for member, serving in enumerate(self.serving):
            models = serving.models(time)
            word = recount.word(self._configuration, models, spoken.get(member, []), asked.rows)
            said = ended.said[member]
            if said != word:
                raise Broken("all that was reported counts", f"member {member}: {said}, not {word}")
            if member in self._honest:
                self._require_own(member, (record.entry.epoch, request, 0), models, said)
        if ended.outcome == "failed" and time <= asked.deadline and len(spoken) < len(ended.said):
            raise Broken("no failure before its time", f"{asked} at {time}: {ended.said}")
        self._require_counted(asked, ended, time)

    def _require_counted(self, asked: Asked, ended: Ended, time: int) -> None:
        counted = recount.outcome(self._configuration, asked, ended.said, time)
        if ended.outcome != counted:
            raise Broken("outcome", f"{ended.outcome}, not {counted}, of {asked} at {time}: {ended.said}")

    def _require_own(self, member: int, stage: Stage, models: list[bytes], said: object) -> None:
        """It has said so; and what f + 1 honest members held of it when they called the request ready is there."""
        epoch, request, _ = stage
        every = (self._signing.said(member, epoch, request, model) for model in models)
        given = [result.said for result in every if result]
        if isinstance(said, Absent):
            holding = [place for place, of in self._holders[stage].items() if member in of]
            if given and len(holding) > self._configuration.f:
                raise Broken("no honest answer is left out", f"member {member}'s, held by {holding}")
        elif said not in given:
            raise Broken("own answer", f"member {member} never said {said}: {given}")
        if isinstance(said, Answered) and said.model not in models:
            raise Broken("a model that is active", f"{said.model.hex()} of member {member}")

    def _change(self, record: Record) -> None:
        for update in record.updates:
            change = update.change
            if change.member in self._honest and (change.member, change.model.commitment) not in self._wished:
                raise Broken("a change that its owner wants", str(change))
        recount.changed(self.serving, record.updates, record.entry.time, self._configuration.horizon)

    def models(self) -> dict[bytes, ModelReference]:
        """Every model that an entry has changed to."""
        every = [update.change.model for record in self.records for update in record.updates]
        return {model.commitment: model for model in every}

    def is_over(self, request: bytes, now: int) -> bool:
        """Whether its id has been decided, on this or another version of it, or its time is past."""
        asked = self._asked.get(request)
        return asked is not None and ((asked.client, asked.id) in self.lapse or asked.deadline < now)

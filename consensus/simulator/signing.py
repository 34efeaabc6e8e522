"""What honest members sign: nothing that contradicts itself, nothing before it is on the disk, nothing too early.

What a member has signed and lost in a crash before it was on its disk never counted: nobody has seen it.
"""

from __future__ import annotations

from collections import defaultdict

from msgspec.structs import replace

from assay.agreement.sealing import Opened
from assay.agreement.votes import Answered, Erred
from consensus.durable import Cast, Durable, Executed, Installed, Jumped, Moved, Spoke, Standing
from consensus.messages import Decided, Exec, NewView, Record, Records, Result, Spoken, ViewChange, Vote
from consensus.simulator.world import Broken

Ballot = tuple[int, int, int, int]  # (member, its epoch, view, number)
Began = tuple[int, int, bytes, int]  # (member, view, what began it, number)
About = tuple[int, int, bytes, bytes]  # (member, its epoch, request, model)


class Signing:
    """By the simulator's own count, across crashes."""

    def __init__(self, honest: frozenset[int], quorum: int, n: int) -> None:
        self._honest = honest
        self.quorum = quorum
        self._n = n
        self._kept: dict[int, set[bytes]] = {place: set() for place in honest}
        self._epoch = dict.fromkeys(honest, 0)
        self._signed: dict[tuple[About, bool], Result] = {}  # and whether it was opened
        self._said: dict[About, Result] = {}
        self._voted: dict[tuple[str, Ballot], bytes] = {}
        self._outputs: dict[tuple[int, bytes, bytes], list[Result]] = defaultdict(list)
        self._heard: dict[tuple[Began, bytes], set[int]] = defaultdict(set)  # of whom who has heard a PREPARE
        self.executed: dict[int, int] = dict.fromkeys(honest, 0)
        self._executing: dict[int, int] = dict.fromkeys(honest, 0)

    # --- what a member is told ----------------------------------------------------------------------------

    def ran(self, place: int, results: list[Result]) -> None:
        for result in results:
            self._outputs[place, result.request, result.model].append(result)

    def reached(self, place: int, message: Spoken) -> None:
        if isinstance(message, Vote) and message.kind == "prepare":
            began = (place, message.view, message.installed, message.number)
            self._heard[began, message.entry].add(message.member)

    def enters(self, place: int, epoch: int) -> None:
        """What it said in the epoch before binds it no more."""
        self._epoch[place] = epoch

    def executes(self, standings: list[Standing], place: int) -> None:
        """Entries that it has, and is about to write."""
        self._executing[place] = max((each.entries for each in standings), default=0)

    # --- what it writes -----------------------------------------------------------------------------------

    def writes(self, place: int, what: list[Durable]) -> None:
        kept = self._kept[place]
        for each in what:
            match each:
                case Spoke(signed, secrets):
                    kept.add(signed.signature)
                    for result in signed.results:
                        self._signs(place, result)
                    for result in secrets or signed.results:
                        self._says(place, result)
                case Cast(vote):
                    kept.add(vote.signature)
                    self._votes(place, vote)
                case Moved(change):
                    kept.add(change.signature)
                case Installed(new_view):
                    kept.add(new_view.signature)
                case Executed(standing=standing) | Jumped(standing=standing):
                    self.executed[place] = standing.entries

    def _signs(self, place: int, result: Result) -> None:
        about = (place, self._epoch[place], result.request, result.model)
        before = self._signed.setdefault((about, isinstance(result.said, Opened)), result)
        if before != result:
            raise Broken("one result", f"member {place} signs {result} after {before}")

    def _says(self, place: int, result: Result) -> None:
        """What can be read of it."""
        if isinstance(result.said, Opened):
            result = replace(result, said=result.said.said)
        before = self._said.setdefault((place, self._epoch[place], result.request, result.model), result)
        if before != result:
            raise Broken("one result", f"member {place} says {result} after {before}")
        if isinstance(result.said, Answered | Erred):
            outputs = self._outputs[place, result.request, result.model]
            if result not in outputs:
                raise Broken("own output", f"member {place} signs {result}; its model gave {outputs}")

    def _votes(self, place: int, vote: Vote) -> None:
        ballot = (place, self._epoch[place], vote.view, vote.number)
        before = self._voted.setdefault((vote.kind, ballot), vote.entry)
        if before != vote.entry:
            raise Broken("one vote", f"member {place} votes {vote} after {before.hex()}")
        if vote.kind == "prepare":
            self._heard[(place, vote.view, vote.installed, vote.number), vote.entry].add(place)
        else:
            self._require_prepared(place, vote)

    def _require_prepared(self, place: int, commit: Vote) -> None:
        """It commits to what it has seen prepared, as is everything below that."""
        for number in range(self.executed[place] + 1, commit.number + 1):
            entry = self._voted.get(("prepare", (place, self._epoch[place], commit.view, number)))
            began = (place, commit.view, commit.installed, number)
            heard = set(self._heard[began, entry]) if entry else set()
            if (number == commit.number and entry != commit.entry) or len(heard) < self.quorum:
                raise Broken(
                    "prepared before committed",
                    f"member {place} commits to {commit.number} and has {sorted(heard)} for {number}",
                )

    # --- what leaves it -----------------------------------------------------------------------------------

    def leaves(self, place: int, message: Spoken) -> None:
        kept = self._kept[place]
        match message:
            case Exec() | Vote() if message.member == place:
                held = message.signature in kept
            case ViewChange() if message.move.member == place:
                held = message.signature in kept
            case NewView() if message.view % self._n == place:
                held = message.signature in kept
            case Decided():
                held = message.entry.number <= max(self.executed[place], self._executing[place])
            case Records():
                held = message.records[-1].entry.number <= self.executed[place]
            case _:
                held = True
        if not held:
            raise Broken("on disk before it leaves", f"member {place} sends {message}")

    def commits(self, record: Record) -> None:
        """An honest member's signature under an entry is one that it has given."""
        for each in record.commits:
            if each.member in self._honest and each.signature not in self._kept[each.member]:
                raise Broken("own vote", f"member {each.member} has not committed to {record.entry.number}")

    def said(self, place: int, epoch: int, request: bytes, model: bytes) -> Result | None:
        return self._said.get((place, epoch, request, model))

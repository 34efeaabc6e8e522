"""The results that a member holds, of every member: by batch, and by request. Bounded."""

from __future__ import annotations

from collections.abc import Iterable

from assay.agreement.sealing import Opened
from consensus.messages import Exec, Held, Result

MOST_STRANGE = 1024  # batches of one member about requests that nobody here has heard of
MOST_STRANGE_WEIGHT = 2**20  # of those, in votes; more than the largest batch has
MOST_WEIGHT = 2**23  # of all batches of one member
MOST_OF_ONE = 4  # batches of one member about one request: an honest one has a single one, or two
RESULT = 16  # votes that a result weighs besides its own


class Answers:
    """Batches whose signatures have been checked. Of `me` all are kept: what was said must stay said."""

    def __init__(self, me: int) -> None:
        self._me = me
        self._batches: dict[Held, Exec] = {}
        self._undecided: dict[Held, int] = {}  # how many of a batch's requests may still be decided
        self._about: dict[bytes, dict[Held, Result]] = {}
        self._weights: dict[Held, int] = {}
        self._of_member: dict[int, int] = {}  # what its batches weigh together
        self._strange: dict[int, dict[Held, int]] = {}  # by member, oldest first: when it came
        self._unknown: dict[Held, set[bytes]] = {}  # the requests that make it so

    def __len__(self) -> int:
        return len(self._batches)

    def __contains__(self, held: object) -> bool:
        return held in self._batches

    def __getitem__(self, held: Held) -> Exec:
        return self._batches[held]

    def speaks(self, held: Held, request: bytes) -> bool:
        """Whether that batch is here and about this request."""
        if held in self._about.get(request, {}):
            return True
        return held in self._batches and any(each.request == request for each in self._batches[held].results)

    def named(self, request: bytes, *, opened: bool = False) -> list[Held]:
        """What a report names for a request: of each member, what came first; no member crowds out another.

        `opened`: where its words have been fixed, and nothing counts but what opens them.
        """
        taken: dict[int, int] = {}
        names = []
        for held, result in self._about.get(request, {}).items():
            if isinstance(result.said, Opened) != opened:
                continue
            taken[held.member] = taken.get(held.member, 0) + 1
            if taken[held.member] <= MOST_OF_ONE:
                names.append(held)
        return names

    def has_room(self, member: int, request: bytes) -> bool:
        """Whether another batch of this member about this request would be of any use."""
        return sum(held.member == member for held in self._about.get(request, {})) < MOST_OF_ONE

    def has_room_for(self, signed: Exec) -> bool:
        return self._of_member.get(signed.member, 0) + _weight(signed) <= MOST_WEIGHT

    def add(self, held: Held, signed: Exec, requests: Iterable[bytes], *, strange: set[bytes], now: int) -> None:
        """Takes in a batch as far as it is about `requests`, those of its requests that have not been decided.

        `strange`: those that are not known here.
        """
        self._batches[held] = signed
        self._weights[held] = _weight(signed)
        self._of_member[held.member] = self._of_member.get(held.member, 0) + self._weights[held]
        wanted = set(requests)
        for result in signed.results:
            if result.request in wanted:
                self._about.setdefault(result.request, {})[held] = result
        self._undecided[held] = len(wanted)
        if strange:
            theirs = self._strange.setdefault(held.member, {})
            theirs[held] = now
            self._unknown[held] = strange
            while held.member != self._me and len(theirs) > 1 and self._is_too_much(theirs):
                self._forget(next(iter(theirs)))

    def about(self, request: bytes) -> dict[Held, Result]:
        """What is held about one request, by the batch that holds it."""
        return self._about.get(request, {})

    def recognise(self, request: bytes) -> None:
        """A request has become known: batches are no longer strange for its sake."""
        for held in self._about.get(request, {}):
            unknown = self._unknown.get(held, set())
            unknown.discard(request)
            if not unknown:
                self._familiar(held)

    def forget_strange(self, before: int) -> None:
        """Forgets batches that came before then about requests that nobody has made known since."""
        for theirs in list(self._strange.values()):
            for held, came in list(theirs.items()):
                if came < before:
                    self._forget(held)

    def drop(self, request: bytes) -> None:
        """Forgets what is held about a request that has been decided, or never will be."""
        for held in self._about.pop(request, {}):
            self._undecided[held] -= 1
            if not self._undecided[held]:
                self._remove(held)

    def _forget(self, held: Held) -> None:
        for result in self._batches[held].results:
            theirs = self._about.get(result.request)
            if theirs is not None:
                theirs.pop(held, None)
                if not theirs:
                    del self._about[result.request]
        self._remove(held)

    def _is_too_much(self, strange: Iterable[Held]) -> bool:
        weights = [self._weights[held] for held in strange]
        return len(weights) > MOST_STRANGE or sum(weights) > MOST_STRANGE_WEIGHT

    def _remove(self, held: Held) -> None:
        del self._batches[held]
        self._of_member[held.member] -= self._weights.pop(held)
        del self._undecided[held]
        self._familiar(held)

    def _familiar(self, held: Held) -> None:
        self._unknown.pop(held, None)
        theirs = self._strange.get(held.member)
        if theirs is not None:
            theirs.pop(held, None)
            if not theirs:
                del self._strange[held.member]


def _weight(signed: Exec) -> int:
    """In votes: about what it takes of the memory."""
    return RESULT * len(signed.results) + signed.votes

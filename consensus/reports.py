"""Who has declared which requests ready, as far as this member has been told: the leader always is. Bounded."""

from __future__ import annotations

from collections.abc import Collection

from consensus.fixing import Fixings
from consensus.messages import MAX_REPORTS, Have

Stage = tuple[bytes, int]  # a request, and the entry that has fixed the words on it; 0: none has


class Reports:
    """Reports whose signatures have been checked; the newest of each member is kept for its clock.

    In a copy-resistant group a member reports a request once before its words are `fixed`, and once after that.
    """

    def __init__(self, quorum: int, fixed: Fixings) -> None:
        self._quorum = quorum
        self._fixed = fixed
        self._undecided: dict[bytes, int] = {}  # by report: how many of its requests may still be decided
        self._haves: dict[bytes, Have] = {}
        self._naming: dict[Stage, dict[bytes, Have]] = {}  # then by the report's digest
        self._later: dict[bytes, set[int]] = {}  # the stages of a request but the first
        self._of_member: dict[int, dict[bytes, None]] = {}  # oldest first
        self.ripe: dict[bytes, int] = {}  # requests that a quorum has declared ready, in that order: since when
        self.newest: dict[int, tuple[bytes, Have]] = {}  # with their digests

    def __len__(self) -> int:
        return len(self._haves)

    def __contains__(self, digest: object) -> bool:
        return digest in self._haves

    def add(self, digest: bytes, have: Have, undecided: Collection[bytes], now: int) -> None:
        """Takes in a report as far as it is about `undecided` requests."""
        report = have.report
        before = self.newest.get(report.member)
        if before is None or before[1].report.clock <= report.clock:
            self.newest[report.member] = (digest, have)
        if not undecided:
            return
        self._haves[digest] = have
        self._undecided[digest] = len(undecided)
        for readied in report.ready:
            if readied.request in undecided:
                naming = self._naming.setdefault((readied.request, readied.fixed), {})
                self._supersede(naming, report.member, digest)
                naming[digest] = have
                if readied.fixed:
                    self._later.setdefault(readied.request, set()).add(readied.fixed)
                self._ripen(readied.request, now)
        theirs = self._of_member.setdefault(report.member, {})
        theirs[digest] = None
        if len(theirs) > MAX_REPORTS:
            self._forget(next(iter(theirs)))

    def naming(self, request: bytes) -> dict[bytes, Have]:
        """The reports that declare a request ready as it now stands, by digest."""
        return self._naming.get((request, self._fixed.number(request)), {})

    def go_on(self, request: bytes, now: int) -> None:
        """The words on it have been fixed: what was said of it before is of no use any more."""
        self.ripe.pop(request, None)
        self._drop((request, 0))
        self._ripen(request, now)

    def drop(self, request: bytes) -> None:
        """Forgets what was said about a request that has been decided, or never will be."""
        self.ripe.pop(request, None)
        for fixed in (0, *self._later.pop(request, ())):
            self._drop((request, fixed))

    def _drop(self, stage: Stage) -> None:
        for digest in self._naming.pop(stage, {}):
            self._undecided[digest] -= 1
            if not self._undecided[digest]:
                self._remove(digest)

    def _ripen(self, request: bytes, now: int) -> None:
        if request not in self.ripe and self._is_ripe(request):
            self.ripe[request] = now

    def _is_ripe(self, request: bytes) -> bool:
        naming = self.naming(request).values()
        return len(naming) >= self._quorum and len({each.report.member for each in naming}) >= self._quorum

    def _supersede(self, naming: dict[bytes, Have], member: int, newest: bytes) -> None:
        """A member's newest word on a request counts: it names all that the ones before named."""
        for digest, each in tuple(naming.items()):
            if each.report.member != member or digest == newest:
                continue
            del naming[digest]
            self._undecided[digest] -= 1
            if not self._undecided[digest]:
                self._remove(digest)

    def _forget(self, digest: bytes) -> None:
        for readied in self._haves[digest].report.ready:
            stage = readied.request, readied.fixed
            naming = self._naming.get(stage)
            if naming is None or naming.pop(digest, None) is None:
                continue
            if not self._is_ripe(readied.request):
                self.ripe.pop(readied.request, None)
            if not naming:
                self._leave(stage)
        self._remove(digest)

    def _leave(self, stage: Stage) -> None:
        """Nobody speaks of it any more: a liar has numbers without end."""
        del self._naming[stage]
        request, fixed = stage
        later = self._later.get(request, set())
        later.discard(fixed)
        if fixed and not later:
            del self._later[request]

    def _remove(self, digest: bytes) -> None:
        member = self._haves.pop(digest).report.member
        del self._undecided[digest]
        theirs = self._of_member[member]
        del theirs[digest]
        if not theirs:
            del self._of_member[member]

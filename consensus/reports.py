"""Who has declared which requests ready, as far as this member has been told: the leader always is. Bounded."""

from __future__ import annotations

from collections.abc import Collection

from consensus.messages import MAX_REPORTS, Have


class Reports:
    """Reports whose signatures have been checked; the newest of each member is kept for its clock."""

    def __init__(self, quorum: int) -> None:
        self._quorum = quorum
        self._undecided: dict[bytes, int] = {}  # by report: how many of its requests may still be decided
        self._haves: dict[bytes, Have] = {}
        self._naming: dict[bytes, dict[bytes, Have]] = {}  # by request, then by the report's digest
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
                self._supersede(readied.request, report.member, digest)
                self._naming.setdefault(readied.request, {})[digest] = have
                self._ripen(readied.request, now)
        theirs = self._of_member.setdefault(report.member, {})
        theirs[digest] = None
        if len(theirs) > MAX_REPORTS:
            self._forget(next(iter(theirs)))

    def naming(self, request: bytes) -> dict[bytes, Have]:
        """The reports that declare a request ready, by digest."""
        return self._naming.get(request, {})

    def drop(self, request: bytes) -> None:
        """Forgets what was said about a request that has been decided, or never will be."""
        self.ripe.pop(request, None)
        for digest in self._naming.pop(request, {}):
            self._undecided[digest] -= 1
            if not self._undecided[digest]:
                self._remove(digest)

    def _ripen(self, request: bytes, now: int) -> None:
        if request not in self.ripe and self._is_ripe(request):
            self.ripe[request] = now

    def _is_ripe(self, request: bytes) -> bool:
        members = {each.report.member for each in self._naming.get(request, {}).values()}
        return len(members) >= self._quorum

    def _supersede(self, request: bytes, member: int, newest: bytes) -> None:
        """A member's newest word on a request counts: it names all that the ones before named."""
        naming = self._naming.get(request, {})
        for digest in [digest for digest, each in naming.items() if each.report.member == member]:
            if digest == newest:
                continue
            del naming[digest]
            self._undecided[digest] -= 1
            if not self._undecided[digest]:
                self._remove(digest)

    def _forget(self, digest: bytes) -> None:
        for readied in self._haves[digest].report.ready:
            naming = self._naming.get(readied.request)
            if naming is None or naming.pop(digest, None) is None:
                continue
            if not self._is_ripe(readied.request):
                self.ripe.pop(readied.request, None)
            if not naming:
                del self._naming[readied.request]
        self._remove(digest)

    def _remove(self, digest: bytes) -> None:
        member = self._haves.pop(digest).report.member
        del self._undecided[digest]
        theirs = self._of_member[member]
        del theirs[digest]
        if not theirs:
            del self._of_member[member]

"""What a member knows when it judges (`judging.Known`): all in its state, or what an entry brings along."""

from __future__ import annotations

from assay.agreement.entry import Asked
from consensus.durable import Fixing
from consensus.messages import Body, Exec, Held
from consensus.state import State


class Knowledge:
    """What this member knows, for judging the proposal with that number."""

    def __init__(self, state: State, number: int, taken: set[tuple[bytes, bytes]] | None = None) -> None:
        self._state = state
        self._flying = state.flight.ids(number) if taken is None else taken
        self._fixings = [each for each in (state.fixings, *state.flight.fixings(number)) if each]
        self._number = number

    def asked(self, request: bytes) -> Asked:
        pending = self._state.pool.get(request)
        assert pending is not None, "bodies are here before a proposal is judged"
        return pending.asked

    def named(self, held: Held) -> Exec:
        return self._state.answers[held]

    def taken(self, asked: Asked) -> bool:
        if self._state.past(asked) is not None or (asked.client, asked.id) in self._flying:
            return True
        fixed = (each.of(asked) for each in self._fixings)
        return any(each is not None and each != asked.digest for each in fixed)

    def fixed(self, request: bytes) -> Fixing | None:
        found = (each.get(request) for each in self._fixings)
        return next((each for each in found if each is not None), None)

    def unsettled(self, time: int) -> bool:
        decided = self._state.flight.decides(self._number)
        may = (each for fixings in self._fixings for each in fixings if each.lapse >= time)
        return any(each.words.request not in decided for each in may)


class Contained(Knowledge):
    """What an entry brings along, for judging it anew. Nothing in it need be believed: if it is not what it was,
    neither is its digest.
    """

    def __init__(self, state: State, body: Body) -> None:
        super().__init__(state, body.number)
        self._asked = {asked.digest: asked for batch in body.batches for asked in batch.asked}
        self._named = {Held(each.member, each.root): each for each in body.results}

    def asked(self, request: bytes) -> Asked:
        return self._asked[request]

    def named(self, held: Held) -> Exec:
        return self._named[held]

"""A client: asks, asks again until the deadline, and believes nothing but what it can prove.

It is honest about what it wants, with two exceptions that a hostile one would make use of: it may give different
members different inputs under one id, and it may send inputs that are not what their digest says, or not
what the group takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

import numpy as np

from assay.agreement.entry import Asked, Ended
from assay.digest import Tag
from assay.model import input_digest
from assay.tensor import Tensor
from consensus.messages import Batch, Decided, Payload, Refusal, Requests, Spoken
from consensus.simulator.founding import BEGAN, INPUTS, Founded, Holder
from consensus.simulator.member import as_sent
from consensus.simulator.network import End, Network, name
from consensus.simulator.proof import Prover
from consensus.simulator.scenario import Asking
from consensus.simulator.watch import Watch
from consensus.simulator.world import Broken, World

MARGIN = 2_000  # ms past the deadline for which it still asks
AGAIN = (150, 900)  # ms between two attempts


@dataclass
class Wanted:
    """One id of a client. `versions`: the one request, or two with different inputs, by digest."""

    versions: dict[bytes, Asked] = field(default_factory=dict)
    began: int = 0  # Unix ms
    ended: Ended | None = None
    refused: dict[bytes, set[End]] = field(default_factory=dict)
    spared: bool = False  # nothing fails, and there is all the time that is needed

    @property
    def deadline(self) -> int:
        return max(asked.deadline for asked in self.versions.values())


class Client:
    def __init__(self, holder: Holder, world: World, *, network: Network, watch: Watch, founded: Founded) -> None:
        self.key = holder.key
        self.wanted: dict[bytes, Wanted] = {}  # by id
        self._seal = holder.seal
        self._group = founded.genesis
        self._world = world
        self._network = network
        self._watch = watch
        self._prover = Prover(founded)
        self._of: dict[bytes, Wanted] = {}  # by request
        self._payloads: dict[bytes, Payload] = {}
        network.join(self.key, self._hear)

    # --- asking -------------------------------------------------------------------------------------------

    def ask(self, asking: Asking, *, spared: bool) -> None:
        """Begins now; goes on by itself until all is known, or the deadline is well past."""
        ids = [self._world.chance.randbytes(16) for _ in range(asking.requests)]
        deadline = BEGAN + self._world.now + self._world.between(asking.deadline)
        half = len(asking.reach) // 2 if asking.twins else 0
        for reach in (asking.reach[:half], asking.reach[half:]):
            if reach:
                asked = tuple(self._make(asking, each, deadline) for each in ids)
                for each in ids:
                    self.wanted[each].spared = spared
                self._try(asked, reach, deadline + MARGIN - BEGAN)

    def _make(self, asking: Asking, id_: bytes, deadline: int) -> Asked:
        chance = self._world.chance
        rows = self._world.between(asking.rows)
        payload = promised = _payload(chance, rows)
        if asking.spoiled:
            promised, payload, rows = chance.choice(
                [
                    (_payload(chance, rows), payload, rows),
                    (payload, payload, rows + 1),
                    (odd := _odd(payload), odd, rows),
                ]
            )
        digest = input_digest(promised.salt, promised.inputs)
        asked = Asked(self._group, self.key, id_, digest, rows, deadline, asking.least)
        wanted = self.wanted.setdefault(id_, Wanted(began=BEGAN + self._world.now))
        wanted.versions[asked.digest] = asked
        self._of[asked.digest] = wanted
        self._payloads[asked.digest] = payload
        self._watch.asks(asked)
        return asked

    def _try(self, asked: tuple[Asked, ...], reach: Sequence[int], until: int) -> None:
        """Sends what is still unknown, in a batch as before or in one of its own."""
        unknown = tuple(each for each in asked if self.wanted[each.id].ended is None)
        if not unknown or self._world.now > until:
            return
        self.send(unknown if self._world.likely(0.3) else asked, reach)
        self._world.after(self._world.between(AGAIN), partial(self._try, asked, reach, until))

    def send(self, asked: tuple[Asked, ...], reach: Sequence[int]) -> None:
        digests = [each.digest for each in asked]
        signature = self._seal.sign(Tag.AGREEMENT_BATCH, Batch.signed(digests))
        payloads = tuple(self._payloads[digest] for digest in digests)
        message, mark = as_sent(Requests(Batch(self.key, asked, signature), payloads))
        self._world.say(f"{name(self.key)} asks {len(asked)} as {mark} of {list(reach)}")
        for place in reach:
            self._network.send(self.key, place, message, mark)

    # --- hearing ------------------------------------------------------------------------------------------

    def _hear(self, sender: End, message: Spoken, mark: str) -> None:
        self._world.say(f"{mark} from {name(sender)} reaches {name(self.key)}")
        honest = sender in self._watch.honest
        if isinstance(message, Decided):
            for index, ended in message.ended:
                if problem := self._take(message, index, ended):
                    if honest:
                        raise Broken("an outcome can be proved", f"{problem}: {message}")
                    return
        elif isinstance(message, Refusal) and honest:
            for request in message.requests:
                if wanted := self._of.get(request):
                    wanted.refused.setdefault(request, set()).add(sender)

    def _take(self, message: Decided, index: int, ended: Ended) -> str:
        """Believes an outcome that is proved; says why it does not."""
        wanted = self._of.get(ended.request)
        if wanted is None:
            return "nothing that was asked"
        problem = self._prover.problem(message, index, ended, wanted.versions[ended.request])
        if not problem:
            if wanted.ended is None:
                self._world.say(f"{name(self.key)} knows {ended.request[:4].hex()}: {ended.outcome}")
                wanted.ended = ended
                if wanted.spared and ended.outcome == "failed":
                    raise Broken("nothing fails without a fault", f"{ended}")
            if wanted.ended != ended:
                raise Broken("one outcome", f"{ended} after {wanted.ended}")
        return problem


def _odd(payload: Payload) -> Payload:
    """The same in another datatype."""
    return Payload(
        payload.salt, tuple(Tensor.of(each.name, each.array().astype(np.int64)) for each in payload.inputs)
    )


def _payload(chance: Random, rows: int) -> Payload:
    values = np.array([[chance.randrange(1000), chance.randrange(1000)] for _ in range(rows)], np.int32)
    return Payload(chance.randbytes(32), (Tensor.of(INPUTS[0].name, values),))

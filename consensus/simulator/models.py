"""One member's models: made up, but each a function of its input, and known to the simulator.

Members' models differ: each dissents on some inputs. Where a model flutters, the same question asked again gets
another answer, as it may on a real accelerator.
"""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b

from assay.agreement.votes import Abstained, Answered, Erred
from consensus.events import Run
from consensus.messages import Result
from consensus.simulator.founding import LABELS
from consensus.simulator.scenario import Inference
from consensus.simulator.world import World

WRONG = 3  # the label, and about the value, on which liars agree


class Models:
    """Every one of them can be asked at any time. What has been asked outlives a crash of the member."""

    def __init__(self, world: World, inference: Inference, *, labels: bool) -> None:
        self._world = world
        self._inference = inference
        self._labels = labels
        self._asked: Counter[tuple[bytes, bytes]] = Counter()

    def delay(self) -> int:
        return self._world.between(self._inference.delay)

    def run(self, run: Run) -> Result:
        model = run.commitment
        if self._world.likely(self._inference.failing):
            return Result(run.request, model, Erred())
        if self._world.likely(self._inference.lacking):
            return Result(run.request, model, Abstained())
        again = self._asked[run.request, model]
        self._asked[run.request, model] += 1
        shift = again if self._world.likely(self._inference.flutter) else 0
        data = run.payload.inputs[0].data
        votes = tuple(self._vote(model, data, row, shift) for row in range(run.rows))
        return Result(run.request, model, Answered(model, votes))

    def _vote(self, model: bytes, data: bytes, row: int, shift: int) -> int:
        question = b"%d " % row + data
        truth = _number(question)
        own = _number(model + question)
        dissents = own % 1000 < self._inference.dissent * 1000
        if self._labels:
            other = 1 + own // 1000 % (len(LABELS) - 1) if dissents else 0
            return (truth + other + shift) % len(LABELS)
        return truth % 100_000 + (own % 20_000 if dissents else own % 10) + shift


def _number(what: bytes) -> int:
    return int.from_bytes(blake2b(what, digest_size=6).digest(), "big")

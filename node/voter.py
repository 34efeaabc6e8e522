"""From a group's requests to this member's votes: inputs go to Triton in batches of their own.

What waits while Triton is at work goes in one call, as far as it fits: rows are put together and taken apart
again, so a batch of a client, an inference batch and an entry of the log have nothing to do with each other. Who
cannot reach Triton abstains at once, for the others would wait in vain; a model that fails on an input has erred.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from assay.agreement.group import Labels, Values
from assay.agreement.votes import Abstained, Answered, Erred
from assay.agreement.voting import votes
from assay.errors import AssayError, DeadlineExceeded, Unavailable
from assay.model import ModelReference, Port
from assay.tensor import Tensor
from consensus.events import Run
from consensus.messages import Result
from wire.deadline import left

ROWS = 128  # of one call, unless a single request has more
BYTES = 16 * 1024 * 1024  # likewise, of its inputs
CALLS = 2  # of one model at a time: one is computed while the next is on its way

_log = logging.getLogger(__name__)


class Inference(Protocol):
    """What is needed of `inference.triton.Triton`."""

    async def infer(
        self, name: str, inputs: tuple[Tensor, ...], outputs: tuple[Port, ...], deadline: float
    ) -> tuple[Tensor, ...]: ...


class Served(Protocol):
    """What is needed of `node.models.Models`."""

    def serving(self, commitment: bytes) -> ModelReference:
        """Raises Unavailable where the model is not served now."""

    def lost(self, commitment: bytes) -> None:
        """Triton turned out not to serve it."""


@dataclass
class _Asked:
    """The requests of one call of `vote`, which ends once all have a result."""

    results: list[Result | None]
    left: int  # without a result
    done: asyncio.Future[None]


@dataclass
class _Waiting:
    run: Run
    asked: _Asked
    place: int  # of its result

    def set(self, result: Result) -> None:
        """The first result counts."""
        asked = self.asked
        if asked.results[self.place] is None:
            asked.results[self.place] = result
            asked.left -= 1
            if not asked.left and not asked.done.done():
                asked.done.set_result(None)

    @property
    def size(self) -> int:
        return sum(len(tensor.data) for tensor in self.run.payload.inputs)

    @property
    def row(self) -> list[tuple[int, ...]]:
        """The shape of one row, port by port: only rows of one shape can be put together."""
        return [tensor.shape[1:] for tensor in self.run.payload.inputs]


@dataclass
class _Queue:
    """What waits for one model."""

    waiting: deque[_Waiting] = field(default_factory=deque)
    calls: set[asyncio.Task[None]] = field(default_factory=set)

    def take(self) -> list[_Waiting]:
        """The next call's requests, at least one."""
        taken = [self.waiting.popleft()]
        rows, size, row = taken[0].run.rows, taken[0].size, taken[0].row
        while self.waiting:
            following = self.waiting[0]
            rows, size = rows + following.run.rows, size + following.size
            if rows > ROWS or size > BYTES or following.row != row:
                break
            taken.append(self.waiting.popleft())
        return taken


class Voter:
    """Votes as a group wants them, for one member."""

    def __init__(self, answer: Labels | Values, models: Served, triton: Inference) -> None:
        self._answer = answer
        self._models = models
        self._triton = triton
        self._queues: dict[bytes, _Queue] = {}

    async def vote(self, runs: Sequence[Run]) -> tuple[Result, ...]:
        """What this member says to each of these requests."""
        asked = _Asked([None] * len(runs), len(runs), asyncio.get_running_loop().create_future())
        for place, run in enumerate(runs):
            self._queues.setdefault(run.commitment, _Queue()).waiting.append(_Waiting(run, asked, place))
        for commitment in {run.commitment for run in runs}:
            self._call(commitment)
        if runs:
            await asked.done
        return tuple(result for result in asked.results if result is not None)

    async def close(self) -> None:
        """Gives up what waits."""
        queues = list(self._queues.values())
        calls = [task for queue in queues for task in queue.calls]
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        for queue in queues:
            _abstain(queue.waiting)

    def _call(self, commitment: bytes) -> None:
        """One more call at a time, while there is something to call for."""
        queue = self._queues[commitment]
        if queue.waiting and len(queue.calls) < CALLS:
            task = asyncio.create_task(self._work(commitment, queue))
            queue.calls.add(task)
            task.add_done_callback(lambda task: self._called(commitment, queue, task))

    def _called(self, commitment: bytes, queue: _Queue, task: asyncio.Task[None]) -> None:
        queue.calls.discard(task)
        if not queue.calls and not queue.waiting:
            self._queues.pop(commitment, None)

    async def _work(self, commitment: bytes, queue: _Queue) -> None:
        while queue.waiting:
            together = queue.take()
            try:
                await self._answered(commitment, together)
            except Exception:  # noqa: BLE001  (a bug costs these requests, not the member)
                _log.exception("a group's requests could not be run")
            finally:
                _abstain(together)  # those that have no result yet

    async def _answered(self, commitment: bytes, together: list[_Waiting]) -> None:
        """Sets the results of requests that go in one call; where that fails for all, each gets its own."""
        try:
            outputs = await self._infer(commitment, together)
        except (Unavailable, DeadlineExceeded):
            _abstain(together)
            return
        except AssayError:
            if len(together) > 1:  # one input may have spoiled it for the others
                for each in together:
                    await self._answered(commitment, [each])
            else:
                together[0].set(Result(together[0].run.request, commitment, Erred()))
            return
        self._set_all(commitment, together, outputs)

    async def _infer(self, commitment: bytes, together: list[_Waiting]) -> tuple[Tensor, ...]:
        model = self._models.serving(commitment)
        inputs = _joined([each.run.payload.inputs for each in together])
        latest = max(each.run.deadline for each in together)
        try:
            return await self._triton.infer(
                commitment.hex(), inputs, model.interface.outputs, time.monotonic() + left(latest)
            )
        except Unavailable as error:
            if error.code in {"not-loaded", "unreachable"}:
                self._models.lost(commitment)
            raise

    def _set_all(self, commitment: bytes, together: list[_Waiting], outputs: tuple[Tensor, ...]) -> None:
        """Votes of all rows are counted at once: for each request alone it takes ten times as long."""
        try:
            every = votes(self._answer, together[0].run.model.interface, outputs)
        except AssayError:  # there is a row without a vote: only its request has none
            if len(together) == 1:
                together[0].set(Result(together[0].run.request, commitment, Erred()))
                return
            every = None
        first = 0
        for each in together:
            end = first + each.run.rows
            if every is None:
                self._set_all(commitment, [each], tuple(_part(tensor, first, each.run.rows) for tensor in outputs))
            else:
                each.set(Result(each.run.request, commitment, Answered(commitment, every[first:end])))
            first = end


def _abstain(together: Iterable[_Waiting]) -> None:
    for each in together:
        each.set(Result(each.run.request, each.run.commitment, Abstained()))


def _joined(inputs: list[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """Requests' rows one below the other, port by port."""
    if len(inputs) == 1:
        return inputs[0]
    return tuple(
        Tensor(
            name=ports[0].name,
            datatype=ports[0].datatype,
            shape=(sum(tensor.shape[0] for tensor in ports), *ports[0].shape[1:]),
            data=b"".join(tensor.data for tensor in ports),
        )
        for ports in zip(*inputs, strict=True)
    )


def _part(tensor: Tensor, first: int, rows: int) -> Tensor:
    """Some rows of a tensor."""
    if (first, rows) == (0, tensor.shape[0]):
        return tensor
    width = len(tensor.data) // tensor.shape[0]
    return Tensor(
        name=tensor.name,
        datatype=tensor.datatype,
        shape=(rows, *tensor.shape[1:]),
        data=tensor.data[first * width : (first + rows) * width],
    )

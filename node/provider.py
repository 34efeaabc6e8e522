"""The role *provider*: a submitted request is checked, run on Triton, stated and signed, once however often asked.

While a request is under way, whoever asks the same again waits for the same run; once it has been answered, the
journal answers. A run goes on when those who asked have gone: coming back, they find the answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from assay.certificate import Statement
from assay.digest import sha256
from assay.direct import statement
from assay.errors import DeadlineExceeded, Refused, Unavailable
from assay.model import ModelReference, Port, input_digest
from assay.tensor import Tensor
from node.journal import Journal
from wire.deadline import left, now_ms
from wire.messages import Submit


class Inference(Protocol):
    """What the provider needs of `inference.triton.Triton`."""

    async def infer(
        self, name: str, inputs: tuple[Tensor, ...], outputs: tuple[Port, ...], deadline: float
    ) -> tuple[Tensor, ...]: ...


class Served(Protocol):
    """What the provider needs of `node.models.Models`."""

    def serving(self, commitment: bytes) -> ModelReference:
        """Raises Unavailable where the model is not served now."""

    def lost(self, commitment: bytes) -> None:
        """Triton turned out not to serve it."""


class Sign(Protocol):
    """What the provider needs of `node.signer.Signer`."""

    async def sign(self, statement: Statement, question: bytes) -> bytes: ...


@dataclass
class _Run:
    question: bytes
    task: asyncio.Task[bytes]
    signing: bool = False  # too late to cancel


class Provider:
    """Answers `Submit`s."""

    def __init__(
        self,
        models: Served,
        triton: Inference,
        journal: Journal,
        signer: Sign,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self.draining = False
        self._models = models
        self._triton = triton
        self._journal = journal
        self._signer = signer
        self._now = now
        self._runs: dict[bytes, _Run] = {}

    @property
    def in_flight(self) -> int:
        return len(self._runs)

    async def submit(self, submit: Submit) -> bytes:
        """The certificate's canonical bytes.

        Raises Refused (code `request-id-reused` where the id stands for another request), Unavailable where
        another node may serve, DeadlineExceeded.
        """
        asked = input_digest(submit.salt, submit.inputs)
        question = question_of(submit, asked)
        run = self._runs.get(submit.request)
        if run is None:
            answered = self._journal.answer(submit.request)
            if answered is not None:
                _require_same(question, answered.question)
                return answered.certificate
            run = self._start(submit, asked, question)
        _require_same(question, run.question)
        return await _in_time(run.task, submit.deadline)

    def cancel(self, request: bytes) -> None:
        """Gives up a request that is not being signed yet; those who wait for it are told."""
        run = self._runs.get(request)
        if run is not None and not run.signing:
            run.task.cancel()

    async def idle(self) -> None:
        """Returns once nothing is under way."""
        while self._runs:
            await asyncio.wait([run.task for run in self._runs.values()])

    async def close(self) -> None:
        """Gives up everything."""
        for run in self._runs.values():
            run.task.cancel()
        await self.idle()

    def _start(self, submit: Submit, asked: bytes, question: bytes) -> _Run:
        if self.draining:
            raise Unavailable("the node is draining", code="draining")
        self._journal.require_recent(submit.request)
        if self._now() >= submit.deadline:
            raise DeadlineExceeded("the deadline has passed already")
        run = _Run(question, asyncio.create_task(self._carry_out(submit, asked, question)))
        self._runs[submit.request] = run
        run.task.add_done_callback(lambda task: self._ended(submit.request, task))
        return run

    def _ended(self, request: bytes, task: asyncio.Task[bytes]) -> None:
        del self._runs[request]
        if not task.cancelled():
            task.exception()  # has been told to whoever waited; nobody may have

    async def _carry_out(self, submit: Submit, asked: bytes, question: bytes) -> bytes:
        model = self._models.serving(submit.commitment)
        inputs = model.interface.accept(submit.inputs)
        outputs = await self._infer(submit, model, inputs)
        stated = statement(
            submit.request,
            target=submit.target,
            model=model,
            input_digest=asked if inputs == submit.inputs else input_digest(submit.salt, inputs),
            outputs=outputs,
            time_ms=self._now(),
        )
        self._runs[submit.request].signing = True
        return await self._signer.sign(stated, question)

    async def _infer(
        self, submit: Submit, model: ModelReference, inputs: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        deadline = time.monotonic() + left(submit.deadline)
        try:
            return await self._triton.infer(submit.commitment.hex(), inputs, model.interface.outputs, deadline)
        except Unavailable as error:
            if error.code in {"not-loaded", "unreachable"}:
                self._models.lost(submit.commitment)
            raise


def question_of(submit: Submit, asked: bytes) -> bytes:
    """32 bytes that tell requests apart: everything that was asked but the deadline.

    `asked` is the input digest of the tensors as they were sent. Not part of any agreement between parties, hence
    msgpack: two requests with one id are the same or they are not, and this node alone judges.
    """
    return sha256(msgspec.msgpack.encode((submit.target, submit.commitment, asked)))


def _require_same(question: bytes, before: bytes) -> None:
    if question != before:
        raise Refused(
            "this request id was used for another request",
            code="request-id-reused",
            pointer="/request",
            expected="the same target, model, inputs and salt as before",
            got="others",
            hint="Make a new request with an id of its own.",
        )


async def _in_time(task: asyncio.Task[bytes], deadline: int) -> bytes:
    """The task's result, by the deadline of one of those who wait for it; the task goes on for the others."""
    await asyncio.wait({task}, timeout=left(deadline))
    if not task.done():
        raise DeadlineExceeded("no answer before the deadline")
    if task.cancelled():
        raise Refused("the request was cancelled", code="cancelled", pointer="/request")
    return task.result()

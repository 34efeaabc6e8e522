"""The one way to a Triton server: gRPC, raw bytes, a deadline on every call.

A call ends in one of three errors: Refused (Triton says the request is wrong), DeadlineExceeded, or Unavailable
with a code (unreachable, busy, circuit-open, closed, not-loaded, model-crashed, inference-failed). Inference is
pure, so it is retried within its deadline; loading is idempotent and retried likewise. A server that keeps failing
is left alone for a while by a circuit breaker, and a model whose process died is loaded anew. Deadlines are points
on `clock`, which is `time.monotonic` unless a test says otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import grpc
import grpc.aio
import msgspec
from tritonclient.grpc import service_pb2, service_pb2_grpc

from assay.errors import AssayError, DeadlineExceeded, Refused, TooLarge, Unavailable
from assay.model import Port
from assay.tensor import Tensor
from inference.resilience import Backoff, Breaker, Clock, retrying

Call = Callable[[float], Awaitable[Any]]  # takes the seconds left
MAX_MESSAGE = 80 * 1024 * 1024  # of a request or an answer, bytes
MAX_CALLS = 256  # unanswered inferences on one server; more wait here, not in Triton's queue
MAX_DETAIL = 2000  # of Triton's own words in an error, characters
PROBE = 2.0  # for a health question, seconds
RELOAD = 60.0  # for loading a model anew whose process died, seconds
PATIENCE = 1.0  # a deadline shorter than this, when missed, says nothing about the server's health; seconds
CLOCK_SLACK = 0.01  # by which gRPC's timers may be early, seconds

CHANNEL = (
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.enable_retries", 0),  # retrying is done here, where the deadline is known
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),  # a server that is back is noticed soon
)
NOT_LOADED = re.compile("Request for unknown model|requested model .* is not available")
RETRYABLE = frozenset({"unreachable", "busy"})


class Statistics(msgspec.Struct, frozen=True):
    """What Triton counted for a model since it was loaded. Times in seconds, summed over requests."""

    succeeded: int
    failed: int
    rows: int
    executions: int
    queue_s: float
    compute_s: float


class Revival(NamedTuple):
    begun: float
    task: asyncio.Future[None]


class Triton:
    """One server. Belongs to one event loop."""

    def __init__(
        self,
        address: str,
        *,
        backoff: Backoff | None = None,
        breaker: Breaker | None = None,
        clock: Clock = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self.address = address
        self.breaker = breaker or Breaker()
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311  # nosec B311 - jitter
        self._revivals: dict[str, Revival] = {}
        self._calls = asyncio.Semaphore(MAX_CALLS)
        self._channel = grpc.aio.insecure_channel(address, options=CHANNEL)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    async def close(self) -> None:
        """End every call and the connection."""
        for revival in self._revivals.values():
            revival.task.cancel()
        await self._channel.close()

    async def live(self) -> bool:
        """Whether the server answers."""
        try:
            answer = await self._stub.ServerLive(service_pb2.ServerLiveRequest(), timeout=PROBE)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.live)

    async def wait_live(self, deadline: float) -> None:
        """Return once the server answers, for one that is starting. Raises DeadlineExceeded."""
        request = service_pb2.ServerLiveRequest()
        await self._retrying(
            lambda left: self._stub.ServerLive(request, timeout=left, wait_for_ready=True), deadline
        )

    async def ready(self, name: str) -> bool:
        """Whether the server answers and serves the model `name`."""
        try:
            answer = await self._stub.ModelReady(service_pb2.ModelReadyRequest(name=name), timeout=PROBE)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.ready)

    async def load(self, name: str, deadline: float) -> None:
        """Serve the model `name` of the server's repository; nothing happens if it is served unchanged already.

        Raises Refused (code `load-failed`) if the server cannot load it, Unavailable, DeadlineExceeded; after
        the latter the server may still be at it, and asking again is harmless.
        """
        request = service_pb2.RepositoryModelLoadRequest(model_name=name)
        try:
            await self._retrying(lambda left: self._stub.RepositoryModelLoad(request, timeout=left), deadline)
        except AssayError as error:
            if error.code not in {"inference-failed", "refused-by-triton"}:
                raise
            raise Refused(
                "Triton could not load the model", code="load-failed", pointer=name, got=error.got
            ) from error

    async def unload(self, name: str, deadline: float | None = None) -> None:
        """Serve `name` no longer; requests in flight are finished. An unknown name is not an error."""
        if name in self._revivals:
            self._revivals.pop(name).task.cancel()
        await self._unload(name, self._clock() + PROBE if deadline is None else deadline)

    async def _unload(self, name: str, deadline: float) -> None:
        request = service_pb2.RepositoryModelUnloadRequest(model_name=name)
        await self._retrying(lambda left: self._stub.RepositoryModelUnload(request, timeout=left), deadline)

    async def infer(
        self, name: str, inputs: tuple[Tensor, ...], outputs: tuple[Port, ...], deadline: float
    ) -> tuple[Tensor, ...]:
        """The model's outputs for `inputs` (at least one, with rows; checked by the caller), in the order of
        `outputs`, each checked.

        Raises Refused, Unavailable or DeadlineExceeded; the call is cancelled when `deadline` passes.
        """
        request = infer_request(name, inputs, outputs)
        await self._revived(name, deadline)
        sent = self._clock()
        try:
            answer = await self._guarded(lambda left: self._stub.ModelInfer(request, timeout=left), deadline)
        except Unavailable as error:
            if error.code == "model-crashed":
                self._revive(name, sent)
            raise
        return tensors_of(answer, outputs, inputs[0].shape[0])

    async def _revived(self, name: str, deadline: float) -> None:
        """Return once the model is not being loaded anew, or the deadline has passed."""
        revival = self._revivals.get(name)
        if revival is not None and not revival.task.done():
            await asyncio.wait([revival.task], timeout=max(0.0, deadline - self._clock()))

    def _revive(self, name: str, sent: float) -> None:
        """Load a model anew whose process died, unless that was begun since. Triton still calls it ready and
        would not do so by itself. The request is not tried again: it may be what killed the process.
        """
        last = self._revivals.get(name)
        if last is not None and (not last.task.done() or last.begun >= sent):
            return
        self._revivals[name] = Revival(self._clock(), asyncio.ensure_future(self._reload(name)))

    async def _reload(self, name: str) -> None:
        with contextlib.suppress(AssayError):  # the next request will find out
            deadline = self._clock() + RELOAD
            await self._unload(name, deadline)
            await self.load(name, deadline)

    async def statistics(self, name: str) -> Statistics:
        """Raises Unavailable, also when the model is not loaded."""
        request = service_pb2.ModelStatisticsRequest(name=name)
        answer = await self._retrying(
            lambda left: self._stub.ModelStatistics(request, timeout=left), self._clock() + PROBE
        )
        of = answer.model_stats[0]
        inference = of.inference_stats
        return Statistics(
            succeeded=inference.success.count,
            failed=inference.fail.count,
            rows=of.inference_count,
            executions=of.execution_count,
            queue_s=inference.queue.ns / 1e9,
            compute_s=inference.compute_infer.ns / 1e9,
        )

    async def _guarded(self, call: Call, deadline: float) -> Any:
        """`call` through the breaker, which learns how it ended."""
        begun = self._clock()
        self.breaker, admitted = self.breaker.admit(begun)
        if not admitted:
            raise Unavailable("Triton keeps failing and is left alone for a moment", code="circuit-open")
        ticket = self.breaker.ticket
        try:
            answer = await self._placed(call, deadline)
        except AssayError as error:
            self.breaker = self._judged(error, ticket, patient=deadline - begun >= PATIENCE)
            raise
        except BaseException:
            self.breaker = self.breaker.abandoned(ticket, self._clock())
            raise
        self.breaker = self.breaker.succeeded(ticket)
        return answer

    async def _placed(self, call: Call, deadline: float) -> Any:
        """`call` in one of the MAX_CALLS places."""
        await _acquire(self._calls, deadline - self._clock())
        try:
            return await self._retrying(call, deadline)
        finally:
            self._calls.release()

    def _judged(self, error: AssayError, ticket: int, *, patient: bool) -> Breaker:
        """What `error` says about the server: nothing, that it answers, or that it fails."""
        if error.code in RETRYABLE or (isinstance(error, DeadlineExceeded) and patient):
            return self.breaker.failed(ticket, self._clock())
        if isinstance(error, DeadlineExceeded):
            return self.breaker.abandoned(ticket, self._clock())
        return self.breaker.succeeded(ticket)

    async def _retrying(self, call: Call, deadline: float) -> Any:
        async def once() -> Any:
            left = deadline - self._clock()
            if left <= 0:
                raise DeadlineExceeded("no time was left to ask Triton")
            try:
                return await call(left)
            except grpc.aio.AioRpcError as error:
                raise error_of(error, deadline - self._clock()) from error
            except asyncio.CancelledError as error:
                if _is_cancelled():
                    raise
                raise Unavailable("the connection to Triton was closed", code="closed") from error

        return await retrying(
            once,
            lambda error: error.code in RETRYABLE,
            deadline=deadline,
            policy=self._backoff,
            clock=self._clock,
            rng=self._rng,
        )


def infer_request(
    name: str, inputs: tuple[Tensor, ...], outputs: tuple[Port, ...]
) -> service_pb2.ModelInferRequest:
    """The request for one inference, the tensors' bytes in it as they are. Raises TooLarge."""
    size = sum(len(tensor.data) for tensor in inputs)
    if size > MAX_MESSAGE - 64 * 1024:
        raise TooLarge("inputs are too large", pointer="/inputs", expected=f"{MAX_MESSAGE} bytes", got=str(size))
    request = service_pb2.ModelInferRequest(model_name=name)
    for tensor in inputs:
        shape = tensor.shape if len(tensor.shape) > 1 else (*tensor.shape, 1)
        request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=shape)
        request.raw_input_contents.append(tensor.data)
    for port in outputs:
        request.outputs.add(name=port.name)
    return request


def tensors_of(answer: service_pb2.ModelInferResponse, ports: tuple[Port, ...], rows: int) -> tuple[Tensor, ...]:
    """The answer's tensors in the order of `ports`. Raises Refused, code `wrong-output`, if they are not these, or
    do not have as many rows as the request.
    """
    named = {
        described.name: Tensor(described.name, described.datatype, tuple(described.shape), data)
        for described, data in zip(answer.outputs, answer.raw_output_contents, strict=False)
    }
    return tuple(_output(named.get(port.name), port, rows, f"/outputs/{port.name}") for port in ports)


def _output(tensor: Tensor | None, port: Port, rows: int, pointer: str) -> Tensor:
    if tensor is None:
        raise Refused("an output is missing", code="wrong-output", pointer=pointer)
    shaped = _shaped(tensor, port)
    if shaped.shape[:1] != (rows,) or min(shaped.shape) < 0:
        raise Refused(
            "not one row per row of the input",
            code="wrong-output",
            pointer=pointer,
            expected=f"{rows} rows",
            got=f"shape {list(shaped.shape)}",
        )
    try:
        return port.accept(shaped, pointer)
    except Refused as error:
        error.code = "wrong-output"
        raise


def _shaped(tensor: Tensor, port: Port) -> Tensor:
    """`tensor` without the axis of length 1 that Triton needs where a port has rows alone (see repository.py)."""
    if len(port.shape) == 1 and len(tensor.shape) == 2 and tensor.shape[1] == 1:
        return msgspec.structs.replace(tensor, shape=tensor.shape[:1])
    return tensor


def error_of(error: grpc.aio.AioRpcError, left: float) -> AssayError:
    """Triton's or gRPC's error as one of ours, given the seconds left until the deadline."""
    status, said = error.code(), (error.details() or "")[:MAX_DETAIL]
    if status is grpc.StatusCode.DEADLINE_EXCEEDED and left <= CLOCK_SLACK:
        return DeadlineExceeded("Triton did not answer in time")
    if status is grpc.StatusCode.INVALID_ARGUMENT and not NOT_LOADED.match(said):
        return Refused("Triton refused the request", code="refused-by-triton", got=said)
    if status is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return TooLarge("the message is too large", expected=f"at most {MAX_MESSAGE} bytes", got=said)
    detail, code = "the model failed", "inference-failed"
    if status is grpc.StatusCode.DEADLINE_EXCEEDED:  # a server that was frozen takes new deadlines for past ones
        detail, code = "Triton gave up before the deadline", "unreachable"
    elif NOT_LOADED.match(said):
        detail, code = "Triton does not serve this model", "not-loaded"
    elif "is not healthy" in said:
        detail, code = "the model's process died", "model-crashed"
    elif "maximum queue size" in said:
        detail, code = "Triton's queue for this model is full", "busy"
    elif status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        detail, code = "Triton cannot be reached", "unreachable"
    return Unavailable(detail, code=code, got=said)


async def _acquire(places: asyncio.Semaphore, left: float) -> None:
    """One of the places for concurrent calls. Raises DeadlineExceeded if none is free in time."""
    if not places.locked():
        await places.acquire()  # returns at once; a timer would cost as much as the rest of the bookkeeping
        return
    try:
        async with asyncio.timeout(left):
            await places.acquire()
    except TimeoutError as error:
        raise DeadlineExceeded("too many calls were waiting for Triton") from error


def _is_cancelled() -> bool:
    """Whether the running task was cancelled, as opposed to the call that it awaits."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

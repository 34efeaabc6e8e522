"""What a verification mode is: a way to carry out a prediction and to come back with a certificate.

A mode is registered by name (`verification.registry`); nothing outside its own module asks which mode it is.
It does no I/O of its own: nodes, clock, storage and the buyer's progress line reach it through `Ports`, so the
same code runs in the dispatch worker and, with other ports, in tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import Epoch
from assay.certificate import AnyCertificate
from assay.errors import AssayError
from assay.keys import PublicKey
from assay.model import ModelReference
from assay.tensor import Tensor
from verification.ends import CANCELLED, CERTIFIED, CONTESTED, EXPIRED, FAILED, Ending
from verification.metering import Meter

P = TypeVar("P", bound=msgspec.Struct)

# --- what is asked ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Provider:
    """A node that serves one of the target's models."""

    key: PublicKey
    address: str  # host:port
    model: ModelReference


Kind = Literal["model", "group"]  # of a target


@dataclass(frozen=True)
class Target:
    """What a prediction is asked of; `name` is as it stands in the statement.

    A model (`model:owner/name@version`) has providers in the order of the marketplace's preference. A group
    (`group:slug`) has its members as providers, in their order, and its epochs, genesis first.
    """

    name: str
    providers: tuple[Provider, ...]
    epochs: tuple[Epoch, ...] = ()


@dataclass(frozen=True)
class Job(Generic[P]):
    """One prediction, as a mode sees it."""

    request: bytes  # 16: the prediction's UUID
    target: Target
    params: P
    inputs: tuple[Tensor, ...]  # in the interface's order
    salt: bytes  # 32
    deadline: int  # Unix milliseconds


class Quote(msgspec.Struct, frozen=True):
    """What a buyer is told before the click."""

    inferences: int  # how many times a model runs per row
    guarantee: str  # one line: what holds, and as long as what
    caveats: tuple[str, ...]  # what is not promised


# --- how it ends ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certified:
    """There is an answer, and a certificate that has passed the same check that buyers run."""

    certificate: AnyCertificate
    ending: Ending = CERTIFIED


@dataclass(frozen=True)
class Contested:
    """The members did not agree, and a certificate says so."""

    certificate: AnyCertificate
    ending: Ending = CONTESTED


@dataclass(frozen=True)
class Failed:
    """No answer, and why; where a group says so, its certificate."""

    error: AssayError
    certificate: AnyCertificate | None = None
    ending: Ending = FAILED


@dataclass(frozen=True)
class Expired:
    """The deadline passed first."""

    error: AssayError
    ending: Ending = EXPIRED


@dataclass(frozen=True)
class Cancelled:
    """The buyer withdrew it in time."""

    ending: Ending = CANCELLED


End = Certified | Contested | Failed | Expired | Cancelled


# --- what a mode may use ----------------------------------------------------------------------------------


class Clock(Protocol):
    def now_ms(self) -> int:
        """Unix milliseconds."""

    async def sleep(self, seconds: float) -> None: ...


class Decision(NamedTuple):
    """An outcome that a group has committed to, and the models that may have voted on it."""

    evidence: AgreementEvidence
    models: tuple[ModelReference, ...]


class Nodes(Protocol):
    async def submit(self, provider: Provider, job: Job[P]) -> bytes:
        """The certificate bytes with which this provider answers.

        Raises Unavailable when the node cannot be reached or cannot serve now (another may), Refused when it
        will not carry out this request whoever asks again, DeadlineExceeded when time ran out.
        """


class Groups(Protocol):
    async def decide(self, job: Job[P], least: int) -> Decision:
        """What the target's group has committed to about this job.

        `least`: votes that the buyer asks for, 0 for as many as are needed. Jobs that are decided at the same time
        share signatures and messages; the same job asked again is answered the same way. Raises Refused where the
        group will not take the job, DeadlineExceeded when time ran out.
        """


class Ports(Protocol):
    """The outside world, handed to a mode for one job."""

    nodes: Nodes
    groups: Groups
    clock: Clock

    async def emit(self, stage: str, detail: dict[str, str | int]) -> None:
        """Tells the buyer what is happening; recorded as an event of the prediction."""

    async def save(self, state: bytes) -> None:
        """Keeps what `resume` needs should this worker die."""

    def cancelled(self) -> bool: ...


class Mode(Protocol[P]):
    """A verification mode."""

    name: ClassVar[str]
    title: ClassVar[str]
    asks: ClassVar[Kind]  # what it may be asked of
    ends: ClassVar[tuple[Ending, ...]]  # all in which `run` may end, and what may come after
    meter: ClassVar[Meter]  # what is paid for
    verifying: ClassVar[int]  # of what is paid, for whoever verifies: hundredths of a percent
    Params: type[P]

    def quote(self, target: Target, params: P) -> Quote: ...

    def owners(self, certificate: AnyCertificate) -> frozenset[str]:
        """Members of a group whose work the certificate shows, by name: who is paid. Of a model, nobody."""

    async def run(self, job: Job[P], ports: Ports) -> End:
        """Carries a job out. Never raises for what the outside does; a bug may propagate and fails the job."""

    async def resume(self, job: Job[P], ports: Ports, saved: bytes) -> End:
        """Goes on where a worker that died left off; `saved` is empty if it saved nothing."""

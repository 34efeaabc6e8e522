"""Mode `direct`: one provider answers and signs. The baseline: nothing is promised beyond who said what.

Providers are tried in the marketplace's order. One that cannot serve now is left for the next and comes up again;
after a full round the mode waits a moment, longer each time, until the deadline. One that refuses the request, or
whose certificate does not stand, is not asked again, and only when that is true of all has the job failed. A node
answers a request id once and for ever the same, so asking it again after a lost connection cannot make a second
answer.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from assay import certificate
from assay.direct import CAVEATS
from assay.errors import AssayError, DeadlineExceeded, NotVerified, Refused, Unavailable
from assay.verify import Trust, verify
from verification.ends import CANCELLED, CERTIFIED, EXPIRED, FAILED, Ending
from verification.metering import Meter, Rows
from verification.mode import Cancelled, Certified, End, Expired, Failed, Job, Kind, Ports, Provider, Quote, Target
from wire.failures import to_error, to_failure

FIRST_PAUSE = 0.1  # seconds before the second round over the providers
LONGEST_PAUSE = 2.0


class DirectParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`direct` has no parameters."""


class Direct:
    """See the module's first lines."""

    name: ClassVar[str] = "direct"
    title: ClassVar[str] = "Signed by its provider"
    asks: ClassVar[Kind] = "model"
    ends: ClassVar[tuple[Ending, ...]] = (CERTIFIED, FAILED, EXPIRED, CANCELLED)
    meter: ClassVar[Meter] = Rows()
    verifying: ClassVar[int] = 0
    Params = DirectParams

    def quote(self, target: Target, params: DirectParams) -> Quote:
        return Quote(
            inferences=1, guarantee="The provider signs its answer and can be held to it.", caveats=CAVEATS
        )

    def owners(self, certificate: certificate.AnyCertificate) -> frozenset[str]:
        """The model's owner is whom the model says."""
        del certificate
        return frozenset()

    async def run(self, job: Job[DirectParams], ports: Ports) -> End:
        providers = list(job.target.providers)
        pause = FIRST_PAUSE
        tell = _Teller(ports)
        while providers:
            for provider in tuple(providers):
                if ports.cancelled():
                    return Cancelled()
                if ports.clock.now_ms() >= job.deadline:
                    return Expired(_expired(tell.problem))
                try:
                    return await _ask(provider, job, ports)
                except (Unavailable, DeadlineExceeded) as error:  # the latter is only a node's word on the time
                    await tell(provider, error)
                except (Refused, NotVerified) as error:
                    providers.remove(provider)
                    await tell(provider, error)
            if providers:
                left = max(0.0, (job.deadline - ports.clock.now_ms()) / 1000)
                await ports.clock.sleep(min(pause, left))
                pause = min(2 * pause, LONGEST_PAUSE)
        return Failed(tell.problem)

    async def resume(self, job: Job[DirectParams], ports: Ports, saved: bytes) -> End:
        """The same as `run`: a node that already answered this request gives the same answer again."""
        return await self.run(job, ports)


class _Teller:
    """Tells the buyer that another way is tried and why, each thing once in a row; remembers the last."""

    def __init__(self, ports: Ports) -> None:
        self.problem: AssayError = Unavailable(
            "no node serves this model now", hint="Try again later, or choose another model."
        )
        self._ports = ports
        self._told: dict[str, str] = {}

    async def __call__(self, provider: Provider, problem: AssayError) -> None:
        self.problem = problem
        if self._told.get(provider.address) != problem.detail:
            self._told[provider.address] = problem.detail
            await self._ports.emit("retrying", {"node": provider.address, "reason": problem.detail})


async def _ask(provider: Provider, job: Job[DirectParams], ports: Ports) -> Certified:
    document = await ports.nodes.submit(provider, job)
    try:
        return Certified(_checked(document, provider, job))
    except (Refused, NotVerified) as error:
        error.under(f"{provider.address} " if error.pointer else provider.address)  # whose word it was
        # its words are in it: cut and made printable as if they had come over the wire
        raise to_error(to_failure(0, error)) from error


def _checked(document: bytes, provider: Provider, job: Job[DirectParams]) -> certificate.AnyCertificate:
    report = verify(document, Trust(providers=frozenset({provider.key.raw})), inputs=job.inputs, salt=job.salt)
    report.require(pinned=True)
    assert report.certificate is not None, "what is valid has been parsed"
    if document != report.certificate.to_cbor():
        raise NotVerified("not in its canonical form", code="not-canonical", expected="CBOR", got="JSON")
    _require_same_question(provider, job, report.certificate.statement)
    return report.certificate


def _require_same_question(provider: Provider, job: Job[DirectParams], statement: certificate.Statement) -> None:
    """A valid certificate of another request would be a fine certificate of the wrong thing."""
    asked = (job.request, job.target.name, (provider.model,))  # about this input, as the check has found
    answered = (statement.request, statement.target, statement.models)
    if asked != answered:
        raise NotVerified(
            "the certificate answers another request",
            code="wrong-request",
            pointer="/statement",
            expected=job.target.name,
            got=statement.target,
        )


def _expired(problem: AssayError) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"no answer before the deadline: {problem.detail}",
        pointer=problem.pointer,
        hint="Allow more time, or choose another model.",
    )

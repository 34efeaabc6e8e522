"""Mode `direct`: one provider answers and signs. The baseline: nothing is promised beyond who said what.

Providers are tried in the marketplace's order. One that cannot serve is left for the next; after a full round
the mode waits a moment, longer each time, until the deadline. A node answers a request id once and for ever the
same, so asking it again after a lost connection cannot make a second answer.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from assay import certificate
from assay.direct import CAVEATS
from assay.errors import AssayError, DeadlineExceeded, NotVerified, Refused, Unavailable
from assay.model import input_digest
from assay.verify import Trust, verify
from verification.mode import Cancelled, Certified, End, Expired, Failed, Job, Ports, Provider, Quote, Target

FIRST_PAUSE = 0.1  # seconds before the second round over the providers
LONGEST_PAUSE = 2.0


class DirectParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`direct` has no parameters."""


class Direct:
    """See the module's first lines."""

    name: ClassVar[str] = "direct"
    title: ClassVar[str] = "Signed by its provider"
    Params = DirectParams

    def quote(self, target: Target, params: DirectParams) -> Quote:
        return Quote(
            inferences=1, guarantee="The provider signs its answer and can be held to it.", caveats=CAVEATS
        )

    async def run(self, job: Job[DirectParams], ports: Ports) -> End:
        pause = FIRST_PAUSE
        problem: AssayError = Unavailable(
            "no node serves this model now", hint="Try again later, or choose another model."
        )
        while not ports.cancelled():
            for provider in job.target.providers:
                if ports.clock.now_ms() >= job.deadline:
                    return Expired(_expired(problem))
                try:
                    return await _ask(provider, job, ports)
                except Unavailable as error:
                    problem = error
                    await ports.emit("retrying", {"node": provider.address, "reason": error.detail})
                except DeadlineExceeded as error:
                    return Expired(error)
                except (Refused, NotVerified) as error:
                    return Failed(error)
            await ports.clock.sleep(min(pause, max(0.0, (job.deadline - ports.clock.now_ms()) / 1000)))
            pause = min(2 * pause, LONGEST_PAUSE)
        return Cancelled()

    async def resume(self, job: Job[DirectParams], ports: Ports, saved: bytes) -> End:
        """The same as `run`: a node that already answered this request gives the same answer again."""
        return await self.run(job, ports)


async def _ask(provider: Provider, job: Job[DirectParams], ports: Ports) -> Certified:
    document = await ports.nodes.submit(provider, job)
    await ports.emit("answered", {"provider": str(provider.key)})
    report = verify(document, Trust(providers=frozenset({provider.key.raw})), inputs=job.inputs, salt=job.salt)
    report.require()
    assert report.certificate is not None, "what is valid has been parsed"
    _require_same_question(provider, job, report.certificate.statement)
    return Certified(report.certificate)


def _require_same_question(provider: Provider, job: Job[DirectParams], statement: certificate.Statement) -> None:
    """A valid certificate of another request would be a fine certificate of the wrong thing."""
    asked = (job.request, job.target.name, (provider.model,), input_digest(job.salt, job.inputs))
    answered = (statement.request, statement.target, statement.models, statement.input)
    if asked != answered:
        raise NotVerified(
            "the certificate answers another request",
            code="wrong-request",
            pointer=provider.address,
            expected=job.target.name,
            got=statement.target,
        )


def _expired(problem: AssayError) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"no answer before the deadline: {problem.detail}",
        pointer=problem.pointer,
        hint="Allow more time, or choose another model.",
    )

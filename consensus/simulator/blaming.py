"""All that members have signed in a run, put before the audit that anybody can make: it names no honest member.

Only where signatures are real, for the audit believes nothing else.
"""

from __future__ import annotations

from assay.agreement.blame.evidence import AnyEvidence
from assay.agreement.blame.finding import Audit
from assay.agreement.blame.guilt import require_guilt
from assay.agreement.group import Epoch
from assay.errors import AssayError
from consensus.blaming import began, moved, said, voted
from consensus.messages import Exec, NewView, Spoken, ViewChange, Vote
from consensus.simulator.founding import Founded
from consensus.simulator.world import Broken


class Blaming:
    """Hears what everybody says, liars too."""

    def __init__(self, founded: Founded, honest: frozenset[int]) -> None:
        self._founded = founded
        self._honest = {founded.members[place].key for place in honest}
        self._heard: dict[bytes, Spoken] = {}  # by signature: what is said again is nothing new

    def leaves(self, message: Spoken) -> None:
        match message:
            case Vote() | Exec() | ViewChange() | NewView():
                self._heard.setdefault(message.signature, message)

    def require_nobody_honest(self) -> list[AnyEvidence]:
        """All the evidence that there is. Raises Broken where it names the honest, or does not convict."""
        epochs = self._founded.epochs
        found = [each for last in range(len(epochs)) for each in self._found(tuple(epochs[: last + 1]))]
        for each in found:
            if framed := set(each.accused) & self._honest:
                raise Broken("nobody honest is blamed", f"{[key.hex() for key in framed]} by {each}")
            try:
                require_guilt(each, self._founded.genesis)
            except AssayError as error:
                raise Broken("evidence convicts", f"{error}: {each}") from error
        return found

    def _found(self, epochs: tuple[Epoch, ...]) -> list[AnyEvidence]:
        """In the last of these epochs: what was signed in another proves nothing there."""
        audit = Audit(epochs)
        for message in self._heard.values():
            _put(audit, message)
        return audit.evidence()


def _put(audit: Audit, message: Spoken) -> None:
    match message:
        case Vote():
            audit.vote(voted(message))
        case Exec():
            audit.results(said(message))
        case ViewChange():
            audit.moved(moved(message))
        case NewView():
            audit.began(began(message))

"""The network: every message takes its time, and while there is trouble some are lost, late, or come twice.

Endpoints are members by their place and clients by their key. Whoever is down hears nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from consensus.messages import Spoken
from consensus.simulator.scenario import Link
from consensus.simulator.world import World

End = int | bytes
HEALED = Link(delay=(1, 5), late=0.0, loss=0.0, twice=0.0)


class Network:
    def __init__(self, world: World, link: Link) -> None:
        self._world = world
        self._link = link
        self._ends: dict[End, Callable[[End, Spoken, str], None]] = {}
        self._cut: set[tuple[End, End]] = set()

    def join(self, end: End, hear: Callable[[End, Spoken, str], None]) -> None:
        """`hear(sender, message, mark)`; the mark names the message in the account."""
        self._ends[end] = hear

    def send(self, sender: End, to: End, message: Spoken, mark: str) -> None:
        world, link = self._world, self._link
        if (sender, to) in self._cut or world.likely(link.loss):
            world.say(f"{mark} from {name(sender)} to {name(to)} is lost")
            return
        for _ in range(2 if world.likely(link.twice) else 1):
            delay = world.between(link.delay) * (10 if world.likely(link.late) else 1)
            world.after(delay, partial(self._ends[to], sender, message, mark))

    def cut(self, a: End, b: End) -> None:
        self._cut |= {(a, b), (b, a)}

    def mend(self, a: End, b: End) -> None:
        self._cut -= {(a, b), (b, a)}

    def reaches(self, sender: End, to: End) -> bool:
        return (sender, to) not in self._cut

    def heal(self) -> None:
        """From now on all is well."""
        self._link = HEALED
        self._cut.clear()


def name(end: End) -> str:
    return f"member {end}" if isinstance(end, int) else f"client {end[:2].hex()}"

"""What must have happened in the end, once nothing fails any more (liars go on lying).

Every request that an honest member has taken in has an outcome, which its client knows; all honest members have
the same log; owners' wishes have come true; nothing is left over, in memory or on disks.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from consensus.events import Machine
from consensus.judging import LINGER
from consensus.replica import Replica
from consensus.simulator.client import MARGIN, Client, Wanted
from consensus.simulator.founding import BEGAN

if TYPE_CHECKING:
    from consensus.simulator.simulation import Simulation


def unsettled(simulation: Simulation) -> str:
    """What is still to be waited for; empty when all is done."""
    return next(_waiting(simulation), "")


def _waiting(simulation: Simulation) -> Iterator[str]:
    log = simulation.watch.log
    for client in simulation.clients:
        for wanted in client.wanted.values():
            yield from _wanting(simulation, client, wanted)
    for member in simulation.members:
        if member.place not in simulation.honest:
            continue
        who = f"member {member.place}"
        if member.machine is None:
            yield f"{who} is down"
            return
        if member.group.configuration.epoch != simulation.watch.epoch:
            yield f"{who} is in epoch {member.group.configuration.epoch}"
        if member.disk.entries != len(log.records):
            yield f"{who} has {member.disk.entries} of {len(log.records)} entries"
        if member.wished and log.serving[member.place].active != member.wished.commitment:
            yield f"{who} does not answer with the model that its owner wants"
        if left := left_over(member.machine, simulation.scenario.liars):
            yield f"{who} has {left} left"
        if pending := member.disk.pending(partial(log.is_over, now=BEGAN + simulation.world.now)):
            yield f"{who} has {pending} things on its disk"


def _wanting(simulation: Simulation, client: Client, wanted: Wanted) -> Iterator[str]:
    if wanted.ended:
        return
    log, members = simulation.watch.log, simulation.members
    asked = next(iter(wanted.versions.values()))
    who = f"request {asked.digest.hex()} of {asked.id.hex()}"
    if (asked.client, asked.id) in log.lapse:
        client.send(tuple(wanted.versions.values()), range(len(members)))
        yield f"the client does not know of {who}"
    elif wanted.deadline + LINGER < BEGAN + simulation.scenario.settled:
        return  # the group may have stood still until nobody could decide it any more
    elif any(
        simulation.watch.holds(place, members[place].life, request)
        for request in wanted.versions
        for place in simulation.honest
    ):
        yield f"{who} is not decided"
    elif wanted.deadline - wanted.began > simulation.scenario.horizon or wanted.refused:
        return  # beyond the horizon: nobody need take it
    elif BEGAN + simulation.world.now <= wanted.deadline + MARGIN:
        yield f"{who} may still be taken in"


def left_over(machine: Machine, liars: frozenset[int]) -> str:
    """What a replica still holds on to; of liars it may hold more, within its bounds."""
    if not isinstance(machine, Replica):
        return ""
    state = machine.state
    left = {
        "requests": len(state.pool),
        "updates": len(state.updates.keys() - liars),
        "successors": int(state.successor is not None) + int(state.standing.over is not None),
        "entries under vote": len(
            [slot for slot in state.slots.values() if slot.judged or not (slot.is_open or liars)]
        ),
    }
    if not liars:
        left |= {
            "results": len(state.answers) - len([held for held in state.signed if held in state.answers]),
            "reports": len(state.reports),
            "slots": len(state.slots),
            "missing": len(state.missing) + len(state.lacking),
        }
    return ", ".join(f"{count} {what}" for what, count in left.items() if count)

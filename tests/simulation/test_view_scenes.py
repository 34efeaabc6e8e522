"""Views that change, in scenes that are made up for one question each; several of them once went wrong."""

from __future__ import annotations

from consensus.simulator.scenario import Flap
from tests.simulation.scenes import asking, holds, scene

SILENT = ((3, ("silent",)),)


def test_a_leader_that_is_behind_decides_nothing_anew():
    """Member 0 alone has executed the first entry when member 1 takes over with its word."""
    deaf = tuple(Flap((0, place), at=178, down=2_600, one_way=True) for place in (1, 2))
    holds(scene(asking(), asking(at=300), lies=SILENT, flaps=deaf, harsh=True, trouble=4_000), seeds=16)

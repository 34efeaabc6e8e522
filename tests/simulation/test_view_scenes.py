"""Views that change, in scenes that are made up for one question each; several of them once went wrong."""

from __future__ import annotations

from consensus.simulator.scenario import Flap, Inference, Link
from tests.simulation.scenes import QUIET, asking, holds, scene

SILENT = ((3, ("silent",)),)


def test_a_leader_that_is_behind_decides_nothing_anew():
    """Member 0 alone has executed the first entry when member 1 takes over with its word."""
    deaf = tuple(Flap((0, place), at=178, down=2_600, one_way=True) for place in (1, 2))
    holds(scene(asking(), asking(at=300), lies=SILENT, flaps=deaf, harsh=True, trouble=4_000), seeds=16)


def test_an_answer_that_comes_late_does_not_make_the_leader_guilty_of_having_waited_for_it():
    """An equivocator and a slow model: nothing could be proposed before that model had answered."""
    slow = Inference(delay=(2_900, 3_000), dissent=0.0, flutter=0.0, failing=0.0, lacking=0.0)
    holds(
        scene(
            asking(requests=3, reach=(1,), deadline=(4_000, 4_000)),
            lies=((2, ("equivocating",)),),
            inference=(slow, *QUIET.inference[1:]),
            grace=5,
            pace=(0, 0),
            link=Link(delay=(1, 3), late=0.0, loss=0.0, twice=0.0),
        ),
        seeds=60,
    )


def test_a_leader_whose_clock_is_slow_takes_from_others_what_they_have_let_in():
    """By its own clock the deadline is too far beyond the horizon to be taken from a client."""
    skews = (-2_700, 2_000, 2_000, 2_000)
    holds(scene(asking(deadline=(12_000, 12_500), reach=(1, 2, 3)), skews=skews))

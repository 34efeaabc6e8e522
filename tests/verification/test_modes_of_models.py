"""What owners are told of modes is what the marketplace offers."""

from assay.modelfile.modes import MODES
from verification.registry import MODES as REGISTERED


def test_the_modes_said_to_be_offered_are_those_that_are_registered_under_the_same_titles():
    said = {each.name: each.title for each in MODES if each.today}
    assert said == {name: mode.title for name, mode in REGISTERED.items()}

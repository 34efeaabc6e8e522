"""A report's findings, turned into what the file can be offered in."""

import pytest

from assay.modelfile.modes import MODES, verdicts
from assay.modelfile.report import Facts, Reproducible, finding

FOUND = Reproducible(version=1, memory=64, nodes=1, length=0)
ERROR = finding("not-onnx", "the file is not ONNX")
WARNING = finding("rows-not-compared", "the rows were not compared", level="warning")
RANDOM = finding("random-operator", "it draws", level="warning", modes_ruled_out=("refereed", "proof"))


def possible(*findings, reproducible=FOUND):
    facts = Facts(findings=findings, reproducible=reproducible)
    return [each.mode.name for each in verdicts(facts) if each.possible]


def test_a_file_without_findings_is_fit_for_all():
    assert possible() == possible(WARNING) == [each.name for each in MODES]


def test_an_error_stands_in_the_way_of_all():
    assert possible(ERROR) == []
    assert all(each.obstacles == (ERROR,) for each in verdicts(Facts(findings=(WARNING, ERROR))))


def test_a_finding_stands_in_the_way_of_the_modes_that_it_names():
    assert possible(RANDOM, reproducible=None) == ["direct", "agreement"]
    by_mode = {each.mode.name: each.obstacles for each in verdicts(Facts(findings=(WARNING, RANDOM)))}
    assert by_mode == {"direct": (), "agreement": (), "refereed": (RANDOM,)}


def test_what_nobody_looked_into_is_not_promised():
    assert possible(reproducible=None) == ["direct", "agreement"]


@pytest.mark.parametrize("mode", MODES, ids=lambda each: each.name)
def test_a_mode_is_explained(mode):
    assert mode.title[0].isupper()
    assert mode.means.endswith(".")

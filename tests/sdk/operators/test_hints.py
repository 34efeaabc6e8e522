"""What is not there is refused with the way out."""

import pytest
from onnx.defs import get_all_schemas_with_history

import assay.operators.everything  # noqa: F401 - declares them
from assay.errors import Refused
from assay.operators.hints import HINTS
from assay.operators.registry import ML, find, operators


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ZipMap", "'zipmap': False"),
        ("DictVectorizer", "columns"),
        ("CastMap", "columns"),
        ("CategoryMapper", "integers"),
    ],
)
def test_what_is_not_there_is_refused_with_the_way_out(name, hint):
    with pytest.raises(Refused, match=name) as refusal:
        find(ML, name, 1)
    assert refusal.value.code == "unsupported-operator"
    assert hint in refusal.value.hint


def test_the_first_label_encoder_knows_only_text():
    with pytest.raises(Refused, match="LabelEncoder") as refusal:
        find(ML, "LabelEncoder", 1)
    assert "integers" in refusal.value.hint


@pytest.mark.parametrize("operator", HINTS, ids=str)
def test_no_hint_is_for_an_operator_that_is_there_in_every_version(operator):
    defined = {
        each.since_version for each in get_all_schemas_with_history() if (each.domain, each.name) == operator
    }
    assert defined - operators().get(operator, {}).keys()

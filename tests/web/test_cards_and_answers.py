"""Cards are hostile Markdown; answers become words and bars; the playground offers what an interface takes."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from assay import oip
from assay.model import Field, ImagePreprocessing, Interface, NoPreprocessing, Port, RowPreprocessing
from assay.preprocessing import from_payload, preprocess
from assay.tensor import Tensor
from marketplace.web.answers import reading
from marketplace.web.markdown import rendered
from marketplace.web.playground import playground
from marketplace.web.snippets import Target, snippets
from tests.marketplace.answering import INTERFACE, a_three
from tests.web.test_policy import Page

# --- cards ------------------------------------------------------------------------------------------------

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "![x](https://tracker.example/x.png)",
    "<style>body{display:none}</style>",
    "|a|\n|:-:|\n|b|",
    "<iframe src='https://evil.example'></iframe>",
    '[x](https://e.org "onmouseover=alert(1)")',
)


@pytest.mark.parametrize("card", HOSTILE)
def test_a_hostile_card_becomes_harmless(card):
    require_harmless(rendered(card))


@given(st.text(alphabet="<>[]()!&\"'`*_#|:-/=\\ \nabcjsx", max_size=120))
def test_no_text_becomes_an_element_that_could_do_harm(card):
    require_harmless(rendered(card))


def require_harmless(html: str) -> None:
    for tag, attributes in Page(html).elements:
        assert tag not in ("script", "img", "style", "iframe", "form", "input", "object", "embed", "link", "meta")
        assert attributes.keys() <= {"href", "title", "rel", "class", "start"}
        assert not attributes.get("href", "").lower().startswith(("javascript:", "data:", "vbscript:"))


def test_headings_come_below_the_pages_own():
    assert rendered("# One\n## Two") == "<h3>One</h3>\n<h4>Two</h4>\n"


# --- answers ----------------------------------------------------------------------------------------------


def answered(labels, scores, interface=INTERFACE):
    outputs = (Tensor.of("label", np.array(labels, np.int64)), Tensor.of("scores", np.array(scores, np.float32)))
    return reading(interface, outputs)


def test_probabilities_are_shown_as_shares_and_the_chosen_one_marked():
    scores = [0.0] * 10
    scores[3], scores[8] = 0.75, 0.25
    row = answered([3], [scores]).rows[0]
    assert (row.text, row.percent) == ("3", "75.0 %")
    assert [(bar.label, bar.percent) for bar in row.bars if bar.share] == [("3", "75.0 %"), ("8", "25.0 %")]
    assert [bar.label for bar in row.bars if bar.chosen] == ["3"]


def test_scores_that_are_no_shares_are_not_called_per_cent():
    row = answered([9], [[float(i) for i in range(-5, 5)]]).rows[0]
    assert row.percent == "4"
    assert "%" not in "".join(bar.percent for bar in row.bars)
    assert min(bar.share for bar in row.bars) == 0
    assert max(bar.share for bar in row.bars) == 1


def test_equal_scores_divide_nothing_by_zero():
    assert {bar.share for bar in answered([0], [[7.0] * 10]).rows[0].bars} == {0.0}


def test_many_rows_are_cut_and_counted():
    answer = answered([1] * 60, [[0.1] * 10] * 60)
    assert (len(answer.rows), answer.more) == (50, 10)


def test_a_regression_is_a_figure_without_bars():
    interface = Interface(
        task="regression",
        inputs=(Port(name="x", datatype="FP32", shape=(-1, 2)),),
        outputs=(Port(name="y", datatype="FP32", shape=(-1, 1)),),
        labels=(),
        preprocessing=NoPreprocessing(),
    )
    answer = reading(interface, (Tensor.of("y", np.array([[151.5]], np.float32)),))
    assert (answer.label, answer.rows[0].text, answer.rows[0].bars) == ("The model's figure", "151.5", ())


# --- playground -------------------------------------------------------------------------------------------

ROWS = Interface(
    task="regression",
    inputs=(Port(name="x", datatype="FP32", shape=(-1, 2)),),
    outputs=(Port(name="y", datatype="FP32", shape=(-1, 1)),),
    labels=(),
    preprocessing=RowPreprocessing(input="x", fields=(Field("alcohol, % vol", "", "13.2"), Field("acid", "g/l"))),
)
TENSORS = Interface(
    task="other",
    inputs=(Port(name="x", datatype="FP32", shape=(-1, 2)),),
    outputs=(Port(name="y", datatype="FP32", shape=(-1, 1)),),
    labels=(),
    preprocessing=NoPreprocessing(),
)
ROW = {"title": "a wine", "inputs": [oip.to_json(Tensor.of("x", np.array([[12.5, 2.0]], np.float32)))]}


def offered(interface, *examples):
    return playground(interface, examples, model="asha/digits@1")


def ways(interface, *examples):
    return [name for name, _ in offered(interface, *examples).ways]


def test_the_ways_to_ask_follow_from_the_interface():
    assert ways(INTERFACE, {"title": "3", "inputs": [a_three()]}) == ["draw", "picture", "sample", "json"]
    assert ways(INTERFACE) == ["draw", "picture", "json"]
    assert ways(ROWS, ROW) == ["row", "csv", "json"]
    assert ways(TENSORS) == ["json"]


@pytest.mark.parametrize("interface", [INTERFACE, ROWS, TENSORS])
def test_the_json_to_start_from_is_an_input_that_is_accepted(interface):
    import json

    assert from_payload(interface, json.loads(offered(interface).json))


def test_the_csv_to_start_from_is_read_back_as_the_sample():
    tensors = preprocess(ROWS, offered(ROWS, ROW).csv.encode(), "text/csv")
    assert tensors[0].array().tolist() == [[12.5, 2.0]]


@pytest.mark.parametrize("layout", ["flat", "hwc", "chw"])
@pytest.mark.parametrize("channels", ["gray", "rgb", "bgr"])
@pytest.mark.parametrize("invert", [False, True])
def test_a_samples_picture_is_one_that_gives_that_sample(layout, channels, invert):
    depth = 1 if channels == "gray" else 3
    shape = {"flat": (4 * 6 * depth,), "hwc": (4, 6, depth), "chw": (depth, 4, 6)}[layout]
    rule = ImagePreprocessing(
        input="image", height=4, width=6, channels=channels, invert=invert, layout=layout, levels=255
    )
    interface = Interface(
        task="other",
        inputs=(Port(name="image", datatype="FP32", shape=(-1, *shape)),),
        outputs=(Port(name="y", datatype="FP32", shape=(-1,)),),
        labels=(),
        preprocessing=rule,
    )
    tensor = Tensor.of("image", np.arange(4 * 6 * depth, dtype=np.float32).reshape(1, *shape) * 3)
    sample = offered(interface, {"title": "x", "inputs": [oip.to_json(tensor)]}).samples[0]
    png = base64.b64decode(sample.picture.removeprefix("data:image/png;base64,"))
    assert Image.open(io.BytesIO(png)).size == (6, 4)
    assert preprocess(interface, png, "image/png") == (tensor,)


def test_a_sample_given_as_a_picture_is_passed_on_as_it_is():
    inputs = [{"content_type": "image/png", "content": "AAAA"}]
    assert offered(INTERFACE, {"title": "x", "inputs": inputs}).data["samples"][0]["inputs"] == inputs


# --- programs to paste ------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [Target("model", "a/b@1", "ed25519:00"), Target("group", "four", "ab" * 32)])
@pytest.mark.parametrize(("interface", "example"), [(INTERFACE, a_three()), (ROWS, None), (TENSORS, None)])
def test_programs_name_what_is_asked_the_server_and_whom_to_trust(interface, example, target):
    examples = [{"title": "x", "inputs": [example]}] if example else []
    programs = snippets("https://assay.example", target, interface, examples, mode="direct")
    assert [program.slug for program in programs] == ["curl", "python", "javascript", "cli"]
    for program in programs:
        assert "https://assay.example" in program.text
        assert target.name in program.text
        assert "{" not in program.text or program.text.count("{") == program.text.count("}")
    assert all(target.anchor in program.text for program in programs if program.slug in ("python", "cli"))
    compile(programs[1].text.replace("…", "0"), "example", "exec")

"""The browser's programs that can be tested without a browser: run by the Node.js that comes with Playwright."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

import numpy as np
import onnx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from playwright._impl._driver import compute_driver_executable

from assay import parse, receipt
from assay.agreement.aggregate import AGGREGATORS, HIGHEST, LOWEST
from assay.preprocessing import preprocess
from assay.verify import Trust, verify
from assay.verify.claims import answered
from docs.vectors import make
from marketplace.web.sent import for_check
from tests.sdk import chaining

HERE = Path(__file__).parent / "js"
VECTORS = Path(make.__file__).parent
TYPES = {".png": "image/png", ".csv": "text/csv", ".json": "application/json"}
ASKED = {
    "digit": ".png",
    "row": ".csv",
    "tensors": ".json",
    "group-certified": ".png",
    "group-median": ".csv",
    "group-rows": ".json",
}


@dataclass
class Judged:
    """A certificate, whole or damaged, with pins; and how the command judges it."""

    document: str = field(repr=False)
    groups: list[str]
    valid: bool
    pinned: bool | None
    epochs: tuple[int, ...]


@st.composite
def certificates(draw: st.DrawFn) -> Judged:
    """From any epoch of a group."""
    case = draw(chaining.cases())
    document = draw(st.just(case.certificate.to_cbor()) | chaining.damaged(case.certificate))
    names = [each.configuration.digest for each in case.evidence.epochs]
    pins = draw(st.sets(st.sampled_from([*names, bytes(32)])))
    report = verify(document, Trust(groups=frozenset(pins)), now=make.NOW)
    return Judged(document.hex(), [each.hex() for each in pins], report.valid, report.pinned, report.epochs)


def run(test: str, **environment: str) -> None:
    node, _ = compute_driver_executable()
    finished = subprocess.run(
        [node, "--test", str(HERE / test)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stdout[-6000:]


def test_the_browsers_check_judges_every_published_vector_as_the_index_says():
    run("vectors.test.js")


def test_the_browsers_check_tells_the_buyers_input_from_another(tmp_path):
    cases = []
    for name, suffix in ASKED.items():
        certificate, salt = receipt.read((VECTORS / f"good/{name}.receipt.json").read_bytes())
        content = (VECTORS / f"good/{name}.input{suffix}").read_bytes()
        inputs = preprocess(certificate.interface, content, TYPES[suffix])
        assert salt is not None
        cases.append({"file": f"good/{name}.receipt.json", "sent": for_check(salt, inputs)})
    (tmp_path / "sent.json").write_text(json.dumps(cases))
    run("inputs.test.js", ASSAY_SENT=str(tmp_path / "sent.json"))


def test_the_browser_says_what_was_answered_in_the_words_of_the_command(tmp_path):
    good = sorted((VECTORS / "good").glob("*.cbor"))
    cases = [(f"good/{path.name}", answered(parse(path.read_bytes()))) for path in good]
    (tmp_path / "words.json").write_text(json.dumps(cases))
    run("answers.test.js", ASSAY_WORDS=str(tmp_path / "words.json"))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_browser_aggregates_votes_as_the_command_does(tmp_path, seed):
    draw = Random(seed)
    cases = []
    for name, rule in AGGREGATORS.items():
        for _ in range(1000):
            f = draw.randint(1, 5)
            heard = draw.randint(2 * f + 1, 3 * f + 1)
            some = [LOWEST, HIGHEST, *(draw.randint(LOWEST, HIGHEST) for _ in range(2)), *range(-3, 4)]
            votes = [draw.choice(some) for _ in range(heard)]
            absent, least = draw.randint(0, 3 * f + 1 - heard), draw.randint(0, 16)
            decision = rule.decide(votes, absent, f, least)
            cases.append((name, votes, absent, f, least, decision.value, decision.firm))
    (tmp_path / "votes.json").write_text(json.dumps(cases))
    run("aggregate.test.js", ASSAY_VOTES=str(tmp_path / "votes.json"))


@settings(max_examples=8, deadline=None, phases=[Phase.reuse, Phase.generate])  # a process each: no shrinking
@given(st.data())
def test_the_browser_judges_certificates_of_any_epoch_as_the_command_does(data):
    cases = [data.draw(certificates()) for _ in range(12)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chains.json"
        path.write_text(json.dumps({"now": make.NOW, "cases": [asdict(each) for each in cases]}))
        run("chains.test.js", ASSAY_CHAINS=str(path))


def test_the_browser_says_who_voted_what():
    run("said.test.js")


def test_canonical_cbor_is_written_and_read_alike_in_both_languages(tmp_path):
    run("cbor.test.js")


def test_costs_are_told_as_the_server_writes_them():
    run("costs.test.js")


@pytest.fixture
def model(tmp_path) -> Path:
    weights = numpy_helper.from_array(np.zeros((4, 3), np.float32), "weights")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weights"], ["scores"])],
        "tests",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 4]),
            helper.make_tensor_value_info("weights", TensorProto.FLOAT, [4, 3]),
        ],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 3])],
        [weights],
    )
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph), path)
    return path


def test_the_upload_page_reads_what_a_file_takes_and_gives(model):
    run("onnx.test.js", ASSAY_MODEL=str(model))

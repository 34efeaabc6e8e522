"""Good uploads: what the report says of them, and that the very file then serves."""

from __future__ import annotations

import time

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from assay.digest import sha256
from assay.model import Interface, ModelReference, NoPreprocessing, Port
from assay.tensor import Tensor
from inference.validation import validate, validate_sync
from tests.inference import models
from tests.inference.models import INT64, graph, helper, value

ROWS = 200
CLASSIFIERS = [
    LogisticRegression(max_iter=5000),
    SVC(kernel="rbf"),
    RandomForestClassifier(n_estimators=5, random_state=0),
    GradientBoostingClassifier(n_estimators=2, random_state=0),
    MLPClassifier(hidden_layer_sizes=(16,), max_iter=2000, random_state=0),
]


def written(folder, model):
    file = folder / "m.onnx"
    file.write_bytes(model.SerializeToString())
    return file


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda each: type(each).__name__)
async def test_a_classifier_of_scikit_learn_is_accepted_and_served_as_it_predicts(
    server, client, tmp_path, classifier
):
    images, digits = (part[:ROWS] for part in load_digits(return_X_y=True))
    images = images.astype(np.float32)
    classifier.fit(images, digits)
    file = written(tmp_path, to_onnx(classifier, images[:1], options={"zipmap": False}))
    report = await validate(file)
    assert report.accepted, report.findings
    assert report.digest == sha256(file.read_bytes())
    assert report.inputs == (Port("X", "FP32", (-1, 64)),)
    assert [port.datatype for port in report.outputs] == ["INT64", "FP32"]
    assert report.parameters > 64
    assert report.producer.startswith("skl2onnx")

    interface = Interface("classification", report.inputs, report.outputs[:1], (), NoPreprocessing())
    name = server.repository.write(ModelReference(report.digest, interface), report.ports, file)
    await client.load(name, time.monotonic() + 20)
    (labels,) = await client.infer(name, (Tensor.of("X", images),), interface.outputs, time.monotonic() + 20)
    assert labels.shape == (ROWS,)
    assert np.mean(labels.array() == classifier.predict(images)) > 0.98  # doubles there, singles here
    await client.unload(name)


def test_a_regressor_is_accepted(tmp_path):
    table, target = load_diabetes(return_X_y=True)
    table = table.astype(np.float32)
    forest = RandomForestRegressor(n_estimators=3, random_state=0).fit(table, target)
    report = validate_sync(written(tmp_path, to_onnx(forest, table[:1])))
    assert report.accepted, report.findings
    assert report.outputs == (Port("variable", "FP32", (-1, 1)),)
    assert report.operators == {"ai.onnx.ml.TreeEnsembleRegressor": 1}


def test_a_convolution_with_free_height_and_width_is_accepted(tmp_path):
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv", strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Flatten", ["p"], ["y"]),
    ]
    weights = {"w": np.ones((8, 3, 5, 5), np.float32)}
    model = graph(nodes, [value("x", shape=("n", 3, "h", "w"))], [value("y", shape=("n", "c"))], weights)
    report = validate_sync(written(tmp_path, model))
    assert report.accepted, report.findings
    assert report.inputs[0].shape == (-1, 3, -1, -1)
    assert report.outputs[0].shape == (-1, 8)  # the file leaves it open; shape inference knows
    assert (report.parameters, report.operators["Conv"]) == (600, 1)


def test_indexes_that_must_stay_small_are_accepted(tmp_path):
    nodes = [helper.make_node("Gather", ["table", "x"], ["y"])]
    weights = {"table": np.ones((2, 5), np.float32)}
    model = graph(nodes, [value("x", INT64, ("n", 3))], [value("y", shape=("n", 3, 5))], weights)
    assert validate_sync(written(tmp_path, model)).accepted


def test_rows_that_cannot_be_compared_are_a_warning(tmp_path):
    nodes = [helper.make_node("Gather", ["table", "x"], ["y"], "embed")]
    weights = {"table": np.ones((1, 5), np.float32)}
    model = graph(nodes, [value("x", INT64, ("n", 3))], [value("y", shape=("n", 3, 5))], weights)
    report = validate_sync(written(tmp_path, model))
    (finding,) = report.findings
    assert (finding.level, finding.code) == ("warning", "rows-not-compared")
    assert (finding.node, finding.operator) == ("embed", "Gather")
    assert report.accepted


def test_an_operator_that_draws_at_random_rules_out_the_modes_that_repeat_a_run(tmp_path):
    nodes = [
        helper.make_node("RandomUniform", [], ["r"], "dice", shape=[1]),
        helper.make_node("Mul", ["r", "zero"], ["z"]),
        helper.make_node("Add", ["x", "z"], ["y"]),
    ]
    model = graph(nodes, [value("x")], [value("y")], {"zero": np.float32(0)})
    report = validate_sync(written(tmp_path, model))
    (finding,) = report.findings
    assert (finding.level, finding.node, finding.modes_ruled_out) == ("warning", "dice", ("refereed", "proof"))
    assert report.accepted


def test_the_report_says_whether_the_reproducible_operators_carry_the_model_out(tmp_path):
    report = validate_sync(written(tmp_path, models.affine()))
    assert report.findings == ()
    assert report.reproducible.nodes == 2
    nodes = [
        helper.make_node("Reshape", ["x", "square"], ["s"]),
        helper.make_node("Det", ["s"], ["y"], "area"),
    ]
    model = graph(nodes, [value("x")], [value("y", shape=("n",))], {"square": np.array([-1, 2, 2])})
    report = validate_sync(written(tmp_path, model))
    (finding,) = report.findings
    assert (finding.node, finding.operator, finding.modes_ruled_out) == ("area", "Det", ("refereed",))
    assert report.accepted
    assert report.reproducible is None


def test_a_mask_of_infinities_in_a_constant_is_accepted(tmp_path):
    mask = models.numpy_helper.from_array(np.array([[0, -np.inf, 0, 0]], np.float32))
    nodes = [
        helper.make_node("Constant", [], ["m"], value=mask),
        helper.make_node("Add", ["x", "m"], ["s"]),
        helper.make_node("Softmax", ["s"], ["y"]),
    ]
    report = validate_sync(written(tmp_path, graph(nodes, [value("x")], [value("y")])))
    assert report.accepted, report.findings


def test_what_went_wrong_is_said_with_node_operator_and_a_hint(tmp_path):
    iris = load_digits()
    model = LogisticRegression(max_iter=50).fit(iris.data[:ROWS] > 8, iris.target[:ROWS])
    report = validate_sync(written(tmp_path, to_onnx(model, iris.data[:1].astype(np.float32))))
    (finding,) = report.findings
    assert (finding.code, finding.node) == ("unsupported-output", "output_probability")
    assert finding.pointer == "/graph/output/1/type"
    assert "zipmap" in finding.hint

"""A report says that the reproducible operators carry a model out, or which of its nodes stand in the way."""

import numpy as np
import pytest
from onnx import TensorProto

from assay.modelfile.examining import examine
from assay.modelfile.report import Finding
from assay.operators import VERSION
from tests.sdk.program.building import anything, model, node, tensor

ROWS = "rows"


def examined(nodes, inputs=None, outputs=None, **constants):
    built = model(nodes, inputs or [tensor("x", ROWS, 4)], outputs or [tensor("y", ROWS, 4)], **constants)
    return examine(built.SerializeToString())


def test_a_model_of_known_operators_can_be_refereed():
    report = examined([node("Mul", "x two", "h"), node("Add", "h x", "y")], two=np.float32([1, 2, 3, 4]))
    assert report.findings == ()
    found = report.reproducible
    assert (found.version, found.nodes, found.length) == (VERSION, 2, 0)
    assert found.memory == 16 + 3 * 64, "the constant, and x, h and y side by side in lines of 64 bytes"


def test_each_node_that_stands_in_the_way_is_named_with_what_to_do_instead():
    nodes = [
        node("Det", "square", "d", name="determinant"),
        node("Add", "x one", "y", name="fine"),
        node("ZipMap", "x", "maps", domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2, 3]),
    ]
    inputs = [tensor("x", ROWS, 4), tensor("square", ROWS, 2, 2)]
    built = model(nodes, inputs, [tensor("y", ROWS, 4)], one=np.float32(1))
    built.opset_import.add(domain="ai.onnx.ml", version=3)
    report = examine(built.SerializeToString())
    assert report.accepted
    assert report.reproducible is None
    det, zipmap = report.findings
    assert det == Finding(
        level="warning",
        code="unsupported-operator",
        detail="the operator Det is not among the reproducible ones",
        node="determinant",
        operator="Det",
        pointer="/graph/node/0",
        got="Det as of version 11",
        modes_ruled_out=("refereed",),
    )
    assert (zipmap.operator, zipmap.pointer) == ("ZipMap", "/graph/node/2")
    assert "{'zipmap': False}" in zipmap.hint


def test_a_node_that_cannot_be_typed_says_what_was_expected():
    half = TensorProto.FLOAT16
    report = examined(
        [node("Exp", "x", "y", name="e")], [tensor("x", ROWS, of=half)], [tensor("y", ROWS, of=half)]
    )
    (finding,) = report.findings
    assert (finding.node, finding.operator, finding.pointer) == ("e", "Exp", "/graph/node/0")
    assert "float16" in finding.got
    assert not finding.detail.startswith("Exp")


def test_a_node_that_is_ruled_out_already_is_not_named_again():
    nodes = [node("RandomUniform", "", "r", shape=[1]), node("Mul", "r zero", "z"), node("Add", "x z", "y")]
    report = examined(nodes, zero=np.float32(0))
    assert [each.code for each in report.findings] == ["random-operator"]
    assert report.reproducible is None


def test_axes_of_any_length_are_tried_until_one_fits():
    nodes = [node("Conv", "x w", "y")]
    inputs = [tensor("x", ROWS, 1, "height", "width")]
    report = examined(nodes, inputs, [tensor("y", ROWS, 2, "h", "w")], w=np.ones((2, 1, 5, 5), np.float32))
    assert report.reproducible.length == 16


def test_axes_that_have_the_rows_name_are_as_long_as_the_rows():
    report = examined([node("MatMul", "x x", "y")], [tensor("x", ROWS, ROWS)], [tensor("y", ROWS, ROWS)])
    assert report.reproducible is not None


def test_a_model_of_too_much_memory_is_ruled_out_as_a_whole():
    nodes = [
        node("Expand", "x shape", "huge"),
        node("Neg", "huge", "negative"),
        node("ReduceMax", "negative axes", "y", keepdims=0),
    ]
    shape, axes = np.array([1, 2**13, 2**13, 4]), np.array([1, 2])
    inputs = [tensor("x", ROWS, 1, 1, 4)]
    report = examined(nodes, inputs, shape=shape, axes=axes)
    (finding,) = report.findings
    assert (finding.code, finding.level, finding.node) == ("too-large", "warning", "")
    assert finding.modes_ruled_out == ("refereed",)


def test_an_output_without_a_row_for_each_row_is_found_without_a_run():
    nodes = [node("Neg", "minus", "shape"), node("Reshape", "x shape", "y")]  # of what ONNX itself does not follow
    report = examined(nodes, outputs=[tensor("y", ROWS, "columns")], minus=np.array([-1, 1]))
    (finding,) = report.findings
    assert (finding.code, finding.node, finding.got) == ("rows-lost", "y", "shape [1, 12]")
    assert not report.accepted
    assert report.reproducible is None


@pytest.mark.parametrize("extra", [1, 50])
def test_what_is_cut_off_still_rules_out_what_it_did(extra):
    nodes = [node("Exec", f"h{i}" if i else "x", f"h{i + 1}") for i in range(100 + extra)]
    report = examined(nodes, outputs=[anything(f"h{len(nodes)}")])
    assert (report.findings[-1].code, len(report.findings)) == ("more", 101)
    random = [node("RandomUniformLike", f"h{i}" if i else "x", f"h{i + 1}") for i in range(100 + extra)]
    report = examined(random, outputs=[tensor(f"h{len(nodes)}", ROWS, 4)])
    assert report.findings[-1].got == str(extra)
    assert report.findings[-1].modes_ruled_out == ("proof", "refereed")
    assert report.accepted

"""An ONNX file becomes a program, or is refused with all that stands in the way, node by node."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from assay.errors import Refused, TooLarge
from assay.program.graph import Unsupported
from assay.program.reading import MAX_PARTS, program_of, read
from tests.sdk.program.building import anything, model, node, tensor


def simple(**changes):
    return model(
        [node("Add", "x one", "y", name="first"), node("Exp", "y", "z")],
        [tensor("x", "rows", 3)],
        [anything("z")],
        one=np.float32([1, 2, 3]),
    )


def problems(built):
    with pytest.raises(Unsupported) as caught:
        program_of(built)
    return [(each.code, each.pointer, str(each)) for each in caught.value]


def test_a_file_becomes_a_program():
    program = read(simple().SerializeToString())
    assert [str(each) for each in program.inputs] == ["float32[rows, 3]"]
    assert [each.operator.name for each in program.nodes] == ["Add", "Exp"]
    assert program.outputs == ("z",)
    assert program.constants["one"].tolist() == [1, 2, 3]


def test_an_initialiser_that_is_an_input_too_is_a_constant():
    built = simple()
    built.graph.input.append(tensor("one", 3))
    assert [each.name for each in program_of(built).inputs] == ["x"]


def test_bytes_that_are_not_onnx_are_refused():
    with pytest.raises(Refused, match="not ONNX"):
        read(b"\xff\xff\xff")


def test_a_file_without_a_graph_is_refused():
    with pytest.raises(Refused, match="no graph"):
        read(b"")


def test_everything_that_stands_in_the_way_is_named():
    built = simple()
    built.graph.node.append(node("NonZero", "z", "where", name="find"))
    built.graph.node.append(node("Frobnicate", "z", "what", domain="example.com"))
    built.opset_import.append(helper.make_opsetid("example.com", 3))
    unknown, foreign = problems(built)
    assert unknown[:2] == ("unsupported-operator", "/graph/node/2")
    assert "NonZero 'find': the operator NonZero is not among the reproducible ones" in unknown[2]
    assert foreign[:2] == ("unsupported-operator", "/graph/node/3")
    assert "got example.com.Frobnicate as of version 3" in foreign[2]


def test_an_operator_means_what_the_file_s_version_says():
    old = model([node("Softmax", "x", "y")], [tensor("x", 2, 3, 4)], [anything("y")], opset=11)
    new = model([node("Softmax", "x", "y")], [tensor("x", 2, 3, 4)], [anything("y")], opset=20)
    assert program_of(old).nodes[0].operator.versions != program_of(new).nodes[0].operator.versions


def graph_within(built):
    inner = helper.make_graph([node("Neg", "x", "w")], "inner", [], [anything("w")])
    built.graph.node.append(node("If", "x", "w", then_branch=inner, else_branch=inner))


def tensor_elsewhere(built):
    built.graph.initializer[0].data_location = TensorProto.EXTERNAL


def text_tensor(built):
    built.graph.initializer.append(helper.make_tensor("text", TensorProto.STRING, [1], [b"a"]))


def damaged_tensor(built):
    built.graph.initializer[0].raw_data = b"123"


def negative_axis(built):
    built.graph.initializer[0].dims[0] = -3


def wide_tensor(built):
    built.graph.initializer[0].dims.extend([1] * 40)


def unknown_type(built):
    built.graph.initializer[0].data_type = 99


def local_function(built):
    built.functions.append(helper.make_function("here", "F", ["a"], ["b"], [node("Neg", "a", "b")], []))


def sparse_tensor(built):
    values = numpy_helper.from_array(np.float32([1]), "sparse")
    where = numpy_helper.from_array(np.int64([0]), "where")
    built.graph.sparse_initializer.append(helper.make_sparse_tensor(values, where, [3]))


def reads_too_early(built):
    built.graph.node.insert(0, node("Neg", "z", "early"))


def writes_twice(built):
    built.graph.node.append(node("Neg", "x", "y"))


def writes_an_input(built):
    built.graph.node.append(node("Neg", "x", "x"))


def output_of_nobody(built):
    built.graph.output.append(anything("nobody"))


def rank_unknown(built):
    built.graph.input[0].type.tensor_type.ClearField("shape")


def no_version(built):
    built.graph.node.append(node("Neg", "x", "w", domain="ai.onnx.ml"))


def attribute_twice(built):
    added = node("Softmax", "x", "w", axis=1)
    added.attribute.append(helper.make_attribute("axis", 0))
    built.graph.node.append(added)


def attribute_not_text(built):
    added = node("Softmax", "x", "w")
    added.attribute.append(helper.make_attribute("axis", b"\xff"))
    built.graph.node.append(added)


def sequence_input(built):
    built.graph.input.append(helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, [1]))


@pytest.mark.parametrize(
    "spoil",
    [
        graph_within,
        tensor_elsewhere,
        text_tensor,
        damaged_tensor,
        negative_axis,
        wide_tensor,
        unknown_type,
        local_function,
        sparse_tensor,
        reads_too_early,
        writes_twice,
        writes_an_input,
        output_of_nobody,
        rank_unknown,
        no_version,
        attribute_twice,
        attribute_not_text,
        sequence_input,
    ],
)
def test_what_a_program_has_no_place_for_is_refused(spoil):
    built = simple()
    spoil(built)
    assert problems(built)


@pytest.mark.parametrize("part", ["node", "initializer", "input", "output"])
def test_parts_without_number_are_refused_before_they_are_looked_at(part):
    built = model([node("Relu", "x", "y")], [tensor("x", 2)], [anything("y")])
    for _ in range(MAX_PARTS + 1):
        getattr(built.graph, part).add()
    with pytest.raises(TooLarge, match="too many parts"):
        read(built.SerializeToString())


@pytest.mark.parametrize("version", [-(2**63), 0, 2**31, 2**63 - 1])
def test_a_version_that_no_operator_set_has_is_refused(version):
    built = model([node("Relu", "x", "y")], [tensor("x", 2)], [anything("y")])
    built.opset_import[0].version = version
    with pytest.raises(Unsupported, match=r"the version of ai\.onnx"):
        read(built.SerializeToString())


@pytest.mark.parametrize(
    "name", [b"Relu", b"an input", b"an output", b"a constant", b"a node", b"rows", b"its domain"]
)
def test_names_that_are_no_text_are_refused(name):
    nodes = [
        node("Relu", "x", "between"),
        helper.make_node("Add", ["between", "a constant"], ["an output"], "a node"),
    ]
    nodes[0].input[0] = "an input"
    built = model(nodes, [tensor("an input", "rows")], [anything("an output")], **{"a constant": np.float32(1)})
    built.opset_import.add(domain="its domain", version=1)
    data = built.SerializeToString()
    assert name in data
    with pytest.raises(Refused, match="not UTF-8"):
        read(data.replace(name, b"\xff" * len(name)))

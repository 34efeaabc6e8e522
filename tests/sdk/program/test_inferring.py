"""Types before anything runs, and values of what follows from shapes."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.program.graph import Unsupported
from assay.program.inferring import infer, shapes_of
from assay.program.reading import program_of
from tests.sdk.program.building import anything, model, node, tensor


def flattened():
    """As exporters write it: the batch is asked for, and kept."""
    nodes = [
        node("Shape", "x", "shape"),
        node("Gather", "shape first", "rows", axis=0),
        node("Concat", "rows rest", "target", axis=0),
        node("Reshape", "x target", "y"),
    ]
    constants = {"first": np.int64([0]), "rest": np.int64([-1])}
    return program_of(model(nodes, [tensor("x", "rows", 3, 4)], [anything("y")], **constants))


def test_what_follows_from_shapes_is_known():
    types = infer(flattened(), {"x": (5, 3, 4)})
    assert types["target"].value.tolist() == [5, -1]
    assert str(types["y"]) == "float32[5, 12]"


def test_what_hangs_on_values_is_not_known_and_is_refused_where_shapes_hang_on_it():
    nodes = [node("Cast", "x", "target", to=7), node("Reshape", "x target", "y")]
    program = program_of(model(nodes, [tensor("x", 2)], [anything("y")]))
    with pytest.raises(Unsupported, match="Reshape: shape is not known before the model runs") as caught:
        infer(program, {"x": (2,)})
    assert caught.value.pointer.startswith("/graph/node/1")


def test_every_node_that_cannot_be_carried_out_is_named_but_not_those_that_hang_on_it():
    nodes = [
        node("Add", "x wide", "a", name="first"),
        node("Neg", "a", "b"),
        node("Exp", "double", "c", name="second"),
    ]
    constants = {"wide": np.zeros(7, np.float32), "double": np.zeros(3)}
    program = program_of(model(nodes, [tensor("x", 2)], [anything("b"), anything("c")], **constants))
    with pytest.raises(Unsupported) as caught:
        infer(program, {"x": (2,)})
    assert [each.pointer for each in caught.value] == ["/graph/node/0", "/graph/node/2"]
    assert [each.detail.split(":")[0] for each in caught.value] == ["Add 'first'", "Exp 'second'"]


@pytest.mark.parametrize("size", [[2**20, 2**20], [0, 2**61], [1] * 17])
def test_a_tensor_of_absurd_shape_is_refused_without_being_made(size):
    nodes = [node("ConstantOfShape", "size", "y")]
    program = program_of(model(nodes, [tensor("x", 1)], [anything("y")], size=np.int64(size)))
    with pytest.raises(Unsupported, match="too large"):
        infer(program, {"x": (1,)})


def test_an_input_or_a_constant_of_absurd_shape_is_refused_though_it_has_no_elements():
    nodes = [node("Neg", "x", "y")]
    for x, w in (((2**40, 0), (1, 0)), ((1, 0), (2, 2**40, 0))):
        constant = {"w": np.empty(w, np.float32)}
        program = program_of(model(nodes, [tensor("x", "", 0)], [anything("y")], **constant))
        with pytest.raises(Unsupported, match="too large"):
            infer(program, {"x": x})


def test_what_comes_to_nothing_takes_no_time_however_long_its_axes():
    nodes = [node("ReduceSum", "long axes", "y"), node("ReduceL2", "y axes", "z")]
    constants = {"long": np.empty((2**31, 0), np.float32), "axes": np.int64([0])}
    program = program_of(model(nodes, [tensor("x", 1)], [anything("z")], **constants))
    types = infer(program, {"x": (1,)})
    assert types["y"].value.shape == types["z"].value.shape == (1, 0)


def test_a_file_cannot_have_much_computed_and_kept_beforehand():
    nodes = [node("Add", "large large", f"t{i}") for i in range(200)]
    built = model(nodes, [tensor("x", 1)], [anything("x")], large=np.zeros(20_000, np.float32))
    types = infer(program_of(built), {"x": (1,)})
    assert 0 < sum(types[f"t{i}"].value is not None for i in range(200)) < 100


TWO = [tensor("x", "rows", 3), tensor("w", "rows", "")]


@pytest.mark.parametrize(
    ("x", "w", "said"),
    [
        (np.zeros((2, 3)), np.zeros((2, 1), np.float32), "expected float32\\[rows, 3\\], got float64\\[2, 3\\]"),
        (np.zeros((2, 4), np.float32), np.zeros((2, 1), np.float32), "got float32\\[2, 4\\]"),
        (np.zeros(3, np.float32), np.zeros((2, 1), np.float32), "got float32\\[3\\]"),
        (np.zeros((2, 3), np.float32), np.zeros((5, 1), np.float32), "the input 'w'"),
        (np.zeros((2, 3), np.float32), None, "got nothing"),
    ],
)
def test_inputs_that_are_not_the_program_s_are_refused(x, w, said):
    program = program_of(model([node("Add", "x w", "y")], TWO, [anything("y")]))
    arrays = {"x": x} | ({} if w is None else {"w": w})
    with pytest.raises(Refused, match=said):
        shapes_of(program.inputs, arrays)


def test_an_input_that_it_does_not_have_is_refused():
    program = program_of(model([node("Add", "x w", "y")], TWO, [anything("y")]))
    arrays = {name: np.zeros((2, 3), np.float32) for name in "xwz"}
    with pytest.raises(Refused, match="no such input"):
        shapes_of(program.inputs, arrays)

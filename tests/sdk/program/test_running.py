"""Outputs as the operators give them; a record of every node's, if it is asked for."""

import threading

import numpy as np
import pytest

from assay.errors import Refused
from assay.program.reading import program_of
from assay.program.running import PLANS, Runner
from tests.sdk.program.building import anything, model, node, tensor


def runner(*outputs):
    nodes = [
        node("Add", "one one", "two"),
        node("Mul", "x two", "a"),
        node("Neg", "a", "b"),
        node("Exp", "x", "idle"),
    ]
    built = model(nodes, [tensor("x", "rows", 2)], [anything(name) for name in outputs], one=np.float32(1))
    return Runner(program_of(built))


X = np.float32([[1, -2], [3, 0]])


def test_outputs_have_their_names():
    outputs = runner("b", "a").run({"x": X})
    assert {name: value.tolist() for name, value in outputs.items()} == {
        "b": [[-2, 4], [-6, -0.0]],
        "a": [[2, -4], [6, 0]],
    }


def test_an_input_and_a_known_value_may_be_outputs():
    outputs = runner("x", "two").run({"x": X})
    assert outputs["x"].tolist() == X.tolist()
    assert outputs["two"] == 2


def test_outputs_are_the_caller_s_own():
    tried = runner("a")
    first = tried.run({"x": X})["a"]
    kept = first.copy()
    tried.run({"x": X + 1})
    assert first.tolist() == kept.tolist()


def test_rows_may_be_any_number_and_change():
    tried = runner("b")
    for rows in (1, 5, 1, 0, *range(2, PLANS + 5), 1):
        x = np.ones((rows, 2), np.float32)
        assert tried.run({"x": x})["b"].tolist() == (-2 * x).tolist()


def test_no_elements_take_no_time_however_long_the_other_axes():
    nodes = [node("ReduceSum", "x axes", "y")]
    built = model(nodes, [tensor("x", "", 0)], [anything("y")], axes=np.int64([0]))
    made = Runner(program_of(built)).run({"x": np.empty((2**31, 0), np.float32)}, lambda node, made: None)
    assert made["y"].shape == (1, 0)


def test_inputs_of_another_memory_order_are_the_same_inputs():
    assert runner("a").run({"x": np.asfortranarray(X)})["a"].tolist() == [[2, -4], [6, 0]]


def test_every_node_is_recorded_in_order_also_those_that_nobody_needs():
    records = []
    runner("b").run({"x": X}, lambda node, made: records.append((node.index, [each.tolist() for each in made])))
    assert records[:3] == [(0, [2.0]), (1, [[[2, -4], [6, 0]]]), (2, [[[-2, 4], [-6, -0.0]]])]
    assert [index for index, _ in records] == [0, 1, 2, 3]


def test_a_record_changes_no_output():
    tried = runner("a", "b")
    plain = tried.run({"x": X})
    recorded = tried.run({"x": X}, lambda node, made: None)
    assert all(plain[name].tobytes() == recorded[name].tobytes() for name in plain)


def test_threads_take_turns():
    tried, wrong = runner("a"), []

    def ask(value):
        x = np.full((3, 2), value, np.float32)
        wrong.extend(value for _ in range(50) if (tried.run({"x": x})["a"] != 2 * value).any())

    threads = [threading.Thread(target=ask, args=(value,)) for value in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


def test_a_refused_input_leaves_it_ready_for_the_next():
    tried = runner("a")
    with pytest.raises(Refused):
        tried.run({"x": X.astype(np.float64)})
    assert tried.run({"x": X})["a"].tolist() == [[2, -4], [6, 0]]

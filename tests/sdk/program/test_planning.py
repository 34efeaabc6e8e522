"""Where tensors lie: never two that are needed at one time on one place, and no more memory than that takes."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import TooLarge
from assay.program.planning import ALIGNMENT, outer, plan
from assay.program.reading import program_of
from assay.program.running import Reference
from tests.sdk.program.building import anything, model, node, tensor

KINDS = {1: "Neg", 2: "Add"}


@st.composite
def programs(draw):
    """Nodes that read any one or two tensors before them; some tensors are outputs."""
    names = ["x", "w"]
    nodes = []
    for i in range(draw(st.integers(1, 25))):
        read = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2))
        nodes.append(node(KINDS[len(read)], " ".join(read), f"t{i}"))
        names.append(f"t{i}")
    outputs = draw(st.lists(st.sampled_from(names[2:]), min_size=1, max_size=3, unique=True))
    inputs = [tensor("x", 5), tensor("w", "rows", 5)]
    return program_of(model(nodes, inputs, [anything(name) for name in outputs]))


@given(programs(), st.booleans())
def test_what_is_needed_at_one_time_lies_apart(program, every_node):
    planned = plan(program, {"x": (5,), "w": (7, 5)}, Reference(), every_node=every_node)
    last = Counter()
    for i, group in enumerate(planned.groups):
        read, written = outer(group, program.outputs)
        last.update({name: i - last[name] for name in (*read, *written)})
    last.update(dict.fromkeys(program.outputs, 1000))
    alive = {each.name: planned.types[each.name] for each in program.inputs}
    for i, group in enumerate(planned.groups):
        alive |= {name: planned.types[name] for name in group[0].outputs}
        spans = sorted((planned.places[name], planned.places[name] + each.bytes) for name, each in alive.items())
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))
        assert all(start % ALIGNMENT == 0 and end <= planned.memory for start, end in spans)
        alive = {name: each for name, each in alive.items() if last[name] > i}


def chain(length):
    nodes = [node("Neg", f"t{i}", f"t{i + 1}") for i in range(length)]
    return program_of(model(nodes, [tensor("t0", "rows", 1024)], [anything(f"t{length}")]))


def test_places_are_used_again():
    assert plan(chain(50), {"t0": (1, 1024)}, Reference()).memory <= 3 * 4096


def test_nodes_whose_outputs_nobody_needs_are_left_out_unless_every_node_is_asked_for():
    built = model([node("Neg", "x", "y"), node("Exp", "x", "idle")], [tensor("x", 3)], [anything("y")])
    planned = plan(program_of(built), {"x": (3,)}, Reference())
    assert [group[0].operator.name for group in planned.groups] == ["Neg"]
    planned = plan(program_of(built), {"x": (3,)}, Reference(), every_node=True)
    assert [group[0].operator.name for group in planned.groups] == ["Neg", "Exp"]


def test_what_follows_from_constants_is_not_computed_again():
    nodes = [node("Add", "one one", "two"), node("Add", "x two", "y")]
    built = model(nodes, [tensor("x", 3)], [anything("y")], one=np.float32([1, 1, 1]))
    planned = plan(program_of(built), {"x": (3,)}, Reference())
    assert [group[0].outputs for group in planned.groups] == [("y",)]
    assert planned.types["two"].value.tolist() == [2, 2, 2]


def test_a_model_that_takes_too_much_memory_is_refused_with_its_largest_tensor():
    with pytest.raises(TooLarge, match=r"largest tensor being t\d of float32\[1000, 1024\]") as caught:
        plan(chain(3), {"t0": (1000, 1024)}, Reference(), most=10**6)
    assert caught.value.code == "too-large"

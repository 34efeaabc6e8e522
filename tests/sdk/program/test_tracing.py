"""Hashes of a run: every bit of every tensor is in them, and a part can be told to belong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.program.reading import program_of
from assay.program.running import Runner
from assay.program.tracing import LEAF_BYTES, Trace, leaf_hashes, root, tensor_hash
from tests.sdk.program.building import anything, model, node, tensor

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_a_hash_is_for_ever():
    assert tensor_hash(X).hex() == "232291f34152cec2f22878af1700d1ebd8a722c7fb1bd5f74723cd3101f74524"


@pytest.mark.parametrize(
    "other",
    [
        X.reshape(3, 2),
        X.reshape(6),
        X.view(np.int32),
        X.astype(np.float64),
        np.where(X == 0, np.float32(-0.0), X),
        np.where(X == 0, np.uint32([0x7FC00001]).view(np.float32), X),
    ],
    ids=["shape", "rank", "type of the same bits", "type of the same values", "sign of a zero", "payload"],
)
def test_what_differs_has_another_hash(other):
    assert tensor_hash(other) != tensor_hash(X)


def test_how_it_lies_in_memory_does_not_matter():
    assert tensor_hash(np.asfortranarray(X)) == tensor_hash(X.astype(">f4")) == tensor_hash(X)


def test_nothing_and_one_number_have_hashes():
    empty, number = np.zeros((0, 3), np.float32), np.zeros((), np.float32)
    assert len({tensor_hash(each) for each in (empty, empty.T, number, number.reshape(1))}) == 4


@given(st.integers(0, 5 * LEAF_BYTES), st.integers(0, 5 * LEAF_BYTES - 1))
def test_a_changed_byte_changes_its_leaf_alone_and_the_root(size, place):
    data = np.zeros(size, np.uint8)
    before = leaf_hashes(data)
    assert len(before) == max(1, -(-size // LEAF_BYTES))
    if place < size:
        data[place] = 1
        after = leaf_hashes(data)
        assert [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b] == [place // LEAF_BYTES]
        assert root(after) != root(before)


def test_a_leaf_is_no_inner_node():
    leaves = leaf_hashes(np.zeros(2 * LEAF_BYTES, np.uint8))
    assert leaf_hashes(np.frombuffer(b"".join(leaves), np.uint8))[0] != root(leaves)


def test_a_trace_has_every_node_s_outputs():
    nodes = [node("Neg", "x", "y"), node("Split", "y", "a b", num_outputs=2), node("Shape", "x", "s")]
    program = program_of(model(nodes, [tensor("x", 2, 3)], [anything("b")]))
    trace = Trace()
    Runner(program).run({"x": X}, trace)
    parts = np.split(-X, 2)
    assert trace.hashes == [
        (tensor_hash(-X),),
        tuple(map(tensor_hash, parts)),
        (tensor_hash(np.int64([2, 3])),),
    ]

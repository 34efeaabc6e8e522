"""Merkle trees against their definition, RFC 6962 §2.1, and its published vectors."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import merkle
from assay.errors import NotVerified, Refused

# of the trees over the first n leaves; from the reference implementation, certificate-transparency
# cpp/merkletree/merkle_tree_test.cc
LEAVES = [
    bytes.fromhex(each)
    for each in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def by_definition(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + by_definition(leaves[:half]) + by_definition(leaves[half:])).digest()


def path_by_definition(leaves: list[bytes], index: int) -> list[bytes]:
    if len(leaves) == 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if index < half:
        return [*path_by_definition(leaves[:half], index), by_definition(leaves[half:])]
    return [*path_by_definition(leaves[half:], index - half), by_definition(leaves[:half])]


@pytest.mark.parametrize("count", range(1, 9))
def test_the_published_roots_come_out(count):
    assert merkle.root(LEAVES[:count]).hex() == ROOTS[count - 1]


@given(st.lists(st.binary(max_size=3), min_size=1, max_size=40))
def test_roots_and_paths_are_as_defined(leaves):
    rows = merkle.levels(leaves)
    root = by_definition(leaves)
    assert merkle.root(leaves) == root
    for index, leaf in enumerate(leaves):
        path = merkle.path_in(rows, index)
        assert list(path) == path_by_definition(leaves, index)
        assert merkle.path(leaves, index) == path
        assert merkle.root_from_path(leaf, index, len(leaves), path) == root


@given(st.integers(1, 40), st.data())
def test_a_leaf_is_proved_at_no_other_place_in_the_same_tree(count, data):
    leaves = [bytes([i]) for i in range(count)]
    index = data.draw(st.integers(0, count - 1))
    path, root = merkle.path(leaves, index), merkle.root(leaves)
    for other in range(count):
        try:
            claimed = merkle.root_from_path(leaves[index], other, count, path)
        except NotVerified:
            continue
        assert (claimed == root) == (other == index)


@given(st.integers(2, 40), st.data())
def test_a_changed_path_proves_nothing(count, data):
    leaves = [bytes([i]) for i in range(count)]
    index = data.draw(st.integers(0, count - 1))
    path, root = list(merkle.path(leaves, index)), merkle.root(leaves)
    at = data.draw(st.integers(0, len(path) - 1))
    path[at] = bytes([path[at][0] ^ 1]) + path[at][1:]
    assert merkle.root_from_path(leaves[index], index, count, path) != root
    for wrong in (path[:-1], [*path, path[0]]):
        with pytest.raises(NotVerified):
            merkle.root_from_path(leaves[index], index, count, wrong)


def test_an_inner_node_cannot_pass_for_a_leaf():
    leaves = [b"a", b"b", b"c", b"d"]
    inner = merkle.leaf_hash(b"a") + merkle.leaf_hash(b"b")
    other_half = merkle.node_hash(merkle.leaf_hash(b"c"), merkle.leaf_hash(b"d"))
    assert merkle.root_from_path(inner, 0, 2, [other_half]) != merkle.root(leaves)


@pytest.mark.parametrize(("index", "count"), [(0, 0), (1, 1), (-1, 1), (5, 5), (0, merkle.MAX_LEAVES + 1)])
def test_a_place_outside_the_tree_is_refused(index, count):
    with pytest.raises(NotVerified):
        merkle.root_from_path(b"", index, count, [])


def test_an_empty_tree_and_a_leaf_that_is_not_there_are_refused():
    with pytest.raises(Refused):
        merkle.root([])
    with pytest.raises(Refused):
        merkle.path([b"a"], 1)

"""Einsum: what an equation means, and the order of its sums."""

from itertools import product

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.by_hand import chained, nan, numbers
from tests.sdk.operators.operating import bits, operate

NASTY = np.uint32([[0x7F800001, 0x80000000], [0xFFC12345, 1]]).view(np.float32)


def einsum(equation, *operands, version=12):
    return operate("Einsum", *operands, version=version, equation=equation)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("bij , bjk -> bik", [(2, 2, 3), (2, 3, 4)]),
        ("i,i", [(5,), (5,)]),
        ("i,j->ij", [(2,), (3,)]),
        ("ij,kj", [(2, 3), (4, 3)]),
        ("...ij,...jk->...ik", [(2, 1, 2, 3), (2, 4, 3, 2)]),
        ("i...,...->...i", [(3, 2), (2,)]),
        ("...ij,jk", [(2, 2, 3), (3, 2)]),
        ("ii,i->i", [(3, 3), (3,)]),
        ("ii,jj->", [(3, 3), (2, 2)]),
        ("bqhd,bkhd->bhqk", [(1, 2, 3, 4), (1, 5, 3, 4)]),
        ("aB,Bc", [(2, 3), (3, 2)]),
        ("ij,->ji", [(2, 3), ()]),
        ("ij->j", [(3, 2)]),
        ("ii", [(3, 3)]),
        ("...ii->...i", [(2, 3, 3)]),
        ("ijk->kij", [(2, 3, 2)]),
        ("ij->", [(0, 2)]),
        ("ij,jk->ik", [(2, 0), (0, 2)]),
    ],
)
@pytest.mark.parametrize("version", [12, 28])
def test_it_means_what_numpy_takes_it_to_mean(equation, shapes, version):
    """Of small whole numbers, whose sums are exact in any order."""
    rng = np.random.default_rng(1)
    operands = [rng.integers(-4, 5, shape).astype(np.float32) for shape in shapes]
    got, want = einsum(equation, *operands, version=version), np.einsum(equation, *operands)
    assert got.shape == want.shape
    assert got.tolist() == want.tolist()


@pytest.mark.parametrize("equation", ["ikj,jki->", "ikj,jki"])
def test_the_chain_runs_over_labels_as_the_equation_first_names_them(equation):
    a, b = numbers(1, 2, 3, 4), numbers(2, 4, 3, 2)
    links = [(a[i, k, j], b[j, k, i]) for i, k, j in product(range(2), range(3), range(4))]
    assert bits(einsum(equation, a, b)) == bits(chained(links))
    assert bits(chained(links)) != bits(chained(sorted(links)))


def test_a_sum_of_one_operand_goes_in_the_same_order():
    a = numbers(1, 7, 9)
    assert bits(einsum("ji->", a)) == bits(chained((each, 1) for each in a.ravel()))


def test_one_operand_with_nothing_to_sum_is_moved_bit_for_bit():
    assert bits(einsum("ij->ji", NASTY)) == bits(NASTY.T)
    assert bits(einsum("ii->i", NASTY)) == [0x7F800001, 1]


def test_arithmetic_has_one_nan_and_begins_at_plus_zero():
    assert bits(einsum("ij->i", NASTY)) == [nan(), nan()]
    assert bits(einsum("i,i->i", np.float32([-0.0]), np.float32([1]))) == [0]


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("", [(2,)]),
        ("ij,jk->ik", [(2, 3)]),
        ("ij->ik", [(2, 3)]),
        ("ij->ii", [(2, 3)]),
        ("ij", [(2,)]),
        ("ij,jk", [(2, 3), (4, 2)]),
        ("ii", [(2, 3)]),
        ("ij,jk", [(2, 1), (3, 2)]),
        ("...i->i", [(2, 3)]),
        ("i->...i", [(3,)]),
        ("...i,...i->...", [(2, 3), (3,)]),
        ("...i,...i->...", [(2, 3), (4, 3)]),
        ("i...j...", [(2, 3, 4)]),
        ("i-j", [(2, 3)]),
        ("i1", [(2, 3)]),
        ("é", [(2,)]),
        ("i->i->i", [(2,)]),
        ("i..", [(2, 3)]),
        ("ijk...", [(2, 3)]),
        ("i,i,i", [(2,), (2,), (2,)]),
    ],
)
def test_what_does_not_fit_is_refused_before_it_runs(equation, shapes):
    with pytest.raises(Refused):
        einsum(equation, *(numbers(1, *shape) for shape in shapes))


def test_doubles_are_added_but_not_multiplied():
    a = np.array([1e16, 1, -1e16, 2**-60])
    assert einsum("i->", a).tolist() == 2.0**-60
    with pytest.raises(Refused, match="type"):
        einsum("i,i", a, a)


@pytest.mark.parametrize("dtype", [np.int32, np.uint64])
def test_integers_are_exact_modulo_their_range(dtype):
    top, size = np.iinfo(dtype).max, 2 ** np.iinfo(dtype).bits
    a = np.array([top, top, 5], dtype)
    assert int(einsum("i->", a)) % size == (2 * top + 5) % size
    assert int(einsum("i,i", a, a)) % size == (2 * top * top + 25) % size


def test_other_types_are_refused():
    for operands in [(np.int8([1]),), (np.float16([1]),), (np.float32([1]), np.int32([1]))]:
        with pytest.raises(Refused, match="type"):
            einsum(",".join("i" for _ in operands), *operands)

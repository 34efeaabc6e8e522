"""Whole programs by the kernels against the plain operators, bit by bit; what is fused, and what must not be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.program.planning import plan
from assay.program.reading import program_of
from assay.program.running import Runner
from native import loader
from native.implementation import Native
from tests.native.comparing import same_bits
from tests.sdk.program.building import anything, model, node, tensor

ROWS, WIDTH = 5, 7
RNG = np.random.default_rng(8)
CONSTANTS = {
    "square": RNG.normal(size=(WIDTH, WIDTH)),
    "row": RNG.normal(size=WIDTH),
    "lying": RNG.normal(size=(1, WIDTH)),
    "column": RNG.normal(size=(ROWS, 1)),
    "all": RNG.normal(size=(ROWS, WIDTH)),
    "one": np.array([[0.5]]),
    "low": np.array(-0.25),
    "high": np.array(0.75),
    "positive": RNG.uniform(0.5, 2, WIDTH),
}
FLOATS = {name: value.astype(np.float32) for name, value in CONSTANTS.items()}
SUMS = ("row", "lying", "column", "one")
KINDS = {  # how many tensors made before it reads, and which constants
    "product": (1, lambda x: node("MatMul", f"{x} square", "made")),
    "affine": (1, lambda x: node("Gemm", f"{x} square row", "made", transB=1)),
    "half affine": (1, lambda x: node("Gemm", f"{x} square column", "made", beta=0.5)),
    "two": (2, lambda x, y: node("Add", f"{x} {y}", "made")),
    "relu": (1, lambda x: node("Relu", x, "made")),
    "clip": (1, lambda x: node("Clip", f"{x} low high", "made")),
    "lower": (1, lambda x: node("Clip", f"{x} low", "made")),
    "batch": (1, lambda x: node("BatchNormalization", f"{x} row row row positive", "made")),
    "negative": (1, lambda x: node("Neg", x, "made")),
}
KINDS |= {name: (1, lambda x, name=name: node("Add", f"{name} {x}", "made")) for name in SUMS}


@st.composite
def models(draw):
    """Mostly each node reads the one before it, so that much can be fused; some read others, or twice the same."""
    names, nodes = ["x"], []
    for i in range(draw(st.integers(1, 14))):
        count, make = KINDS[draw(st.sampled_from(sorted(KINDS)))]
        before = [names[-1], *(draw(st.sampled_from(names)) for _ in range(count - 1))]
        if draw(st.integers(0, 4)) == 0:
            before = [draw(st.sampled_from(names)) for _ in range(count)]
        made = make(*before)
        made.output[0] = f"t{i}"
        nodes.append(made)
        names.append(f"t{i}")
    outputs = {names[-1], *draw(st.lists(st.sampled_from(names[1:]), max_size=1))}
    return model(nodes, [tensor("x", ROWS, WIDTH)], [anything(name) for name in sorted(outputs)], **FLOATS)


@given(models(), st.integers(0, 2**32 - 1))
def test_programs_of_products_and_what_follows_them(built, seed):
    x = np.random.default_rng(seed).normal(size=(ROWS, WIDTH)).astype(np.float32)
    x.flat[seed % x.size] = np.float32([np.nan, np.inf, -np.inf, -0.0, 1e-45][seed % 5])
    compare(built, {"x": x})


def compare(built, inputs, threads=2):
    """Outputs and every tensor on the way."""
    program = program_of(built)
    slow, fast = Runner(program), Runner(program, Native(loader.load(), threads))
    wanted, got = slow.run(inputs), fast.run(inputs)
    for name in program.outputs:
        same_bits(got[name], wanted[name])
    records = [[], []]
    for runner, kept in zip((slow, fast), records, strict=True):
        runner.run(inputs, lambda _, made, kept=kept: kept.append([each.copy() for each in made]))
    for plain, compiled in zip(*records, strict=True):
        for one, other in zip(plain, compiled, strict=True):
            same_bits(other, one)


def groups(nodes, *outputs):
    built = model(nodes, [tensor("x", ROWS, WIDTH)], [anything(name) for name in outputs], **FLOATS)
    program = program_of(built)
    planned = plan(program, {"x": (ROWS, WIDTH)}, Native(loader.load()))
    compare(built, {"x": np.ones((ROWS, WIDTH), np.float32)})
    return [" ".join(each.operator.name for each in group) for group in planned.groups]


PRODUCT = node("MatMul", "x square", "p")


def test_a_product_and_what_follows_it_is_one_step():
    nodes = [PRODUCT, node("Add", "row p", "b"), node("Add", "b all", "c"), node("Relu", "c", "y")]
    assert groups(nodes, "y") == ["MatMul Add Add Relu"]


def test_a_sum_of_two_products_follows_one_of_them():
    nodes = [PRODUCT, node("MatMul", "x square", "q"), node("Add", "p q", "s"), node("Relu", "s", "y")]
    assert groups(nodes, "y") == ["MatMul", "MatMul Add Relu"]


@pytest.mark.parametrize(
    ("nodes", "outputs"),
    [
        ([PRODUCT, node("Relu", "p", "y")], ("p", "y")),  # an output
        ([PRODUCT, node("Relu", "p", "a"), node("Neg", "p", "b")], ("a", "b")),  # two readers
        ([PRODUCT, node("Add", "p p", "y")], ("y",)),  # the same twice
        ([PRODUCT, node("Add", "p column", "y")], ("y",)),  # no step of an epilogue
        (
            [PRODUCT, node("Cast", "x", "e", to=1), node("Clip", "p floor", "y")],
            ("y",),
        ),  # a bound that is computed
    ],
)
def test_what_others_see_or_no_step_can_do_is_not_fused(nodes, outputs):
    if "floor" in nodes[-1].input:
        nodes = [nodes[0], node("ReduceMin", "x", "floor", keepdims=0), nodes[-1]]
    assert not [group for group in groups(nodes, *outputs) if group.startswith("MatMul ")]

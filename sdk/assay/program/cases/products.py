"""Operators whose elements are chains: matrix products, convolutions, Einsum, attention, resizing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from assay.program.cases.making import Attributes, Case, anything, case, whole, wide

LARGE = (37, 45, 300)  # M, N, K: odd, and longer than what is kept in a cache at a time
SMALL = (7, 9, 67)
TINY: Attributes = {"low": -80, "end": -60}  # exponents of two whose products are subnormal


def _matrices() -> Iterator[Case]:
    m, n, k = LARGE
    yield case("MatMul", 13, wide(m, k), wide(k, n))
    yield case("MatMul", 13, wide(m, k), wide(k, n, constant=True), note="by a constant")
    yield case("MatMul", 13, wide(1, k), wide(k, n, constant=True), note="of a row")
    yield case("MatMul", 13, wide(129, 5), wide(5, 257, constant=True), note="split among threads")
    yield case("MatMul", 13, wide(67), wide(67), note="of vectors")
    yield case("MatMul", 13, wide(2, 1, 7, 67), wide(3, 67, 9), note="of many")
    yield case("MatMul", 13, wide(7, 67, **TINY), wide(67, 9, **TINY), note="subnormal")
    yield case("MatMul", 13, anything(61, 3), anything(3, 67), note="of everything")
    yield case("MatMul", 13, wide(5, 0), wide(0, 3), note="of nothing")
    for dtype in ("int32", "uint64"):
        yield case("MatMul", 13, anything(7, 67, dtype=dtype), anything(67, 9, dtype=dtype), note=dtype)
    m, n, k = SMALL
    bias = wide(n, constant=True)
    yield case("Gemm", 13, wide(m, k), wide(k, n, constant=True), bias)
    yield case("Gemm", 13, wide(m, k), wide(n, k, constant=True), bias, transB=1, note="transposed")
    yield case("Gemm", 13, wide(1, 300), wide(45, 300, constant=True), wide(45), transB=1, note="of a row")
    yield case(
        "Gemm", 13, wide(k, m), wide(n, k), wide(m, 1), transA=1, transB=1, alpha=0.3, beta=-1.7, note="factors"
    )
    yield case("Gemm", 13, wide(m, k), wide(k, n), alpha=0.3, note="without C")
    yield case("Gemm", 13, anything(61, 3), anything(3, 67), anything(67), note="of everything")


CONVOLUTIONS: dict[str, tuple[tuple[int, ...], tuple[int, ...], Attributes]] = {  # of x, of the weights
    "3 × 3": ((2, 5, 13, 11), (7, 5, 3, 3), {"pads": (1, 1, 1, 1)}),
    "strided": ((1, 3, 17, 19), (8, 3, 3, 3), {"strides": (2, 2), "pads": (1, 1, 1, 1)}),
    "dilated": ((1, 4, 13, 15), (6, 4, 3, 3), {"dilations": (2, 3), "pads": (2, 3, 2, 3)}),
    "of groups": ((1, 6, 9, 11), (9, 2, 3, 3), {"group": 3, "auto_pad": "SAME_LOWER"}),
    "depthwise": ((2, 19, 13, 15), (19, 1, 3, 3), {"group": 19, "pads": (1, 1, 1, 1)}),
    "depthwise, strided": ((1, 19, 13, 15), (19, 1, 3, 3), {"group": 19, "strides": (2, 2), "pads": (1, 1, 1, 1)}),
    "1 × 1": ((2, 67, 7, 9), (21, 67, 1, 1), {}),
    "1 × 1, strided": ((1, 19, 8, 9), (5, 19, 1, 1), {"strides": (2, 2)}),
    "5 × 3, one-sided": ((1, 3, 9, 8), (4, 3, 5, 3), {"pads": (4, 0, 0, 2), "strides": (1, 2)}),
    "1-D": ((2, 5, 67), (7, 5, 4), {"pads": (3, 0), "dilations": (2,)}),
    "3-D": ((1, 2, 5, 6, 7), (3, 2, 2, 3, 2), {"pads": (1, 1, 0, 0, 1, 1)}),
    "long": ((1, 70, 5, 7), (9, 70, 3, 3), {"auto_pad": "VALID"}),
}


def _convolutions() -> Iterator[Case]:
    for note, (x, w, how) in CONVOLUTIONS.items():
        bias = wide(w[0], constant=True)
        yield case("Conv", 22, wide(*x), wide(*w, constant=True), bias, note=note, **how)
    x, w, how = CONVOLUTIONS["strided"]
    yield case("Conv", 22, wide(*x), wide(*w), note="of computed weights", **how)
    yield case("Conv", 22, wide(*x, **TINY), wide(*w, **TINY), note="subnormal", **how)
    yield case(
        "Conv", 22, anything(2, 3, 9, 11), wide(5, 3, 3, 3), wide(5), pads=(1, 1, 1, 1), note="of everything"
    )
    x, w = (1, 6, 5, 7), (6, 2, 3, 3)
    yield case("ConvTranspose", 1, wide(*x), wide(*w), strides=(2, 2), pads=(1, 1, 1, 1))
    yield case("ConvTranspose", 22, wide(*x), wide(*w), wide(4), group=2, strides=(2, 3), output_padding=(1, 2))
    yield case("ConvTranspose", 22, wide(*x), wide(*w), dilations=(2, 1), auto_pad="SAME_UPPER", note="dilated")
    yield case("ConvTranspose", 22, wide(2, 3, 19), wide(3, 4, 5), strides=(3,), output_shape=(58,), note="1-D")


EQUATIONS = {
    "bij,bjk->bik": ((2, 5, 67), (2, 67, 3)),
    "...ij,kj": ((2, 5, 67), (3, 67)),
    "iij,j->i": ((5, 5, 9), (9,)),
    "bhqd,bhkd->bhqk": ((1, 2, 5, 9), (1, 2, 7, 9)),
    "ij->ji": ((5, 67),),
    "ij->": ((5, 67),),
}


def _equations() -> Iterator[Case]:
    for equation, shapes in EQUATIONS.items():
        yield case("Einsum", 28, *(wide(*each) for each in shapes), equation=equation, note=equation)
    yield case("Einsum", 28, wide(5, 9, dtype="float64"), equation="ij->j", note="float64")
    yield case("Einsum", 28, *(anything(9, 9, dtype="int32"),) * 2, equation="ij,jk", note="int32")
    yield case("Einsum", 28, anything(9, 3), anything(3, 9), equation="ij,jk", note="of everything")


def _attention() -> Iterator[Case]:
    q, k, v = wide(2, 4, 5, 8), wide(2, 2, 7, 8), wide(2, 2, 7, 6)
    yield case("Attention", 25, q, k, v, outputs=4)
    mask = anything(5, 7, dtype="bool")
    yield case("Attention", 25, q, k, v, mask, is_causal=1, qk_matmul_output_mode=2, outputs=4, note="masked")
    flat = wide(2, 5, 12), wide(2, 7, 12), wide(2, 7, 12)
    more: Attributes = {"q_num_heads": 3, "kv_num_heads": 3, "softcap": 2.5, "scale": 0.3}
    yield case("Attention", 25, *flat, wide(7), outputs=4, qk_matmul_output_mode=3, note="flat", **more)
    past = wide(2, 2, 3, 8), wide(2, 2, 3, 6)
    yield case("Attention", 25, q, k, v, None, *past, left_window_size=2, outputs=3, note="with a past")
    lengths = whole(2, low=0, end=8)
    yield case("Attention", 25, q, k, v, None, None, None, lengths, right_window_size=1, note="of lengths")
    yield case("Attention", 25, anything(2, 2, 5, 3), anything(2, 2, 7, 3), wide(2, 2, 7, 3), note="of everything")
    places = whole(2, 5, low=-12, end=12)
    yield case("RotaryEmbedding", 23, wide(2, 3, 5, 8), wide(2, 5, 4), wide(2, 5, 4))
    yield case(
        "RotaryEmbedding", 23, wide(2, 3, 5, 8), wide(9, 4), wide(9, 4), places, interleaved=1, note="pairs"
    )
    some: Attributes = {"num_heads": 3, "rotary_embedding_dim": 4}
    yield case("RotaryEmbedding", 23, anything(2, 5, 24), wide(9, 2), wide(9, 2), places, note="flat", **some)


def _f4(*values: float) -> Any:
    return np.array(values, np.float32)


COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")


def _resizing() -> Iterator[Case]:
    x, larger, sizes = wide(1, 2, 5, 7), _f4(1, 1, 2.3, 1.7), (1, 2, 9, 4)
    for mode in ("nearest", "linear"):
        yield case("Upsample", 7, x, scales=(1.0, 1.0, 2.3, 1.7), mode=mode, note=mode)
        yield case("Upsample", 9, x, larger, mode=mode, note=mode)
        yield case("Resize", 10, x, _f4(1, 1, 0.6, 1.7), mode=mode, note=mode)
    for version in (11, 13, 18, 19):
        yield case("Resize", version, x, None, None, sizes, mode="linear")
        yield case("Resize", version, x, None, larger, mode="cubic", exclude_outside=1, note="cubic")
    for coordinates in COORDINATES:
        how: Attributes = {"coordinate_transformation_mode": coordinates}
        for mode in ("nearest", "linear", "cubic"):
            yield case("Resize", 19, x, None, larger, mode=mode, note=f"{coordinates} {mode}", **how)
    for nearest in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        y = anything(1, 2, 5, 7, dtype="uint8")
        yield case("Resize", 19, y, None, None, sizes, nearest_mode=nearest, note=nearest)
    how = {"coordinate_transformation_mode": "tf_half_pixel_for_nn"}
    yield case("Resize", 11, x, None, larger, note="tf_half_pixel_for_nn", **how)
    how = {"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 10.5, "mode": "linear"}
    yield case("Resize", 19, x, _f4(0, 0, -0.2, 0.3, 1, 1, 0.7, 1.2), None, sizes, note="cropped", **how)
    kept: Attributes = {"axes": (2, 3), "keep_aspect_ratio_policy": "not_larger", "mode": "linear"}
    yield case("Resize", 19, anything(1, 2, 5, 7), None, None, (9, 9), note="kept in shape", **kept)


CASES = (*_matrices(), *_convolutions(), *_equations(), *_attention(), *_resizing())

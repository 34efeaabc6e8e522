"""Pixels to levels in integers: composite, colour, invert, crop, resize, scale. No floating point anywhere.

Each function is one step of docs/preprocessing.md, in its order, with its formula.
"""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from assay.errors import Refused, TooLarge
from assay.model import ImagePreprocessing
from assay.preprocessing import png
from assay.tensor import DTYPES, MAX_BYTES, Tensor

BAND = 256  # lines of a picture that are made at once
INK = 64  # a cropped picture's content: samples of at least this, after inversion
WHITE = 255
LUMA = np.array([[299], [587], [114]], np.int64)
LARGEST = {"BOOL": 1, "INT8": 127}  # every other datatype holds 0…255 exactly

Samples = NDArray[np.uint8] | NDArray[np.int64]  # (height, width, channels), each 0…255; wide to calculate with


def tensor(rule: ImagePreprocessing, datatype: str, content: bytes) -> Tensor:
    """One row of the input `rule.input`, of shape (1, …) by `rule.layout`. Raises Refused or TooLarge."""
    channels = 1 if rule.channels == "gray" else 3
    size = rule.height * rule.width * channels * DTYPES[datatype].itemsize
    if size > MAX_BYTES:
        raise TooLarge(
            "the declared picture is too large", expected=f"at most {MAX_BYTES} bytes", got=f"{size} bytes"
        )
    if rule.levels > LARGEST.get(datatype, 255):
        raise Refused("levels do not fit the datatype", expected=datatype, got=f"0 to {rule.levels}")
    levels = _levels(rule, png.decode(content))
    return Tensor.of(rule.input, _laid_out(levels, rule.layout).astype(DTYPES[datatype]))


def _levels(rule: ImagePreprocessing, pixels: NDArray[np.uint8]) -> Samples:
    samples = _channels(_on_white(pixels), rule.channels)
    if rule.invert:
        samples = WHITE - samples
    if rule.crop:
        samples = _cropped(samples)
    return _resized(samples, rule.height, rule.width, rule.levels)


def _on_white(pixels: NDArray[np.uint8]) -> Samples:
    """⌊(c·a + 255·(255 − a) + 127) / 255⌋ for each colour sample c under alpha a."""
    if int(pixels[..., 3].min()) == WHITE:  # opaque everywhere: the formula gives c
        return pixels[..., :3]
    wide = pixels.astype(np.int64)
    colour, alpha = wide[..., :3], wide[..., 3:]
    return (colour * alpha + WHITE * (255 - alpha) + 127) // 255


def _channels(rgb: Samples, channels: str) -> Samples:
    """Gray is ⌊(299·R + 587·G + 114·B + 500) / 1000⌋ (the weights of ITU-R BT.601)."""
    match channels:
        case "gray":
            gray: Samples = (np.matmul(rgb, LUMA) + 500) // 1000
            return gray
        case "bgr":
            return rgb[..., ::-1]
        case _:
            return rgb


def _cropped(samples: Samples) -> Samples:
    """The bounding box of the ink in the middle of a square of zeros; a picture without ink stays whole."""
    ink = samples.max(axis=2) >= INK
    rows, columns = np.flatnonzero(ink.max(axis=1)), np.flatnonzero(ink.max(axis=0))
    if len(rows):
        samples = samples[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width, depth = samples.shape
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side, depth), np.int64)
    square[top : top + height, left : left + width] = samples
    return square


def _resized(samples: Samples, height: int, width: int, levels: int) -> Samples:
    """Area averages, scaled from 0…255 to 0…levels, rounded half up.

    Each output sample is the exact mean of the rectangle it covers, source samples counting by the area covered:
    total ÷ area, with area = source height × source width in the units of `_sums`. The level is
    ⌊(2·levels·total + 255·area) / (2·255·area)⌋. All fits int64: 2·255·255·2^22 < 2^40.
    """
    if samples.shape[:2] == (height, width) and levels == WHITE:  # the formula gives the samples themselves
        return samples
    area = samples.shape[0] * samples.shape[1]
    levelled = np.empty((height, width, samples.shape[2]), np.uint8)
    for channel in range(samples.shape[2]):  # and in bands, so that a large picture takes little beside itself
        lines = _sums(samples[..., channel].astype(np.int64), height, axis=0)
        for at in range(0, height, BAND):
            total = _sums(lines[at : at + BAND], width, axis=1)
            levelled[at : at + BAND, :, channel] = (2 * levels * total + 255 * area) // (2 * 255 * area)
    return levelled


def _sums(samples: NDArray[np.int64], size: int, axis: int) -> NDArray[np.int64]:
    """Sums over `size` equal parts of an axis of length n, a sample wholly inside a part counting `size` times.

    In units of 1/size of a sample, part j is [j·n, (j+1)·n) and sample i is [i·size, (i+1)·size); the sum up to
    any point is a prefix sum and a part of one sample, so neither enlarging nor shrinking rounds anything.
    """
    moved = np.moveaxis(samples, axis, 0)
    nothing = np.zeros((1, *moved.shape[1:]), np.int64)
    prefix = np.concatenate([nothing, np.cumsum(moved, axis=0)])
    whole, part = np.divmod(np.arange(size + 1) * len(moved), size)
    rest = part.reshape(-1, *[1] * (moved.ndim - 1)) * np.concatenate([moved, nothing])[whole]
    return np.moveaxis(np.diff(prefix[whole] * size + rest, axis=0), 0, axis)


def _laid_out(levels: Samples, layout: str) -> Samples:
    match layout:
        case "flat":
            return levels.reshape(1, prod(levels.shape))
        case "chw":
            return levels.transpose(2, 0, 1)[np.newaxis]
        case _:
            return levels[np.newaxis]

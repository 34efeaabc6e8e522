"""DepthToSpace and SpaceToDepth, by their definition index for index."""

from itertools import product

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import operate

B, C, H, W = 2, 3, 2, 5
DEEP = np.arange(B * B * C * H * W).reshape(1, B * B * C, H, W)


@pytest.mark.parametrize(("mode", "versions"), [("DCR", (1, 11, 28)), ("CRD", (11, 28))])
def test_depth_becomes_a_block_of_rows_and_columns(mode, versions):
    for version in versions:
        attributes = {"mode": mode} if version > 1 else {}
        made = operate("DepthToSpace", DEEP, version=version, blocksize=B, **attributes)
        assert made.shape == (1, C, H * B, W * B)
        for c, y, x, i, j in product(range(C), range(H), range(W), range(B), range(B)):
            depth = (i * B + j) * C + c if mode == "DCR" else (c * B + i) * B + j
            assert made[0, c, y * B + i, x * B + j] == DEEP[0, depth, y, x]


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_and_back_again(mode):
    made = operate("DepthToSpace", DEEP, version=28, blocksize=B, mode=mode)
    assert operate("SpaceToDepth", made, version=28, blocksize=B, mode=mode).tolist() == DEEP.tolist()
    if mode == "DCR":
        assert operate("SpaceToDepth", made, version=13, blocksize=B).tolist() == DEEP.tolist()


@pytest.mark.parametrize(
    ("name", "shape", "attributes", "detail"),
    [
        ("DepthToSpace", (1, 6, 2, 2), {"blocksize": 2}, "depth"),
        ("DepthToSpace", (4, 2, 2), {"blocksize": 2}, "rank 4"),
        ("DepthToSpace", (1, 4, 2, 2), {"blocksize": 0}, "blocksize"),
        ("DepthToSpace", (1, 4, 2, 2), {"blocksize": -2}, "blocksize"),
        ("DepthToSpace", (1, 4, 2, 2), {"blocksize": 2, "mode": "RCD"}, "CRD"),
        ("SpaceToDepth", (1, 4, 2, 3), {"blocksize": 2}, "height and width"),
    ],
)
def test_what_makes_no_blocks_is_refused(name, shape, attributes, detail):
    with pytest.raises(Refused, match=detail):
        operate(name, np.zeros(shape), version=28, **attributes)

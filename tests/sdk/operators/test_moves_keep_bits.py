"""Whatever only moves keeps every bit, those of NaNs, quiet or signalling, included."""

import numpy as np
import pytest

from tests.sdk.operators.operating import bits, operate

PATTERNS = {  # quiet and signalling NaNs of either sign with payloads, zeros, infinities, the least of subnormals
    np.float16: np.uint16([0x7E01, 0xFE01, 0x7C01, 0xFC01, 0x8000, 0x0000, 0x7C00, 0x0001]),
    np.float32: np.uint32([0x7FC00001, 0xFFC12345, 0x7F800001, 0xFF8ABCDE, 0x80000000, 0, 0xFF800000, 0x00000001]),
    np.float64: np.uint64(
        [
            0x7FF8000000000001,
            0xFFF8000000012345,
            0x7FF0000000000001,
            0xFFF0000000ABCDEF,
            1 << 63,
            0,
            0xFFF << 52,
            1,
        ]
    ),
}


def int64s(*values):
    return np.array(values, np.int64)


MOVES = {  # of eight elements: what they are given besides, attributes, and the patterns that come out
    ("Identity", 25): ((), {}, range(8)),
    ("Reshape", 25): ((int64s(2, 4),), {}, range(8)),
    ("Flatten", 25): ((), {"axis": 0}, range(8)),
    ("Squeeze", 25): ((), {}, range(8)),
    ("Unsqueeze", 25): ((int64s(0),), {}, range(8)),
    ("Transpose", 25): ((), {}, range(8)),
    ("Slice", 13): ((int64s(7), int64s(-9), int64s(0), int64s(-1)), {}, range(7, -1, -1)),
    ("Expand", 13): ((int64s(2, 1),), {}, [*range(8), *range(8)]),
    ("Tile", 13): ((int64s(2),), {}, [*range(8), *range(8)]),
    ("Pad", 25): ((int64s(1, 1),), {"mode": "wrap"}, [7, *range(8), 0]),
    ("CenterCropPad", 18): ((int64s(4),), {}, [2, 3, 4, 5]),
    ("Gather", 13): ((int64s(3, -6),), {}, [3, 2]),
    ("GatherElements", 13): ((int64s(3, -6),), {}, [3, 2]),
    ("GatherND", 13): ((int64s(3, -6)[:, None],), {}, [3, 2]),
    ("Resize", 19): ((None, np.float32([2]), None), {}, np.repeat(range(8), 2)),
    ("Upsample", 9): ((np.float32([2]),), {}, np.repeat(range(8), 2)),
}


@pytest.mark.parametrize("dtype", PATTERNS)
@pytest.mark.parametrize(("name", "version"), MOVES)
def test_what_moves_keeps_every_bit(name, version, dtype):
    given, attributes, places = MOVES[name, version]
    x = PATTERNS[dtype].view(dtype)
    made = operate(name, x, *given, version=version, constant=range(1, 5), **attributes)
    assert bits(made.ravel()) == PATTERNS[dtype][list(places)].tolist()


@pytest.mark.parametrize("dtype", PATTERNS)
def test_so_does_what_is_joined_split_put_or_filled_in(dtype):
    x = PATTERNS[dtype].view(dtype)
    zero, all_of_it = np.zeros(8, dtype), PATTERNS[dtype].tolist()
    assert bits(operate("Concat", x[:3], x[3:], version=13, axis=0)) == all_of_it
    parts = operate("Split", x, version=13, outputs=2)
    assert bits(np.concatenate([part.view(PATTERNS[dtype].dtype) for part in parts])) == all_of_it
    assert bits(operate("ScatterElements", zero, np.arange(8), x, version=18)) == all_of_it
    assert bits(operate("ScatterND", zero, np.arange(8)[:, None], x, version=18)) == all_of_it
    assert bits(operate("ReverseSequence", x[:, None], int64s(8), version=10).ravel()) == all_of_it[::-1]
    assert (
        bits(operate("DepthToSpace", x.reshape(1, 4, 2, 1), version=13, blocksize=2))[0][0][0]
        == all_of_it[0::2][:2]
    )
    for pattern, value in zip(all_of_it, x, strict=True):
        made = operate("Pad", zero[:1], int64s(1, 0), np.array(value), version=13, constant=(1,))
        assert bits(made) == [pattern, 0]

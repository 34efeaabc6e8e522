"""Elementary functions: close to the truth, the same bits for ever."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import numpy as np
import pytest

from assay.operators import angles, arithmetic, functions
from tests.sdk import exactly

ONE = {
    "exp": Decimal.exp,
    "log": Decimal.ln,
    "tanh": exactly.tanh,
    "erf": exactly.erf,
    "sigmoid": exactly.sigmoid,
    "softplus": exactly.softplus,
    "sin": exactly.sin,
    "cos": exactly.cos,
    "tan": exactly.tan,
    "asin": exactly.asin,
    "acos": exactly.acos,
    "atan": exactly.atan,
    "sinh": exactly.sinh,
    "cosh": exactly.cosh,
    "asinh": exactly.asinh,
    "acosh": exactly.acosh,
    "atanh": exactly.atanh,
}
WITHIN = {
    "exp": (-103, 88),
    "log": (1e-45, 3.4e38),
    "erf": (-4, 4),
    "tanh": (-10, 10),
    "asin": (-1, 1),
    "acos": (-1, 1),
    "acosh": (1, 3.4e38),
    "atanh": (-0.9999999, 0.9999999),
}
NAN = 0x7FC00000


def function(name):
    return getattr(angles if hasattr(angles, name) else functions, name)


def bits(x):
    return np.asarray(x).view(np.uint32).tolist()


def arguments(name):
    """Of all sizes, in the function's domain, where its value is neither 0 nor infinite."""
    random = np.random.default_rng(6)
    low, high = WITHIN.get(name, (-80, 80))
    every = random.normal(size=150) * 2.0 ** random.integers(-40, 6, 150)
    near = np.concatenate([every, 1 + random.normal(size=50) * 2.0 ** random.integers(-23, -1, 50)])
    x = np.abs(near) if low > 0 else near
    return np.clip(x, low, high).astype(np.float32)


@pytest.mark.parametrize("name", ONE)
def test_a_function_is_within_half_a_unit_and_a_little(name):
    x = arguments(name)
    for each, got in zip(x, function(name)(x), strict=True):
        assert exactly.off_by(got, ONE[name], each) < 0.501, each


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_angles_of_any_size(name):
    x = np.float32([2.0**20 - 0.0625, 2.0**20, -(2.0**20), 16367173 * 2.0**72, -1e30, 3.4028234663852886e38])
    with np.errstate(all="raise"):
        values = function(name)(x)
    for each, got in zip(x, values, strict=True):
        assert exactly.off_by(got, ONE[name], each) < 0.501, each


def test_large_angles_are_brought_into_their_quadrant_exactly():
    random = np.random.default_rng(9)
    m, e = random.integers(2**23, 2**24, 500), random.integers(-3, 105, 500)
    digits = [
        int(m) * angles.TWO_OVER_PI_INTEGER * 2 ** (int(e) + 3) // 2**197 % 2**64
        for m, e in zip(m, e, strict=True)
    ]
    assert angles._times_two_over_pi(m.astype(np.uint64), e).tolist() == digits


def test_large_angles_in_any_number():
    x = (np.arange(2 * angles.BLOCK + 3, dtype=np.uint32) * 3_001 + 0x49800000).view(np.float32)
    at = [5, angles.BLOCK + 1, 2 * angles.BLOCK]
    assert bits(angles.sin(x)) == [each for part in np.split(x, at) for each in bits(angles.sin(part))]


def test_a_power_is_within_half_a_unit_and_a_little():
    random = np.random.default_rng(7)
    x = np.abs(random.normal(size=200) * 2.0 ** random.integers(-8, 8, 200)).astype(np.float32)
    y = random.normal(scale=3, size=200).astype(np.float32)
    for base, exponent, got in zip(x, y, functions.power(x, y), strict=True):
        assert exactly.off_by(got, exactly.power, base, exponent) < 0.501, (base, exponent)


INF = np.inf
SPECIAL = {  # x, f(x), x, f(x), …
    "exp": (INF, INF, -INF, 0, 88.8, INF, -104, 0, -103, 1e-45, 0, 1, -0.0, 1),
    "log": (INF, INF, 0, -INF, -0.0, -INF, -1, np.nan, -INF, np.nan, 1, 0),
    "tanh": (INF, 1, -INF, -1, 0, 0, -0.0, -0.0, 1e-45, 1e-45),
    "erf": (INF, 1, -INF, -1, 0, 0, -0.0, -0.0, 4, 1, -4, -1),
    "sigmoid": (INF, 1, -INF, 0, 0, 0.5, -110, 0, 110, 1),
    "softplus": (INF, INF, -INF, 0, 200, 200, -200, 0),
    "sin": (INF, np.nan, -INF, np.nan, 0, 0, -0.0, -0.0),
    "cos": (INF, np.nan, -INF, np.nan, 0, 1, -0.0, 1),
    "tan": (INF, np.nan, -INF, np.nan, 0, 0, -0.0, -0.0, 1e-45, 1e-45),
    "asin": (1, 1.5707964, -1, -1.5707964, 1.0000001, np.nan, -INF, np.nan, 0, 0, -0.0, -0.0, -1e-45, -1e-45),
    "acos": (
        1,
        0,
        -1,
        3.1415927,
        1.0000001,
        np.nan,
        -1.0000001,
        np.nan,
        INF,
        np.nan,
        0,
        1.5707964,
        -0.0,
        1.5707964,
    ),
    "atan": (INF, 1.5707964, -INF, -1.5707964, 1, 0.7853982, 0, 0, -0.0, -0.0, 1e-45, 1e-45),
    "sinh": (INF, INF, -INF, -INF, 90, INF, -90, -INF, 0, 0, -0.0, -0.0, -1e-45, -1e-45),
    "cosh": (INF, INF, -INF, INF, 90, INF, -90, INF, 0, 1, -0.0, 1),
    "asinh": (INF, INF, -INF, -INF, 0, 0, -0.0, -0.0, 1e-45, 1e-45),
    "acosh": (INF, INF, -INF, np.nan, 1, 0, 0.9999999, np.nan, -3, np.nan, 0, np.nan),
    "atanh": (1, INF, -1, -INF, 1.0000001, np.nan, -INF, np.nan, 0, 0, -0.0, -0.0, -1e-45, -1e-45),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_at_the_edges(name):
    pairs = np.float32([*SPECIAL[name], np.nan, np.nan]).reshape(-1, 2)
    got = function(name)(pairs[:, 0])
    assert bits(got) == bits(arithmetic.canonical(pairs[:, 1]))


@pytest.mark.parametrize(
    ("x", "y", "want"),
    [
        *((np.nan, 0, 1), (1, np.nan, 1), (-INF, -0.0, 1), (np.nan, 1, np.nan), (2, np.nan, np.nan)),
        *((-2, 3, -8), (-2, 2, 4), (-2, 0.5, np.nan), (-2, -1, -0.5), (-1, INF, 1), (-1, -INF, 1)),
        *((0, -1, INF), (-0.0, -1, -INF), (-0.0, 3, -0.0), (-0.0, 0.5, 0), (0, 3, 0), (-0.0, -0.5, INF)),
        *((INF, 2, INF), (INF, -1, 0), (-INF, 3, -INF), (-INF, -3, -0.0), (-INF, 0.5, INF), (-INF, 4, INF)),
        *((0.5, INF, 0), (0.5, -INF, INF), (2, INF, INF), (2, -INF, 0), (-2, 2.0**24, INF), (-1, 2.0**24 - 1, -1)),
        (3e38, 2, INF),
    ],
)
def test_powers_at_the_edges(x, y, want):
    got = functions.power(np.float32([x]), np.float32([y]))
    assert bits(got) == ([NAN] if np.isnan(want) else bits(np.float32([want])))


def test_the_square_is_a_product():
    x = np.random.default_rng(8).normal(size=1000).astype(np.float32)
    assert bits(functions.power(x, np.float32(2))) == bits(x * x)


DIGESTS = {
    "exp": "132c8782521d9a3650fd267a4a6a9a53cf7d45a569a3018cfb6fa80e5ef9977d",
    "log": "5de1fcfe2f197d68ef498cc41bb9449f5d957f3d88fa55c11b6065471d68ad55",
    "tanh": "d5bba5feeb731ad7ca2190def2dbad127aa5bc2c21e5e093c71e63574312fe95",
    "erf": "0a24df4e09af5025f1eddffa534e5c32bd43bf5f7346d849b8d2ce98c85af59c",
    "sigmoid": "4cd5725a2f6571a9b2dd5cd18afa52236c59db7c54c855fa702a11c5cb7d52b8",
    "softplus": "22c976c2a64d2cc9870a2cecead2d77aeb5f1fd43fb75e50a2d22ae5c24e088c",
    "sin": "45d2b41db0a097f6d8fb150f5df193b3c9011e4cd8303a18b22ac0dcb8bc7a76",
    "cos": "f4ae23b17d3c328231503e327f3ea99e9b4518c488b548e8a0d0f05686c812b9",
    "tan": "e2480103035e409ae6bfa9122bbfbd3fee724999f31f40072f670c77ea6c87a6",
    "asin": "5616e3df9b730505976675c3ff42dd94388f68bbd327f7d326b02d1366020555",
    "acos": "2d2768c1d2c67dcf558d17012b77a74aa51426d2729649108351960f0b9647e3",
    "atan": "4bf294ba318f87b69d585832be867316999f50df48931c3192b22917bb53941c",
    "sinh": "ee454ac8f98949e7db9e87b792fa68fcac5dd0671ae60c8abbe9d236d27eee46",
    "cosh": "8069830630da30f265f52852fdf7d0d6e5ec8cb802c5f3b08ba31d9ce90f19e1",
    "asinh": "dc86f72a7c2d41b540990c14c33a6172ff3db71a7a29116cc4210b9f6ebb1b19",
    "acosh": "1a14fbbf285292dbd2ea34314cefe3797776ab64e04146d88b2cb0f1bc127e04",
    "atanh": "8a55c36ae719172cc96c472fe231e52b6758df834ab4cfa9bbfb803387af16ca",
    "power": "24dcaec9b8a49c1ee76a1e969163fd97e5d45a58352978947ee40a269bfefd1f",
}


@pytest.mark.parametrize("name", [*ONE, "power"])
def test_the_bits_are_those_of_the_specification(name):
    """Of 65,536 floats of every kind. A digest that changes is another version of the specification."""
    every = (np.arange(2**16, dtype=np.uint32) * 65_537 + 12_345).view(np.float32)
    given = (every, every[::-1].copy()) if name == "power" else (every,)
    assert hashlib.sha256(function(name)(*given).astype("<f4").tobytes()).hexdigest() == DIGESTS[name]

"""A second reader of docs/vectors/operators.json, after its README.md alone: plain integers and bytes.

NumPy holds what was made; nothing of `assay.program.cases` is used.
"""

import hashlib
import json
from math import prod
from pathlib import Path

import numpy as np

DOCUMENT = json.loads(Path("docs/vectors/operators.json").read_text("utf-8"))
FLOATS = {"float16": (10, 15), "float32": (23, 127), "float64": (52, 1023)}  # bits of the fraction, bias


def inputs(case):
    """Arrays, with None for what is left out."""
    return [given and _input(given, f"{case['name']}/{i}") for i, given in enumerate(case["inputs"])]


def constants(case):
    return {i for i, given in enumerate(case["inputs"]) if given and ("bytes" in given or "constant" in given)}


def attributes(case):
    return {name: _attribute(value) for name, value in case.get("attributes", {}).items()}


def _attribute(value):
    if isinstance(value, dict):
        return _array(bytes.fromhex(value["bytes"]), value)
    if isinstance(value, list):
        return tuple(_attribute(each) for each in value)
    return float("nan") if value == "nan" else value


def _input(given, seed):
    if "bytes" in given:
        return _array(bytes.fromhex(given["bytes"]), given)
    count, width = prod(given["shape"]), np.dtype(given["dtype"]).itemsize
    stream = hashlib.shake_128(seed.encode("utf-8"))
    made = {"any": _any, "wide": _wide, "positive": _wide, "range": _range}[given["kind"]](
        given, count, width, stream
    )
    return _array(b"".join(each.to_bytes(width, "little") for each in made), given)


def _array(content, given):
    return np.frombuffer(content, given["dtype"]).reshape(given["shape"])


def _numbers(content, width):
    return [int.from_bytes(content[i : i + width], "little") for i in range(0, len(content), width)]


def _any(given, count, width, stream):
    content = stream.digest(count * (width + 1))
    made = _numbers(content[: count * width], width)
    if given["dtype"] == "bool":
        return [each > 127 for each in made]
    special, used = _special(given["dtype"], width), 0
    for i, byte in enumerate(content[count * width :]):
        if byte < 64:
            made[i] = special[used % len(special)]
            used += 1
    return made


def _special(dtype, width):
    if dtype in DOCUMENT["special"]:
        return [int(each, 16) for each in DOCUMENT["special"][dtype]]
    highest = 1 << (8 * width - 1)
    return [0, 1, 2, 2 * highest - 1, highest, highest - 1]


def _wide(given, count, width, stream):
    fraction, bias = FLOATS[given["dtype"]]
    top = 8 * width - 1
    for bits in _numbers(stream.digest(count * width), width):
        field = (bits & ~(1 << top)) >> fraction
        exponent = given["low"] + field % (given["end"] - given["low"])
        sign = bits >> top if given["kind"] == "wide" else 0
        yield sign << top | (exponent + bias) << fraction | bits & ((1 << fraction) - 1)


def _range(given, count, width, stream):
    dtype = np.dtype(given["dtype"])
    for number in _numbers(stream.digest(count * 4), 4):
        value = given["low"] + number % (given["end"] - given["low"])
        yield int.from_bytes(np.array(value, dtype).tobytes(), "little")

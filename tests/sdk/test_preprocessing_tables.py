"""Table rows and tensors in JSON: rounded once and correctly, columns by name, everything else refused by name."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import oip
from assay.errors import Refused
from assay.model import Field, Interface, NoPreprocessing, Port, RowPreprocessing
from assay.preprocessing import CSV, JSON, PNG, from_payload, preprocess, to_payload
from assay.preprocessing.decimals import convert
from assay.tensor import DTYPES, Tensor

ROW = RowPreprocessing("row", (Field("mean radius", "mm"), Field("area"), Field("code")))


def interface(datatype="FP64", rule=ROW, shape=(-1, 3)):
    return Interface(
        task="regression",
        inputs=(Port("row", datatype, shape),),
        outputs=(Port("y", "FP32", (-1,)),),
        labels=(),
        preprocessing=rule,
    )


def rows(content: str, content_type=JSON, **port):
    encoded = content if isinstance(content, bytes) else content.encode()
    (only,) = preprocess(interface(**port), encoded, content_type)
    assert from_payload(interface(**port), to_payload(encoded, content_type)) == (only,)
    return only.array().tolist()


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        ('{"area": 2.5, "code": "-1e2", "mean radius": 0.1}', JSON),
        ("[0.1, 2.5, -100]", JSON),
        ("[[0.1, 2.5, -100.0]]", JSON),
        ('[{"area": "2.5", "code": -100, "mean radius": ".1"}]', JSON),
        ("area,code,mean radius\n2.5,-100,0.1\n", CSV),
        ('\ufeff"mean radius", code ,area\r\n0.1, -100 ,2.5\r\n\r\n', CSV),
    ],
)
def test_a_row_means_the_same_however_it_is_written(content, content_type):
    assert rows(content, content_type) == [[0.1, 2.5, -100.0]]


def test_several_rows_become_one_tensor():
    assert rows("[[1,2,3],[4,5,6]]") == rows("mean radius,area,code\n1,2,3\n4,5,6", CSV) == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        ('{"area": 1, "code": 1}', "", "missing: 'mean radius'"),
        ('{"area": 1, "code": 1, "mean radius": 1, "colour": 1}', "", "unknown: 'colour'"),
        ('[[1,2,3],{"area": 1, "code": 1, "radius": 1}]', "/1", "missing: 'mean radius'; unknown: 'radius'"),
        ('{"area": 1, "area": 1, "code": 1, "mean radius": 1}', "", "given twice"),
        ("[1, 2]", "", "2"),
        ("[1, 2, NaN]", "/0/code", "nan"),
        ("[1, 2, Infinity]", "/0/code", "inf"),
        ('[1, 2, "0x10"]', "/0/code", "0x10"),
        ('[1, 2, "1_000"]', "/0/code", "1_000"),
        ('[1, 2, "١"]', "/0/code", "١"),
        ("[1, 2, 1e999999999]", "/0/code", "1e999999999"),
        ("[1, 2, 1e309]", "/0/code", "1e309"),
        ("[1, 2, true]", "/2", "bool"),
        ("[1, 2, null]", "/2", "NoneType"),
        ("[]", "", "0"),
        ("3", "", "str"),
        ("{", "", ""),
        ("[" * 100_000, "", ""),
        ('{"inputs": [' + "9" * 5000 + "]}", "", "digits"),
        ("\udcff".encode("utf-8", "surrogateescape"), "", "utf-8"),
    ],
)
def test_a_wrong_row_is_refused_naming_row_and_field(content, where, what):
    with pytest.raises(Refused) as refusal:
        rows(content)
    assert refusal.value.pointer == where
    assert what in refusal.value.got


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("", ""),
        ("mean radius,area,code", ""),
        ("mean radius,area\n1,2", "line 1"),
        ("mean radius,area,code,code\n1,2,3,4", "line 1"),
        ("mean radius,area,code\n1,2", "line 2"),
        ("mean radius,area,code\n\n1,2,3,4", "line 3"),
        ("mean radius,area,code\n1,2,", "/0/code"),
        ('mean radius,area,code\n1,2,"3', ""),
    ],
)
def test_wrong_csv_is_refused_naming_the_line(content, where):
    with pytest.raises(Refused) as refusal:
        rows(content, CSV)
    assert refusal.value.pointer == where


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-65519, max_value=65519)
    | st.floats(-65504, 65504, width=16).map(lambda x: Fraction(x) + Fraction(1, 2**26)).map(float)
    | st.floats(-65504, 65504, width=32),
    st.sampled_from(["FP16", "FP32", "FP64"]),
)
def test_a_decimal_becomes_the_nearest_number_of_the_datatype_ties_to_even(number, datatype):
    text = str(number)
    value = convert(text, datatype)
    exact, dtype = Fraction(text), DTYPES[datatype]
    assert math.copysign(1, value) == 1 or value < 0  # no negative zero
    with np.errstate(over="ignore"):
        others = [np.nextafter(value, dtype.type(end)) for end in (-np.inf, np.inf)]
    for other in (each for each in others if np.isfinite(each)):
        distance, otherwise = abs(Fraction(float(value)) - exact), abs(Fraction(float(other)) - exact)
        assert distance < otherwise or (distance == otherwise and int(value.view(f"u{dtype.itemsize}")) % 2 == 0)


def test_a_decimal_is_not_rounded_twice():
    # just above the middle of two neighbours in FP32: a double drops the last digit and then ties to even
    text = str(1 + 2**-24) + "00000000000000000001"
    assert float(np.float32(float(text))) == 1.0
    assert float(convert(text, "FP32")) == 1 + 2**-23


@pytest.mark.parametrize(
    ("text", "datatype", "accepted"),
    [
        ("255", "UINT8", True),
        ("256", "UINT8", False),
        ("-1", "UINT8", False),
        ("1.0", "INT64", True),
        ("1.5", "INT64", False),
        ("18446744073709551615", "UINT64", True),
        ("18446744073709551616", "UINT64", False),
        ("65504", "FP16", True),
        ("65519.999", "FP16", True),  # less than half a step beyond the largest
        ("65520", "FP16", False),
        ("3.4028235e38", "FP32", True),
        ("3.4028236e38", "FP32", False),
        ("-1.7976931348623158e308", "FP64", True),
        ("-1.797693134862316e308", "FP64", False),
        ("1e-400", "FP64", True),
        ("0e400", "FP64", True),
        ("2", "BOOL", False),
        ("1", "BOOL", True),
    ],
)
def test_a_number_outside_the_datatype_is_refused(text, datatype, accepted):
    if accepted:
        assert Tensor.of("x", np.array([convert(text, datatype)])).datatype == datatype
    else:
        with pytest.raises(Refused):
            convert(text, datatype)


@given(st.data())
def test_a_tensor_survives_json(data):
    datatype = data.draw(st.sampled_from(sorted(DTYPES)))
    shape = data.draw(st.lists(st.integers(0, 3), max_size=3))
    dtype = DTYPES[datatype]
    raw = data.draw(
        st.binary(min_size=math.prod(shape) * dtype.itemsize, max_size=math.prod(shape) * dtype.itemsize)
    )
    array = np.frombuffer(raw, dtype).reshape(shape)
    if dtype.kind == "b":
        array = np.frombuffer(raw, "u1").reshape(shape) % 2 == 1
    if dtype.kind == "f":
        array = np.where(np.isfinite(array), array, dtype.type(0)).astype(dtype)
    tensor = Tensor.of("x", array)
    flat = json.loads(json.dumps(oip.to_json(tensor)))
    assert oip.from_json(flat) == tensor
    with mock.patch.object(oip, "PIECE", 4):
        assert json.loads(bytes(oip.data_to_json(tensor))) == flat["data"]
    assert oip.from_json(flat | {"data": json.loads(json.dumps(array.tolist()))} if shape else flat) == tensor


X = {"name": "row", "datatype": "FP32", "shape": [1, 3], "data": [1, 2.5, 3]}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"data": [1, 2]}, "/inputs/0/data"),
        ({"data": [[1, 2]]}, "/inputs/0/data/0"),
        ({"data": [[1, 2, 3], 4]}, "/inputs/0/data"),
        ({"data": [1, 2, "3"]}, "/inputs/0/data/2"),
        ({"data": [1, 2, True]}, "/inputs/0/data/2"),
        ({"data": [1, 2, None]}, "/inputs/0/data/2"),
        ({"data": [1, float("nan"), 3]}, "/inputs/0/data/1"),
        ({"data": [1, float("inf"), 3]}, "/inputs/0/data/1"),
        ({"data": [1, 2, 1e39]}, "/inputs/0/data/2"),
        ({"data": [1, 2, 10**400]}, "/inputs/0/data/2"),
        ({"datatype": "INT64"}, "/inputs/0/data/1"),
        ({"datatype": "UINT8", "data": [1, 2, 256]}, "/inputs/0/data/2"),
        ({"datatype": "BOOL", "data": [1, 0, 1]}, "/inputs/0/data/0"),
        ({"datatype": "FP8"}, "/inputs/0/datatype"),
        ({"datatype": "BYTES"}, "/inputs/0/datatype"),
        ({"shape": [-1, 3]}, "/inputs/0/shape/0"),
        ({"shape": [2**31 - 1, 3]}, "/inputs/0/shape"),
        ({"shape": [3, 1]}, "/inputs/0/shape"),
        ({"shape": "13"}, "/inputs/0/shape"),
        ({"name": ""}, "/inputs/0/name"),
        ({"parameters": {}}, "/inputs/0"),
        ({"datatype": "FP64"}, "/inputs/0/datatype"),
    ],
)
def test_a_wrong_tensor_is_refused_naming_the_element(change, where):
    with pytest.raises(Refused) as refusal:
        from_payload(interface("FP32"), [X | change])
    assert refusal.value.pointer == where


def test_tensors_and_contents_of_a_request_mean_the_same():
    by_tensor = from_payload(interface("FP32"), [X])
    row = {"mean radius": 1, "area": 2.5, "code": 3}
    by_row = from_payload(interface("FP32"), [{"name": "row", "content_type": JSON, "content": row}])
    by_csv = from_payload(
        interface("FP32"),
        [{"content_type": CSV, "content": "mean radius,area,code\n1,2.5,3"}],
    )
    by_file = preprocess(interface("FP32"), json.dumps({"inputs": [X]}).encode(), JSON)
    assert by_tensor == by_row == by_csv == by_file


@pytest.mark.parametrize(
    ("inputs", "where"),
    [
        ({}, "/inputs"),
        ([], "/inputs"),
        ([X] * 17, "/inputs"),
        ([X, X], "/inputs"),
        ([1], "/inputs/0"),
        ([{"name": "row", "content_type": JSON}], "/inputs/0"),
        ([{"content_type": JSON, "content": [1, 2, 3], "unit": "mm"}], "/inputs/0"),
        ([{"name": "x", "content_type": JSON, "content": [1, 2, 3]}], "/inputs/0/name"),
        ([{"name": "row", "content_type": PNG, "content": "AAAA"}], "/inputs/0/content"),
        ([{"name": "row", "content_type": PNG, "content": "?"}], "/inputs/0/content"),
        ([{"name": "row", "content_type": CSV, "content": 5}], "/inputs/0/content"),
        ([{"name": "row", "content_type": {}, "content": "x"}], "/inputs/0/content"),
        ([{"name": "row", "content_type": "image/gif", "content": "x"}], "/inputs/0/content"),
        ([{"name": "row", "content_type": JSON, "content": [1, 2, {}]}], "/inputs/0/content/2"),
    ],
)
def test_a_wrong_request_is_refused_naming_the_place(inputs, where):
    with pytest.raises(Refused) as refusal:
        from_payload(interface("FP32"), inputs)
    assert refusal.value.pointer == where


@pytest.mark.parametrize("content_type", [PNG, CSV, JSON])
def test_a_model_that_takes_tensors_says_so(content_type):
    with pytest.raises(Refused, match="tensors") as refusal:
        preprocess(interface(rule=NoPreprocessing()), b"[1,2,3]", content_type)
    assert refusal.value.code == "unsupported-content"

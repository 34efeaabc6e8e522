"""Pictures to tensors: exact against rational arithmetic, faithful to the data set, closed to damaged files."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

from assay.errors import Refused, TooLarge
from assay.model import ImagePreprocessing, Interface, Port
from assay.preprocessing import from_payload, preprocess
from assay.preprocessing.image import _resized
from assay.preprocessing.png import MAX_BYTES, MAX_SIDE, decode


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, raw, *, depth=8, colour=0, interlace=0, before=b"", stream=None, after=b""):
    """A PNG written by hand, so that it can be wrong in one place."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    data = zlib.compress(raw) if stream is None else stream
    parts = [chunk(b"IHDR", header), before, chunk(b"IDAT", data), chunk(b"IEND", b""), after]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def saved(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def interface(rule: ImagePreprocessing, datatype="FP32", shape=(-1, 64)) -> Interface:
    return Interface(
        task="classification",
        inputs=(Port("image", datatype, shape),),
        outputs=(Port("label", "INT64", (-1,)),),
        labels=(),
        preprocessing=rule,
    )


DIGITS = ImagePreprocessing("image", 8, 8, invert=True, levels=16)
DRAWN = ImagePreprocessing("image", 8, 8, invert=True, crop=True, levels=16)


def tensor(rule, content, **port):
    (only,) = preprocess(interface(rule, **port), content, "image/png")
    return only.array()


def test_every_digit_of_the_data_set_comes_back_exactly_from_its_picture():
    digits = load_digits().data
    for digit in digits:
        gray = 255 - np.round(digit.reshape(8, 8) * 255 / 16).astype(np.uint8)
        content = saved(Image.fromarray(gray))
        assert (tensor(DIGITS, content) == digit.astype(np.float32)).all()


@pytest.mark.parametrize("mode", ["white", "transparent", "palette"])
def test_a_drawn_digit_comes_out_as_the_data_set_makes_them_by_counting_ink_in_blocks(mode):
    canvas = Image.new("RGBA", (280, 280), (0, 0, 0, 0) if mode == "transparent" else (255, 255, 255, 255))
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((110, 60, 149, 219), fill=(0, 0, 0, 255))  # a bar of 40 × 160, off the middle
    drawn = canvas.convert("P") if mode == "palette" else canvas
    bitmap = np.zeros((32, 32), int)  # what a 32 × 32 bitmap of the box, padded to a square, holds
    bitmap[:, 12:20] = 1
    counted = bitmap.reshape(8, 4, 8, 4).sum(axis=(1, 3))
    assert (tensor(DRAWN, saved(drawn)).reshape(8, 8) == counted).all()


def test_a_blank_picture_is_all_paper():
    assert not tensor(DRAWN, saved(Image.new("L", (280, 200), 255))).any()


def test_ink_fainter_than_the_threshold_does_not_count_for_the_crop():
    gray = np.full((64, 64), 255, np.uint8)
    gray[0, 0] = 255 - 63
    gray[16:48, 16:48] = 0
    assert (tensor(DRAWN, saved(Image.fromarray(gray))) == 16).all()
    gray[0, 0] = 255 - 64
    assert not (tensor(DRAWN, saved(Image.fromarray(gray))) == 16).all()


@given(
    samples=arrays(np.int64, st.tuples(*[st.integers(1, 7)] * 2, st.just(1)), elements=st.integers(0, 255)),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    levels=st.integers(1, 255),
)
def test_a_resize_is_the_exact_area_average_rounded_half_up(samples, height, width, levels):
    result = _resized(samples, height, width, levels)
    source_height, source_width = samples.shape[:2]
    for row in range(height):
        for column in range(width):
            total = sum(
                overlap(y, row, source_height, height)
                * overlap(x, column, source_width, width)
                * int(samples[y, x, 0])
                for y in range(source_height)
                for x in range(source_width)
            )
            mean = total * height * width / (source_height * source_width)
            assert result[row, column, 0] == (mean * levels / 255 + Fraction(1, 2)) // 1


def overlap(sample: int, part: int, length: int, size: int) -> Fraction:
    """Of source sample [sample, sample + 1), the length inside the part-th of `size` equal parts of `length`."""
    start, end = Fraction(part * length, size), Fraction((part + 1) * length, size)
    return max(Fraction(0), min(end, Fraction(sample + 1)) - max(start, Fraction(sample)))


@given(
    pixels=arrays(np.uint8, st.tuples(*[st.integers(1, 6)] * 2, st.just(4))),
    channels=st.sampled_from(["gray", "rgb", "bgr"]),
    invert=st.booleans(),
    layout=st.sampled_from(["flat", "hwc", "chw"]),
)
def test_every_colour_and_layout_follows_the_formulas(pixels, channels, invert, layout):
    height, width = pixels.shape[:2]
    expected = []
    for red, green, blue, alpha in pixels.reshape(-1, 4).tolist():
        seen = [round(Fraction(c * alpha + 255 * (255 - alpha), 255)) for c in (red, green, blue)]
        luma = (299 * seen[0] + 587 * seen[1] + 114 * seen[2]) * Fraction(1, 1000)
        gray = [int((luma + Fraction(1, 2)) // 1)]
        chosen = {"gray": gray, "rgb": seen, "bgr": seen[::-1]}[channels]
        expected.append([255 - value if invert else value for value in chosen])
    count = len(expected[0])
    array = np.array(expected).reshape(height, width, count)
    shapes = {
        "flat": array.reshape(1, -1),
        "hwc": array[np.newaxis],
        "chw": array.transpose(2, 0, 1)[np.newaxis],
    }
    rule = ImagePreprocessing("image", height, width, channels=channels, invert=invert, layout=layout)
    shape = shapes[layout].shape
    result = tensor(rule, saved(Image.fromarray(pixels, "RGBA")), datatype="UINT8", shape=shape)
    assert (result == shapes[layout]).all()


RAW = b"\0\x10\x20\x30" * 3


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"GIF89a" + bytes(40), id="another format"),
        pytest.param(png(3, 3, RAW)[:-1], id="truncated"),
        pytest.param(png(3, 3, RAW)[:40], id="truncated in the data"),
        pytest.param(png(3, 3, RAW, after=b"x"), id="bytes after the end"),
        pytest.param(png(3, 3, RAW).replace(b"IDAT", b"IDAU"), id="wrong checksum"),
        pytest.param(png(3, 3, RAW[:-1]), id="data too short"),
        pytest.param(png(3, 3, RAW + b"x"), id="data too long"),
        pytest.param(png(3, 3, RAW, stream=zlib.compress(RAW)[:-4]), id="stream without its checksum"),
        pytest.param(png(3, 3, RAW, stream=zlib.compress(RAW) + b"x"), id="bytes after the stream"),
        pytest.param(png(3, 3, b"\x09\x10\x20\x30" * 3), id="unknown line filter"),
        pytest.param(png(3, 3, RAW, before=chunk(b"acTL", bytes(8))), id="animated"),
        pytest.param(png(3, 3, RAW, before=chunk(b"ABCD", b"")), id="unknown critical chunk"),
        pytest.param(png(3, 3, b"\0" + bytes(6), depth=16), id="16 bits"),
        pytest.param(png(3, 3, RAW, interlace=1), id="interlaced"),
        pytest.param(png(0, 3, b""), id="no width"),
        pytest.param(png(MAX_SIDE + 1, 1, bytes(MAX_SIDE + 2)), id="too wide"),
        pytest.param(png(60_000, 60_000, b""), id="bomb by header"),
        pytest.param(png(4, 1, b"\0\x1b", depth=2, colour=3), id="palette missing"),
        pytest.param(
            png(4, 1, b"\0\x1b", depth=2, colour=3, before=chunk(b"PLTE", bytes(9))),
            id="colour not in the palette",
        ),
        pytest.param(png(3, 3, RAW, before=chunk(b"PLTE", bytes(9)) * 2), id="two palettes"),
        pytest.param(png(8, 1, b"\0\xaa", depth=1, before=chunk(b"tRNS", bytes(2))), id="transparent 1-bit gray"),
        pytest.param(png(3, 3, RAW, stream=zlib.compress(bytes(50_000_000))), id="bomb by stream"),
    ],
)
def test_a_damaged_or_unsupported_file_is_refused(content):
    with pytest.raises(Refused):
        decode(content)


def test_a_file_over_the_limit_is_refused_unread():
    with pytest.raises(TooLarge, match="too large"):
        decode(bytes(MAX_BYTES + 1))


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_flipped_bit_passes_unless_it_is_in_nothing(at, bit):
    content = bytearray(png(3, 3, RAW))
    content[at % len(content)] ^= 1 << bit
    with pytest.raises(Refused):
        decode(bytes(content))


def test_text_and_colour_profiles_do_not_reach_the_decoder():
    bomb = chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(30_000_000))) + chunk(b"zTXt", b"k\0\0" + b"broken")
    assert (decode(png(3, 3, RAW, before=bomb)) == decode(png(3, 3, RAW))).all()


def test_a_declared_picture_larger_than_a_tensor_may_be_is_refused_before_it_is_made():
    rule = ImagePreprocessing("image", 4096, 4096, channels="rgb")
    with pytest.raises(TooLarge):
        tensor(rule, png(3, 3, RAW), datatype="FP64")


def test_levels_that_the_datatype_cannot_hold_are_refused():
    with pytest.raises(Refused, match="do not fit"):
        tensor(ImagePreprocessing("image", 8, 8), png(3, 3, RAW), datatype="INT8")


def test_many_pictures_for_one_input_are_refused_before_any_is_read():
    with pytest.raises(Refused) as refusal:
        from_payload(interface(DIGITS), [{"content_type": "image/png", "content": "no picture"}] * 16)
    assert (refusal.value.code, refusal.value.pointer) == ("wrong-names", "/inputs")


def test_a_small_file_that_fills_the_largest_picture_takes_no_more_than_a_few_times_its_size():
    content = saved(Image.new("RGB", (MAX_SIDE, MAX_SIDE), (1, 2, 3)))
    rule = ImagePreprocessing("image", 4096, 4096, "rgb", layout="hwc")
    tracemalloc.start()
    try:
        made = tensor(rule, content, datatype="UINT8", shape=(-1, 4096, 4096, 3))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert made[0, 4095, 4095].tolist() == [1, 2, 3]
    assert peak < 400 * 2**20, f"{peak / 2**20:.0f} MiB"

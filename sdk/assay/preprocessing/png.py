"""A PNG's pixels, or a refusal; the same pixels on every machine and with every release of Pillow.

Pillow decodes. Before it sees a byte, the file is walked here: every chunk whole and its checksum right, sizes
within limits, the image data exactly as long as the picture needs. Decoders guess where a file is damaged, and
guesses differ. Refused on purpose: animation, interlacing, 16-bit samples (docs/preprocessing.md says why).
Colour profiles, gamma and text are dropped unread.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assay.errors import Refused, TooLarge

MAX_BYTES = 16 * 1024 * 1024  # of a file
MAX_SIDE = 2048  # pixels; so that a picture padded to a square has at most 2^22

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
SAMPLES = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGB_ALPHA: 4}
DEPTHS = {GRAY: (1, 2, 4, 8), RGB: (8,), PALETTE: (1, 2, 4, 8), GRAY_ALPHA: (8,), RGB_ALPHA: (8,)}


@dataclass(frozen=True)
class Header:
    """The IHDR chunk of a picture that is accepted: sides in pixels, bits per sample, colour type."""

    width: int
    height: int
    depth: int
    colour: int

    @property
    def raw_bytes(self) -> int:
        """Length of the decompressed image data: per line a filter byte, then the samples, packed."""
        return self.height * (1 + (self.width * self.depth * SAMPLES[self.colour] + 7) // 8)


def decode(content: bytes) -> NDArray[np.uint8]:
    """The pixels as uint8 of shape (height, width, 4): red, green, blue, alpha. Raises Refused or TooLarge."""
    if len(content) > MAX_BYTES:
        raise TooLarge("PNG is too large", expected=f"at most {MAX_BYTES} bytes", got=f"{len(content)} bytes")
    chunks = _critical(content)
    header = _header(chunks[b"IHDR"])
    _check_transparency(header, chunks)
    _check_image_data(header, chunks[b"IDAT"])
    rebuilt = SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks.items())
    try:
        with Image.open(io.BytesIO(rebuilt), formats=("PNG",)) as image:
            if image.mode == "P" and int(np.asarray(image).max()) >= len(chunks.get(b"PLTE", b"")) // 3:
                raise Refused(
                    "a pixel's colour is not in the palette", expected="a palette index", got="a larger one"
                )
            return np.asarray(image.convert("RGBA"))
    except (OSError, ValueError, SyntaxError) as error:
        raise Refused("not a valid PNG", code="corrupt-image", expected="a PNG", got=str(error)) from error


def _critical(content: bytes) -> dict[bytes, bytes]:
    """The chunks that make the pixels, in file order, with the image data joined; every checksum was right."""
    chunks: dict[bytes, bytes] = {}
    data: list[bytes] = []
    for at, kind, payload in _walk(content):
        if not chunks and kind != b"IHDR":
            raise _corrupt(at, "IHDR first", repr(kind))
        if kind == b"acTL":
            raise Refused(
                "animated PNG", code="unsupported-image", pointer=f"byte {at}", expected="one still picture"
            )
        if kind == b"IDAT":
            data.append(payload)
        elif kind in chunks:
            raise _corrupt(at, f"one {kind.decode()}", "a second one")
        elif kind in (b"IHDR", b"PLTE", b"tRNS", b"IEND"):
            if kind == b"IEND":
                chunks[b"IDAT"] = b"".join(data)
            chunks[kind] = payload
        elif not kind[0] & 0x20:  # upper case: a decoder must understand it
            raise _corrupt(at, "no unknown critical chunk", repr(kind))
    return chunks


def _walk(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Each chunk as (byte offset, type, data), through IEND, which must end the file."""
    if not content.startswith(SIGNATURE):
        raise Refused("not a PNG", code="unsupported-image", expected="a PNG file", got=repr(content[:8]))
    at, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        if len(content) - at < 12:
            raise _corrupt(at, "another chunk", "the end of the file: it is truncated")
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if not kind.isalpha() or end > len(content):
            raise _corrupt(at, "a whole chunk", "the end of the file: it is truncated")
        (checksum,) = struct.unpack_from(">I", content, end - 4)
        if zlib.crc32(content[at + 4 : end - 4]) != checksum:
            raise _corrupt(at, "a chunk with the right checksum", f"a corrupt {kind.decode()}")
        yield at, kind, content[at + 8 : end - 4]
        at = end
    if at != len(content):
        raise _corrupt(at, "the end of the file", f"{len(content) - at} more bytes")


def _header(data: bytes) -> Header:
    if len(data) != 13:
        raise _corrupt(len(SIGNATURE), "an IHDR of 13 bytes", f"{len(data)} bytes")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", data)
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise TooLarge(
            "picture size out of range",
            code="too-large",
            pointer="IHDR",
            expected=f"1 to {MAX_SIDE} pixels a side",
            got=f"{width} × {height}",
        )
    if depth not in DEPTHS.get(colour, ()) or (compression, filtering, interlace) != (0, 0, 0):
        raise Refused(
            "this kind of PNG is not supported",
            code="unsupported-image",
            pointer="IHDR",
            expected="at most 8 bits per sample, not interlaced",
            got=f"depth {depth}, colour type {colour}, interlace {interlace}",
        )
    return Header(width, height, depth, colour)


def _check_transparency(header: Header, chunks: dict[bytes, bytes]) -> None:
    # Pillow compares the transparent gray with samples already widened to 8 bits, other decoders before
    if b"tRNS" in chunks and not (header.depth == 8 or header.colour == PALETTE):
        raise Refused(
            "transparent gray with fewer than 8 bits is not supported",
            code="unsupported-image",
            pointer="tRNS",
            expected="8 bits per sample",
            got=f"{header.depth}",
        )


def _check_image_data(header: Header, data: bytes) -> None:
    """Refuses a stream that is not exactly one zlib stream of the picture's length; never inflates more."""
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(data, header.raw_bytes + 1)
    except zlib.error as error:
        raise Refused("corrupt image data", code="corrupt-image", pointer="IDAT", got=str(error)) from error
    if len(raw) != header.raw_bytes or not stream.eof or stream.unused_data:
        raise Refused(
            "image data does not fill the picture",
            code="corrupt-image",
            pointer="IDAT",
            expected=f"one zlib stream of {header.raw_bytes} bytes",
            got=f"{len(raw)} bytes" if len(raw) < header.raw_bytes else "more, or no clean end",
        )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _corrupt(at: int, expected: str, got: str) -> Refused:
    return Refused("corrupt PNG", code="corrupt-image", pointer=f"byte {at}", expected=expected, got=got)

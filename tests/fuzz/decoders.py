"""Everything that reads bytes from outside, as a fuzzer calls it: it refuses with an error of ours, or what it has
read is sound: written again it is the same. Any other exception is a mistake of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import msgspec.inspect as types

from assay import cbor, certificate, jsonform, receipt
from assay.agreement.blame import evidence, transcript
from assay.agreement.blame.guilt import require_guilt
from assay.agreement.group import Epoch
from assay.errors import AssayError
from assay.fields import plain
from assay.preprocessing import CSV, JSON, PNG, preprocess
from assay.verify import Trust, audit, check
from consensus import messages
from docs.vectors import sample
from node import config, epochs
from tests.fuzz.shapes import least
from wire.frames import Parser, framed
from wire.messages import Answer, Opening, Request

VECTORS = Path(sample.__file__).parent
LIMIT = 4096  # bytes of a frame

_pack = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True)
class Decoder:
    """`read` may raise an AssayError or a DecodeError; `seeds` are what it is made for.

    `own`: the reader's own file, which may cost as much as its owner likes.
    """

    read: Callable[[bytes], object]
    seeds: Callable[[], Iterator[bytes]]
    own: bool = False

    def __call__(self, document: bytes) -> None:
        with suppress(AssayError, msgspec.DecodeError):
            self.read(document)


def _cbor(document: bytes) -> None:
    assert cbor.encode(cbor.decode(document)) == document


def _sequence(document: bytes) -> None:
    assert b"".join(cbor.sequence(document)) == document


def _certificate(document: bytes) -> None:
    read = certificate.parse(document)
    assert certificate.parse(read.to_cbor()) == read == certificate.parse(read.to_json().encode())
    check(read, Trust())


def _evidence(document: bytes) -> None:
    read = evidence.parse(document)
    assert evidence.parse(read.to_cbor()) == read == evidence.parse(read.to_json().encode())
    require_guilt(read, read.group)


def _transcript(document: bytes) -> None:
    read = transcript.parse(document)
    assert read.to_cbor() == document
    audit.audit([read])


def _audited(document: bytes) -> None:
    audit.audit(audit.read(document))


def _said(frame: bytes) -> None:
    read = messages.decode(frame)
    assert messages.decode(messages.encode(read)) == read


def _wire(kind: Any) -> Callable[[bytes], None]:
    decoder = msgspec.msgpack.Decoder(kind)

    def read(frame: bytes) -> None:
        with suppress(
            UnicodeDecodeError
        ):  # of text, which msgspec lets through; `wire` refuses it wherever it reads
            message = decoder.decode(frame)
            assert decoder.decode(_pack(message)) == message

    return read


def _frames(stream: bytes) -> None:
    """However the stream is cut."""
    whole, parser = Parser(LIMIT), Parser(LIMIT)
    together = whole.feed(stream)
    assert [each for i in range(len(stream)) for each in parser.feed(stream[i : i + 1])] == together


def _epochs(document: bytes) -> None:
    epochs.parsed([document])


def _settings(text: bytes) -> None:
    with suppress(UnicodeDecodeError):
        read = config.parse(text.decode())
        assert config.parse(config.to_toml(read)) == read


def _inputs(one: sample.Sample, content_type: str) -> Callable[[bytes], object]:
    interface = one.certificate.interface
    return lambda content: preprocess(interface, content, content_type)


# --- what they are made for -------------------------------------------------------------------------------


def _files(*patterns: str) -> Callable[[], Iterator[bytes]]:
    paths = [path for pattern in patterns for path in sorted(VECTORS.glob(pattern))]
    return lambda: (path.read_bytes() for path in paths)


def _examples(kind: Any) -> Callable[[], Iterator[bytes]]:
    """A small one of each message, and one in which every list has something."""

    def seeds() -> Iterator[bytes]:
        for each in kind.__args__:
            yield _pack(least(types.type_info(each)))
            yield _pack(least(types.type_info(each), full=True))

    return seeds


def _these(*documents: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: iter(documents)


def _every_epoch() -> Iterator[Epoch]:
    for document in _files("good/group-*.cbor", "good/chain-*.cbor")():
        read = certificate.parse(document)
        assert isinstance(read, certificate.AgreementCertificate)
        yield from read.evidence.epochs


def _geneses() -> Iterator[bytes]:
    return (epochs.document(each) for each in _every_epoch() if each.configuration.epoch == 0)


def _configurations() -> Iterator[bytes]:
    for each in _every_epoch():
        yield cbor.encode(plain(messages.Successor(each.configuration, each.consents, ())))


NODE = config.to_toml(config.Config(name="a node")).encode()
DIGIT, ROW, TENSORS = sample.digit(), sample.row(), sample.tensors()

DECODERS = {
    "cbor": Decoder(_cbor, _files("good/*.cbor")),
    "cbor-sequence": Decoder(_sequence, _files("good/*.cbor", "blame/transcript.cbor")),
    "json": Decoder(lambda text: jsonform.from_json(text, receipt.Receipt), _files("good/*.receipt.json")),
    "certificate": Decoder(_certificate, _files("good/*.cbor", "good/*.json")),
    "receipt": Decoder(receipt.read, _files("good/*.receipt.json")),
    "evidence": Decoder(_evidence, _files("blame/*.cbor", "blame/*.json")),
    "transcript": Decoder(_transcript, _files("blame/transcript.cbor")),
    "audited": Decoder(_audited, _files("blame/*.cbor", "good/*.cbor")),
    "group-message": Decoder(_said, _examples(messages.Spoken)),
    "request": Decoder(_wire(Request), _examples(Request)),
    "answer": Decoder(_wire(Answer), _examples(Answer)),
    "opening": Decoder(_wire(Opening), _examples(Opening)),
    "frames": Decoder(_frames, _these(framed(b"one") + framed(b"another"), b"\x00\x00\x10\x01")),
    "epochs": Decoder(_epochs, _geneses),
    "successor": Decoder(epochs.parsed_successor, _configurations),
    "trust-file": Decoder(Trust.parse, _these(b'groups = ["' + b"00" * 32 + b'"]\n'), own=True),
    "node-settings": Decoder(_settings, _these(NODE), own=True),
    "picture": Decoder(_inputs(DIGIT, PNG), _these(DIGIT.content)),
    "rows": Decoder(_inputs(ROW, CSV), _these(ROW.content)),
    "tensors": Decoder(_inputs(TENSORS, JSON), _these(TENSORS.content)),
}

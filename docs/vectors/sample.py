# ruff: noqa: INP001  # a script beside its output, not a package
"""The certificates that are right, made from fixed seeds: every run gives the same bytes.

The private keys are public: each seed is the SHA-256 of a word below. Never trust them for anything.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from assay import direct
from assay.certificate import DirectCertificate, Statement
from assay.digest import sha256
from assay.keys import PrivateKey
from assay.model import (
    Field,
    ImagePreprocessing,
    Interface,
    ModelReference,
    NoPreprocessing,
    Port,
    RowPreprocessing,
    input_digest,
)
from assay.preprocessing import CSV, JSON, PNG, preprocess
from assay.receipt import Receipt
from assay.tensor import Tensor

TIME = 1_790_000_000_000  # 2026-09-21T14:13:20Z
SALT = sha256(b"salt")
PROVIDER_SEED = sha256(b"provider")
PROVIDER = PrivateKey(PROVIDER_SEED)
STRANGER = PrivateKey(sha256(b"stranger"))


@dataclass(frozen=True)
class Sample:
    """What a buyer and a checker hold after one prediction."""

    key: PrivateKey
    certificate: DirectCertificate
    content: bytes  # what was sent
    suffix: str  # of the file it was sent from
    inputs: tuple[Tensor, ...]
    salt: bytes = SALT

    @property
    def provider(self) -> str:
        return str(self.key.public)

    @property
    def receipt(self) -> Receipt:
        return Receipt.of(self.certificate, self.salt)


@dataclass(frozen=True)
class Question:
    """A model, what it was sent, and what it answered."""

    target: str
    interface: Interface
    content: bytes
    content_type: str
    outputs: tuple[Tensor, ...]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return preprocess(self.interface, self.content, self.content_type)

    def statement(self, number: int) -> Statement:
        """The statement of request `number`."""
        return direct.statement(
            UUID(int=TIME << 80 | 7 << 76 | 2 << 62 | number).bytes,
            target=self.target,
            model=ModelReference(sha256(self.target.encode()), self.interface),
            input_digest=input_digest(SALT, self.inputs),
            outputs=self.outputs,
            time_ms=TIME,
        )


def digit(*, key: PrivateKey = PROVIDER, batch: int = 5, at: int = 2) -> Sample:
    """A picture of a one; leaf `at` of a batch of five, so that the tree is not full."""
    return _sample(DIGIT, ".png", key, batch, at)


def row() -> Sample:
    """A table row as CSV, a number as the answer; alone in its batch, so the path is empty."""
    return _sample(ROW, ".csv", PROVIDER, 1, 0)


def tensors() -> Sample:
    """Two rows of two tensors, nothing preprocessed; the last leaf of seven."""
    return _sample(TENSORS, ".json", PROVIDER, 7, 6)


def _sample(question: Question, suffix: str, key: PrivateKey, batch: int, at: int) -> Sample:
    certificates = direct.issue(key, [question.statement(number) for number in range(batch)])
    return Sample(key, certificates[at], question.content, suffix, question.inputs)


def _digit_png() -> bytes:
    """An upright bar on white, 8 × 8, gray; written by hand, for encoders differ."""
    lines = [b"\0" + (b"\xff\xff\xff\0\0\xff\xff\xff" if 1 <= y < 7 else b"\xff" * 8) for y in range(8)]
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(b"".join(lines), 0)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


DIGIT = Question(
    target="model:demo/digits@1",
    interface=Interface(
        task="classification",
        inputs=(Port("image", "FP32", (-1, 64)),),
        outputs=(Port("label", "INT64", (-1,)), Port("probabilities", "FP32", (-1, 3))),
        labels=("zero", "one", "two"),
        preprocessing=ImagePreprocessing("image", 8, 8, invert=True, levels=16),
    ),
    content=_digit_png(),
    content_type=PNG,
    outputs=(
        Tensor.of("label", np.array([1])),
        Tensor.of("probabilities", np.array([[0.125, 0.75, 0.125]], np.float32)),
    ),
)

ROW = Question(
    target="model:demo/progression@2.1",
    interface=Interface(
        task="regression",
        inputs=(Port("patient", "FP64", (-1, 3)),),
        outputs=(Port("progression", "FP32", (-1, 1)),),
        labels=(),
        preprocessing=RowPreprocessing(
            "patient", (Field("age", "years", "48"), Field("bmi", "kg/m²", "21.6"), Field("pressure", "mmHg"))
        ),
    ),
    content=b"bmi,age,pressure\n21.6,48,87.25\n",
    content_type=CSV,
    outputs=(Tensor.of("progression", np.array([[152.5]], np.float32)),),
)

TENSORS = Question(
    target="model:demo/two-towers@3",
    interface=Interface(
        task="other",
        inputs=(Port("left", "INT8", (-1, 2)), Port("right", "BOOL", (-1, 1))),
        outputs=(Port("score", "FP16", (-1,)), Port("mask", "UINT8", (-1, 2, 2))),
        labels=(),
        preprocessing=NoPreprocessing(),
    ),
    content=json.dumps(
        {
            "inputs": [
                {"name": "left", "datatype": "INT8", "shape": [2, 2], "data": [1, -2, 3, -128]},
                {"name": "right", "datatype": "BOOL", "shape": [2, 1], "data": [[True], [False]]},
            ]
        }
    ).encode(),
    content_type=JSON,
    outputs=(
        Tensor.of("score", np.array([0.5, -0.25], np.float16)),
        Tensor.of("mask", np.arange(8, dtype=np.uint8).reshape(2, 2, 2)),
    ),
)

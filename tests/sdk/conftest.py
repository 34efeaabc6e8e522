"""One provider, one model of digits, one prediction, made from fixed seeds; and a server that serves them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import pytest
from PIL import Image

from assay import direct
from assay.certificate import DirectCertificate
from assay.digest import sha256
from assay.keys import PrivateKey
from assay.model import ImagePreprocessing, Interface, ModelReference, Port, input_digest
from assay.preprocessing import PNG, preprocess
from assay.receipt import Receipt
from assay.tensor import Tensor

TIME = 1_790_000_000_000
SALT = sha256(b"salt")


@dataclass(frozen=True)
class Sample:
    """What a buyer and a checker hold after one prediction."""

    key: PrivateKey
    certificate: DirectCertificate
    content: bytes  # the PNG that was sent
    inputs: tuple[Tensor, ...]
    salt: bytes

    @property
    def provider(self) -> str:
        return str(self.key.public)

    @property
    def receipt(self) -> Receipt:
        return Receipt.of(self.certificate, self.salt)


def digit_png() -> bytes:
    gray = np.full((8, 8), 255, np.uint8)
    gray[1:7, 3:5] = 0
    buffer = io.BytesIO()
    Image.fromarray(gray).save(buffer, "PNG")
    return buffer.getvalue()


def make(*, seed: bytes = b"provider", batch: int = 5, at: int = 2, request: int = 0) -> Sample:
    interface = Interface(
        task="classification",
        inputs=(Port("image", "FP32", (-1, 64)),),
        outputs=(Port("label", "INT64", (-1,)), Port("probabilities", "FP32", (-1, 3))),
        labels=("zero", "one", "two"),
        preprocessing=ImagePreprocessing("image", 8, 8, invert=True, levels=16),
    )
    model = ModelReference(digest=sha256(b"model file"), interface=interface)
    content = digit_png()
    inputs = preprocess(interface, content, PNG)
    outputs = (
        Tensor.of("label", np.array([1])),
        Tensor.of("probabilities", np.array([[0.125, 0.75, 0.125]], np.float32)),
    )
    key = PrivateKey(sha256(seed))
    statements = [
        direct.statement(
            UUID(int=(TIME << 80) + (7 << 76) + (2 << 62) + request + i).bytes,
            target="model:demo/digits@1",
            model=model,
            input_digest=input_digest(SALT, inputs),
            outputs=outputs,
            time_ms=TIME,
        )
        for i in range(batch)
    ]
    return Sample(key, direct.issue(key, statements)[at], content, inputs, SALT)


@pytest.fixture(scope="session")
def sample() -> Sample:
    return make()

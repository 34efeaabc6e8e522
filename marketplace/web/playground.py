"""What a version's or a group's playground offers: ways to give an input, samples, and a JSON to start from.

Which ways there are follows from the interface's preprocessing alone.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from assay import oip
from assay.errors import Refused
from assay.model import Field, ImagePreprocessing, Interface, RowPreprocessing
from assay.tensor import DTYPES, Tensor
from verification.registry import MODES

MAX_JSON = 4000  # characters of a template that is still worth editing by hand
TITLES = {
    "draw": "Draw",
    "picture": "Picture",
    "sample": "Sample",
    "row": "Form",
    "csv": "CSV",
    "json": "JSON",
}
STAGES = (
    "received",
    "dispatched",
    "retrying",
    "answered",
    "certified",
    "contested",
    "failed",
    "expired",
    "cancelled",
)


@dataclass(frozen=True)
class Sample:
    """An example that came with the version: tensors as in the API, and what a person sees of them."""

    title: str
    inputs: list[dict[str, Any]]
    picture: str = ""  # a data: URL
    values: tuple[str, ...] = ()  # of a table row, in field order


@dataclass(frozen=True)
class Playground:
    """See the module's first lines. `data` is what the script gets."""

    asked: dict[str, str]  # of a request: {"model": "owner/name@version"} or {"group": name}
    interface: Interface
    samples: tuple[Sample, ...]

    @property
    def ways(self) -> list[tuple[str, str]]:
        match self.interface.preprocessing:
            case ImagePreprocessing():
                names = ["draw", "picture", *(["sample"] if self.samples else []), "json"]
            case RowPreprocessing():
                names = ["row", "csv", "json"]
            case _:
                names = [*(["sample"] if self.samples else []), "json"]
        return [(name, TITLES[name]) for name in names]

    @property
    def fields(self) -> Sequence[Field]:
        """Columns with the first sample's values to start from."""
        rule = self.interface.preprocessing
        assert isinstance(rule, RowPreprocessing)
        start = self.samples[0].values if self.samples else [field.example for field in rule.fields]
        return [Field(f.name, f.unit, value) for f, value in zip(rule.fields, start, strict=True)]

    @property
    def csv(self) -> str:
        return ",".join(_quoted(f.name) for f in self.fields) + "\n" + ",".join(f.example for f in self.fields)

    @property
    def json(self) -> str:
        """A request's `inputs`, written out where that is short enough to read."""
        inputs = self.samples[0].inputs if self.samples else [_blank(self.interface)]
        written = json.dumps(inputs, indent=1)
        return written if len(written) <= MAX_JSON else json.dumps(inputs)

    @property
    def data(self) -> dict[str, Any]:
        return {
            "asked": self.asked,
            "ways": [name for name, _ in self.ways],
            "stages": [*STAGES, *MODES],
            "samples": [{"inputs": each.inputs, "values": each.values} for each in self.samples],
        }


def playground(interface: Interface, examples: Sequence[Mapping[str, Any]], **asked: str) -> Playground:
    """`examples` as versions have them; `asked` is `model=owner/name@version` or `group=name`."""
    return Playground(asked, interface, tuple(_sample(interface, each) for each in examples))


def _sample(interface: Interface, example: Mapping[str, Any]) -> Sample:
    title, inputs = str(example["title"]), list(example["inputs"])
    try:
        tensors = interface.accept(oip.list_from_json(inputs))
    except Refused:  # given as a content (a PNG, a row), not as tensors
        return Sample(title, inputs)
    match interface.preprocessing:
        case ImagePreprocessing() as rule:
            return Sample(title, inputs, picture=_picture(rule, tensors[0]))
        case RowPreprocessing():
            return Sample(title, inputs, values=tuple(str(value) for value in tensors[0].array()[0]))
        case _:
            return Sample(title, inputs)


def _picture(rule: ImagePreprocessing, tensor: Tensor) -> str:
    """The first row as the picture that preprocessing would have been given, as a data: URL."""
    depth = 1 if rule.channels == "gray" else 3
    pixels = tensor.array()[0].astype(np.float64) * (255 / rule.levels)
    if rule.layout == "chw":
        pixels = pixels.reshape(depth, rule.height, rule.width).transpose(1, 2, 0)
    pixels = pixels.reshape(rule.height, rule.width, depth)
    if rule.invert:
        pixels = 255 - pixels
    if rule.channels == "bgr":
        pixels = pixels[..., ::-1]
    return data_url(_png(np.clip(pixels, 0, 255).astype(np.uint8)), "image/png")


def _png(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(out, "PNG")
    return out.getvalue()


def data_url(content: bytes, content_type: str) -> str:
    return f"data:{content_type};base64,{base64.b64encode(content).decode('ascii')}"


def _blank(interface: Interface) -> dict[str, Any]:
    """One row of zeros of the first input; what has any length gets length 1."""
    port = interface.inputs[0]
    shape = [1 if axis < 0 else axis for axis in port.shape]
    return oip.to_json(Tensor.of(port.name, np.zeros(shape, DTYPES[port.datatype])))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if set(name) & set('",\n') else name

"""What the demo's owners publish: the folder that demo/train.py fills, read without any of what training needs."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

import msgspec

from assay.model import Interface

FOLDER = Path(__file__).resolve().parent.parent / "var" / "demo" / "models"
MADE_FROM = "made-from"  # written last: a digest of everything the folder was made from
ENTRIES = "entries"
FILES = "files"  # held-out examples as a buyer would send them
OWNERS = {"asha": "Asha", "bruno": "Bruno", "chidi": "Chidi", "dana": "Dana"}  # slug and name, one node each
PACKAGES = ("numpy", "scikit-learn", "skl2onnx", "onnxruntime", "pillow")


class Entry(msgspec.Struct, frozen=True):
    """One model. File names are relative to the folder; `metrics` are shares, or in the target's unit."""

    owner: str
    slug: str
    title: str
    summary: str
    card: str  # Markdown
    licence: str
    model: str  # the ONNX file
    digest: str  # its SHA-256, hexadecimal
    dataset: str  # what the labelled set is called
    labelled: str  # its file, as the marketplace takes it
    interface: Interface
    metrics: dict[str, float]


def entries(folder: Path = FOLDER) -> list[Entry]:
    """Every model there, by owner and name. Raises OSError or msgspec.DecodeError if the folder is not whole."""
    files = sorted((folder / ENTRIES).glob("*.json"))
    return [msgspec.json.decode(path.read_bytes(), type=Entry) for path in files]


def is_current(folder: Path = FOLDER) -> bool:
    """Whether the folder is whole and was made from the code and packages of this checkout."""
    mark = folder / MADE_FROM
    return mark.exists() and mark.read_text() == made_from()


def made_from() -> str:
    sources = [
        Path(__file__).with_name(f"{name}.py")
        for name in ("catalogue", "datasets", "entries", "export", "strokes", "train")
    ]
    packages = " ".join(f"{name}=={version(name)}" for name in PACKAGES)
    return hashlib.sha256(b"\0".join([*(path.read_bytes() for path in sources), packages.encode()])).hexdigest()

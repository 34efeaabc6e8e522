"""What the docker tests read: the recipe of the images, the compose file, the Kubernetes manifests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
COMPOSE = ROOT / "docker" / "compose.yaml"
KUBERNETES = ROOT / "docker" / "kubernetes"

PINNED = re.compile(r"^[\w./-]+:[\w.-]*\d[\w.-]*(?:@sha256:[0-9a-f]{64})?$")  # a tag with a version in it


@dataclass(frozen=True)
class Instruction:
    """`COPY a b` is ("COPY", "a b"), of the stage it stands in; ("", …) comes before the first FROM."""

    stage: str
    name: str
    text: str


@cache
def instructions() -> tuple[Instruction, ...]:
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text("utf-8"), flags=re.MULTILINE))
    found, stage = [], ""
    for line in filter(None, map(str.strip, joined.splitlines())):
        name, _, text = line.partition(" ")
        if name == "FROM":
            stage = text.split(" AS ")[1]
        found.append(Instruction(stage, name, text))
    return tuple(found)


def parents() -> dict[str, str]:
    """Each stage's base, a stage or an image."""
    return {each.stage: each.text.split(" AS ")[0] for each in instructions() if each.name == "FROM"}


def inherited(stage: str) -> list[Instruction]:
    """All that makes `stage`, from its image down."""
    lineage = [stage]
    while parents().get(lineage[-1]) in parents():
        lineage.append(parents()[lineage[-1]])
    return [each for name in reversed(lineage) for each in instructions() if each.stage == name]


def copied(stage: str) -> list[str]:
    """The paths of this repository that `stage` holds."""
    return [
        source
        for each in inherited(stage)
        if each.name == "COPY" and "--from" not in each.text
        for source in each.text.split()[:-1]
    ]


@cache
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return content


def manifests(folder: Path) -> list[dict[str, Any]]:
    """Every object of one kustomization's own resource files."""
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8")).get("resources", [])
    files = [folder / name for name in listed if (folder / name).is_file()]
    return [item for file in files for item in yaml.safe_load_all(file.read_text("utf-8")) if item]

"""Responses pinned as files: what changes from run to run is replaced by its shape, the rest is compared whole.

To write them anew after a change that is meant: PIN=1 pytest tests/marketplace/api
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "api" / "pinned"
SHAPES = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid7>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "<time>"),
    (re.compile(r"assay_[a-z0-9]{10}_[A-Za-z0-9]{40}"), "<token>"),
    (re.compile(r"assay_[a-z0-9]{10}_"), "<prefix>"),
    (re.compile(r"[0-9a-f]{64}"), "<32 bytes>"),
    (re.compile(r"[0-9a-f]{32}"), "<16 bytes>"),
)


def pinned(name: str, body: Any) -> None:
    """Compares `body` with the file of that name."""
    path, shape = FOLDER / f"{name}.json", shaped(body)
    if os.environ.get("PIN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(shape, indent=2, ensure_ascii=False) + "\n", "utf-8")
    assert shape == json.loads(path.read_text("utf-8")), f"differs from {path.name}"


def shaped(value: Any, key: str = "") -> Any:
    match value:
        case dict():
            return {name: shaped(each, name) for name, each in value.items()}
        case list():
            return [shaped(each, key) for each in value]
        case str():
            for pattern, shape in SHAPES:
                value = pattern.sub(shape, value)
            return value
        case float() if key in ("queued", "inference", "verification", "total"):
            return "<ms>"
        case int() if key == "id":
            return "<number>"
        case _:
            return value

"""Trains the demo's twelve models and writes what their owners will upload.

    python -m demo.train [FOLDER]      default var/demo/models

For each owner and data set `OWNER-SET.onnx` and `entries/OWNER-SET.json`; for each data set `SET.labelled.json`,
its held-out part as the marketplace measures models by; in `files/` held-out examples as a buyer would send them.
A folder that is whole and was made from the same code is left as it is.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from demo.entries import ENTRIES, FILES, FOLDER, MADE_FROM, entries, is_current, made_from

if TYPE_CHECKING:
    from demo.datasets import Dataset


def train(folder: Path = FOLDER) -> None:
    """Fills `folder` unless it is current. Killed at any line, it leaves the folder as it was, or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second finds it done
        if not is_current(folder):
            _fill(folder)


def _fill(folder: Path) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # small sets: threads that wait for each other only cost
    from demo import datasets  # takes seconds

    half = folder.with_name(folder.name + ".half")
    shutil.rmtree(half, ignore_errors=True)
    for name in (ENTRIES, FILES):
        (half / name).mkdir(parents=True)
    for make in datasets.EVERY:
        _train_on(make(), half)
    (half / MADE_FROM).write_text(made_from())
    shutil.rmtree(folder, ignore_errors=True)
    half.rename(folder)


def _train_on(dataset: Dataset, folder: Path) -> None:
    from demo import catalogue, export

    (folder / export.labelled_name(dataset)).write_bytes(export.labelled(dataset))
    for name, content in dataset.files.items():
        (folder / FILES / name).write_bytes(content)
    for owner in catalogue.OWNERS:
        model = export.export(export.fitted(owner, dataset), dataset.interface)
        entry = export.entry(owner, dataset, model)
        (folder / entry.model).write_bytes(model)
        described = folder / ENTRIES / f"{owner.slug}-{dataset.slug}.json"
        described.write_bytes(msgspec.json.format(msgspec.json.encode(entry)))


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    train(where)
    for each in entries(where):
        print(each.owner, each.slug, *(f"{name} {value:.4g}" for name, value in each.metrics.items()))

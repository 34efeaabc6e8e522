"""What a benchmark reports: figures with their targets, as a table and as JSON in var/bench.

A figure is a median over repeats; its samples are kept. A target that was missed is reported as missed.
"""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil
from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).resolve().parent.parent / "var" / "bench"


class Figure(msgspec.Struct, frozen=True):
    """`met` is None where there is no target to meet."""

    figure: str
    value: float
    unit: str
    target: str
    met: bool | None
    samples: list[float]


@dataclass
class Report:
    """The figures of one part, in the order they were measured."""

    part: str
    figures: list[Figure] = field(default_factory=list)

    def add(
        self,
        figure: str,
        samples: Sequence[float],
        unit: str = "",
        *,
        least: float | None = None,
        most: float | None = None,
    ) -> None:
        """The median of `samples`, to be at `least` or at `most` so much."""
        value = statistics.median(samples)
        target = f"≥ {least:g}" if least is not None else f"≤ {most:g}" if most is not None else ""
        met = value >= least if least is not None else value <= most if most is not None else None
        self.figures.append(Figure(figure, value, unit, target, met, list(samples)))

    def finish(self) -> None:
        """Prints the table and writes var/bench/PART.json."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        content = msgspec.json.encode({"machine": machine(), "figures": self.figures})
        (FOLDER / f"{self.part}.json").write_bytes(msgspec.json.format(content, indent=1) + b"\n")
        table = Table(title=f"{self.part}: {machine()}")
        for name in ("figure", "median", "spread", "unit", "target", ""):
            table.add_column(name, justify="left" if name in ("figure", "unit", "") else "right")
        for each in self.figures:
            verdict = {True: "met", False: "[red]missed[/]", None: ""}[each.met]
            spread = f"{_short(min(each.samples))} to {_short(max(each.samples))}" if len(each.samples) > 1 else ""
            table.add_row(each.figure, _short(each.value), spread, each.unit, each.target, verdict)
        Console(width=150).print(table)


def machine() -> str:
    """The machine a figure belongs to."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    name = models[0].partition(":")[2].strip() if models else platform.machine()
    memory = psutil.virtual_memory().total / 2**30
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    python = platform.python_version()
    return (
        f"{cores} × {name}, {memory:.0f} GiB, Linux {platform.release()}, Python {python}, load before {load:.1f}"
    )


def quantile(samples: Sequence[float], share: float) -> float:
    """The sample below which `share` of them lie."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _short(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"

"""A model's first run, on rows of our own: that it runs, keeps rows, and answers each row by itself.

Several buyers' rows share one run, so a model whose answer for a row depends on the rows beside it is refused.
Runs the model, hence only ever called in the examining process, under its limits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from assay.model import ANY, Port
from assay.modelfile.ports import ROWS, lengths_tried, observed, rows_lost
from assay.modelfile.report import Finding, Found, Ports, Where, finding
from assay.tensor import DTYPES

SEED = 0
TOLERANCE = 1e-3  # relative: a matrix product's rounding may depend on the number of rows
MEMORY = re.compile(r"[Ff]ailed to allocate|bad[_ ]alloc")
AT_NODE = re.compile(r"running (?P<operator>\w+) node\. Name:'(?P<node>[^']*)'")
IN_NODE = re.compile(r'Node[:,]? ?\("?(?P<node>[^",)]*)"?, (?P<operator>\w+)')

T = TypeVar("T")
Arrays = dict[str, NDArray[Any]]


class Model:
    """The model in onnxruntime, one thread."""

    def __init__(self, data: bytes, ports: Ports) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.load_model_format", "ONNX")
        self.ports = ports
        self.names = [port.name for port in ports.outputs]
        self.session = _blamed(
            "not-loadable", onnxruntime.InferenceSession, data, options, ["CPUExecutionProvider"]
        )

    def run(self, feed: Arrays) -> Arrays:
        """The outputs by name. Raises Found if the run fails or rows are lost."""
        results = dict(zip(self.names, _blamed("not-runnable", self.session.run, self.names, feed), strict=True))
        rows = len(next(iter(feed.values())))
        for name, result in results.items():
            shape = np.shape(result)
            if not isinstance(result, np.ndarray) or not shape or shape[0] != rows:
                raise Found(rows_lost(name, rows, shape))
        return results


def dry_run(data: bytes, ports: Ports) -> tuple[Ports, list[Finding]]:
    """Ports with the outputs' shapes as seen, and what was found."""
    try:
        model = Model(data, ports)
        free, runs = _on_zeros(model)
        findings = _on_different_rows(model, free)
    except Found as error:
        return ports, [error.finding]
    outputs = tuple(observed(port, [run[port.name].shape for run in runs]) for port in ports.outputs)
    return Ports(ports.inputs, outputs), findings


def _on_zeros(model: Model) -> tuple[int, list[Arrays]]:
    """The length of free axes at which the model runs, and its outputs for one row of zeros and for several.

    Raises Found if it runs at none, or answers the rows differently.
    """
    inputs = model.ports.inputs
    lengths = lengths_tried(model.ports)
    for free in lengths:
        feeds = [
            {port.name: np.zeros(_shape(port, n, free), DTYPES[port.datatype]) for port in inputs}
            for n in (1, ROWS)
        ]
        try:
            one, several = map(model.run, feeds)
        except Found:
            if free == lengths[-1]:
                raise
            continue
        _require_same([one] * ROWS, several)
        return free, [one, several]
    raise AssertionError("unreachable: the last length returns or raises")


def _on_different_rows(model: Model, free: int) -> list[Finding]:
    """Raises Found if a row's answer depends on the rows beside it."""
    rng = np.random.default_rng(SEED)
    feed = {port.name: _different(rng, port, free) for port in model.ports.inputs}
    try:
        several = model.run(feed)
        alone = [model.run({name: rows[i : i + 1] for name, rows in feed.items()}) for i in range(ROWS)]
    except Found as error:
        return [msgspec.structs.replace(error.finding, level="warning", code="rows-not-compared")]
    _require_same(alone, several)
    return []


def _require_same(alone: list[Arrays], several: Arrays) -> None:
    for i, one in enumerate(alone):
        for name, rows in several.items():
            if one[name].shape[1:] != rows.shape[1:] or not _close(one[name][0], rows[i]):
                raise Found(
                    finding(
                        "rows-not-independent",
                        "the answer for a row depends on the rows beside it",
                        node=name,
                        expected="a row of a batch answered as it is alone",
                        hint="reduce over features, not over rows; export batch normalisation for inference",
                    )
                )


def _close(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.dtype.kind != "f":
        return bool(np.array_equal(one, other))
    largest = float(np.nanmax(np.abs(one), initial=0.0, where=np.isfinite(one)))
    return bool(np.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE * largest, equal_nan=True))


def _different(rng: np.random.Generator, port: Port, free: int) -> NDArray[Any]:
    """Rows that differ: floats in 0 … 1; integers 0 and 1, so that what is an index stays in range."""
    shape, dtype = _shape(port, ROWS, free), DTYPES[port.datatype]
    return (rng.random(shape) if dtype.kind == "f" else rng.integers(0, 2, shape)).astype(dtype)


def _shape(port: Port, rows: int, free: int) -> tuple[int, ...]:
    return (rows, *(free if axis == ANY else axis for axis in port.shape[1:]))


def _blamed(code: str, call: Callable[..., T], *arguments: Any) -> T:
    """`call(*arguments)`. Raises Found, naming the node and operator that onnxruntime names, if it fails."""
    try:
        return call(*arguments)
    except MemoryError:
        raise
    except Exception as error:  # onnxruntime raises many kinds, RuntimeError among them
        said = str(error)
        at = AT_NODE.search(said) or IN_NODE.search(said)
        where: Where = {"node": at["node"], "operator": at["operator"]} if at else {}
        detail = (
            "onnxruntime cannot run the model" if code == "not-runnable" else "onnxruntime cannot load the model"
        )
        if MEMORY.search(said):
            code, detail = "out-of-memory", "the model takes too much memory"
        raise Found(finding(code, detail, got=said, **where)) from error

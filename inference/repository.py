"""The folder that a Triton server reads its models from, written from ONNX files.

A model appears in one step or not at all: it is put together under a hidden name, flushed and renamed, and what an
interrupted write left is cleared away when the repository is opened. Names are commitments in hex, so nothing
that comes from outside becomes a path. One process writes; Triton only reads.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from math import prod
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from assay.errors import Refused
from assay.model import ANY, ModelReference, Port
from assay.modelfile.report import Ports
from assay.tensor import DTYPES, MAX_BYTES

MAX_BATCH = 1024  # rows of one request, and of what Triton puts together
QUEUE_SIZE = 4096  # requests that wait for one model; the next is refused
NAME = re.compile(r"[0-9a-f]{64}(\.reproducible)?")
HIDDEN = ".writing-"
RUNTIMES = Path(__file__).parent / "runtimes"

Backend = Literal["python", "onnxruntime"]
Runtime = Literal["onnx", "reproducible"]


class InstanceGroups(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many copies of a model run at once: `count` on the CPU, or on each of `gpus` (all if empty)."""

    kind: Literal["cpu", "gpu"] = "cpu"
    count: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    gpus: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, le=1023)], ...], msgspec.Meta(max_length=64)] = ()


class Batching(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How Triton puts requests together. Measured on CPU: whatever waits while an instance is busy makes good
    batches by itself; waiting longer for more doubles the latency of a lone request and gains nothing. On a GPU,
    with a large model, it may be worth it.
    """

    preferred: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=1, le=MAX_BATCH)], ...], msgspec.Meta(max_length=8)
    ] = ()
    delay_us: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0


class ModelRepository:
    """`root` is what Triton gets as `--model-repository`. `backend` says which of Triton's backends runs ONNX:
    its own `onnxruntime` where the server has it, else `python` with `runtimes/onnx_model.py`. The runtime
    `reproducible` is Python's always, and stands beside `onnx` under a name of its own.
    """

    def __init__(
        self,
        root: Path,
        instances: InstanceGroups,
        backend: Backend = "python",
        batching: Batching | None = None,
    ) -> None:
        self.root = root
        self.instances = instances
        self.backend = backend
        self.batching = batching or Batching()
        root.mkdir(parents=True, exist_ok=True)
        for leftover in root.glob(f"{HIDDEN}*"):
            shutil.rmtree(leftover)

    def names(self) -> tuple[str, ...]:
        """The models that are here whole."""
        return tuple(sorted(path.name for path in self.root.iterdir() if NAME.fullmatch(path.name)))

    def write(self, reference: ModelReference, ports: Ports, onnx: Path, runtime: Runtime = "onnx") -> str:
        """Put the file `onnx` (of digest `reference.digest`, whose graph has `ports`) here; its name for Triton.

        Writing a model again renews its configuration and runtime. Raises Refused if the file or the graph is
        not what the reference says.
        """
        require_ports(reference, ports)
        name = name_of(reference, runtime)
        backend = self.backend if runtime == "onnx" else "python"
        part = self.root / f"{HIDDEN}{uuid.uuid4().hex}"
        try:
            (part / "1").mkdir(parents=True)
            _copy(onnx, part / "1" / "model.onnx", reference.digest)
            if backend == "python":
                _write(part / "1" / "model.py", (RUNTIMES / f"{runtime}_model.py").read_bytes())
            config = configuration(name, ports, self.instances, backend, self.batching)
            _write(part / "config.pbtxt", text_format.MessageToString(config, as_utf8=False).encode())
            self._publish(part, self.root / name)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return name

    def remove(self, name: str) -> None:
        """Forget a model, in one step. Unload it first. Removing what is not here is not an error."""
        if not NAME.fullmatch(name):
            raise Refused("not a model's name", pointer="/name", expected=NAME.pattern, got=name[:100])
        hidden = self.root / f"{HIDDEN}{uuid.uuid4().hex}"
        try:
            (self.root / name).rename(hidden)
        except FileNotFoundError:
            return
        _sync(self.root)
        shutil.rmtree(hidden)

    def _publish(self, part: Path, target: Path) -> None:
        if target.exists():  # the same commitment, hence the same ONNX file: renew the rest, file by file
            for file in ("1/model.py", "config.pbtxt"):
                if (part / file).exists():
                    (part / file).replace(target / file)
        else:
            _sync(part / "1")
            _sync(part)
            part.rename(target)
        for folder in (target / "1", target, self.root):
            _sync(folder)


def name_of(reference: ModelReference, runtime: Runtime = "onnx") -> str:
    """What Triton calls this model in this runtime."""
    name = reference.commitment.hex()
    return name if runtime == "onnx" else f"{name}.{runtime}"


def require_ports(reference: ModelReference, ports: Ports) -> None:
    """Raises Refused unless the interface takes all of the graph's inputs and gives some of its outputs."""
    interface = reference.interface
    if sorted(interface.inputs, key=_name) != sorted(ports.inputs, key=_name):
        raise Refused(
            "the interface's inputs are not the graph's",
            code="wrong-interface",
            pointer="/interface/inputs",
            expected=str([describe(port) for port in ports.inputs]),
            got=str([describe(port) for port in interface.inputs]),
        )
    for i, port in enumerate(interface.outputs):
        if port not in ports.outputs:
            raise Refused(
                "the graph does not give this output",
                code="wrong-interface",
                pointer=f"/interface/outputs/{i}",
                expected=" | ".join(describe(port) for port in ports.outputs),
                got=describe(port),
            )


def describe(port: Port) -> str:
    return f"{port.name}: {port.datatype}{list(port.shape)}"


def configuration(
    name: str, ports: Ports, instances: InstanceGroups, backend: Backend, batching: Batching
) -> model_config_pb2.ModelConfig:
    """Triton's configuration of the model: ports, dynamic batching, bounded queue, instances."""
    config = model_config_pb2.ModelConfig(name=name, max_batch_size=max_batch(ports))
    if backend == "python":
        config.backend = "python"
    else:
        config.backend, config.platform = "onnxruntime", "onnxruntime_onnx"
        config.default_model_filename = "model.onnx"
        config.parameters["intra_op_thread_count"].string_value = "1"
        config.parameters["inter_op_thread_count"].string_value = "1"
    for listed, declared in ((config.input, ports.inputs), (config.output, ports.outputs)):
        for port in declared:
            _declare(listed.add(), port)
    group = config.instance_group.add(count=instances.count, gpus=instances.gpus)
    group.kind = group.KIND_GPU if instances.kind == "gpu" else group.KIND_CPU
    dynamic = config.dynamic_batching
    dynamic.preferred_batch_size.extend(size for size in batching.preferred if size <= config.max_batch_size)
    dynamic.max_queue_delay_microseconds = batching.delay_us
    dynamic.default_queue_policy.max_queue_size = QUEUE_SIZE
    return config


def max_batch(ports: Ports) -> int:
    """Rows that Triton may run at once: MAX_BATCH, fewer where rows are large."""
    widest = max(
        prod(axis for axis in port.shape[1:] if axis != ANY) * DTYPES[port.datatype].itemsize
        for port in (*ports.inputs, *ports.outputs)
    )
    return max(1, min(MAX_BATCH, MAX_BYTES // max(1, widest)))


def _declare(entry: model_config_pb2.ModelInput, port: Port) -> None:
    """Rows are implied when Triton batches. A port of rows alone has no axis left, which Triton does not allow:
    it travels as one of length 1, and `reshape` takes that away before the model sees it.
    """
    entry.name = port.name
    entry.data_type = model_config_pb2.DataType.Value(f"TYPE_{port.datatype}")
    if len(port.shape) > 1:
        entry.dims.extend(port.shape[1:])
    else:
        entry.dims.append(1)
        entry.reshape.SetInParent()


def _name(port: Port) -> str:
    return port.name


def _copy(source: Path, target: Path, digest: bytes) -> None:
    """Raises Refused if what was copied is not the file of that digest."""
    seen = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while block := reader.read(1024 * 1024):
            seen.update(block)
            writer.write(block)
        writer.flush()
        os.fsync(writer.fileno())
    if seen.digest() != digest:
        raise Refused(
            "the file is not the one that the model names",
            code="wrong-digest",
            pointer="/digest",
            expected=digest.hex(),
            got=seen.hexdigest(),
        )


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as writer:
        writer.write(content)
        writer.flush()
        os.fsync(writer.fileno())


def _sync(folder: Path) -> None:
    """Make renames in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

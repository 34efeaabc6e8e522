"""`make bench-refereed`: reproducible operators against onnxruntime with all its optimisations, one pinned thread.

Each figure is a ratio of times, ours ÷ onnxruntime's, of the same ONNX file on the same inputs, in turns: a median
over pairs. Operators are asked in place, all shapes of a row together, and the worst of them apart. Whole networks
are asked through Python, inputs and outputs copied. Then what share of a run each kind of node takes, what tracing
costs, and whether instruction sets or threads change a bit.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from assay.program.reading import read
from assay.program.running import Runner
from assay.program.tracing import Trace
from benchmarks.figures import Report
from benchmarks.networks import encoder, mobilenet, resnet18
from benchmarks.networks.builder import Builder
from native import loader
from native.implementation import Native

PAIRS = 15
LEAST = 0.02  # seconds that one sample takes
THREADS = (1, 2, 3, 8)

Arrays = dict[str, NDArray[np.generic]]
RNG = np.random.default_rng(6)


def main() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    report = Report("refereed")
    operators(report)
    for name, (file, inputs, most_trace) in networks().items():
        network(report, name, file, inputs, most_trace)
    differing(report)
    report.finish()


# --- operators --------------------------------------------------------------------------------------------------


def operators(report: Report) -> None:
    rows = [
        (
            "matrix product, 64 rows and more",
            1.10,
            [(64, 768, 768), (128, 768, 3072), (256, 512, 512), (512,) * 3],
        ),
        ("matrix product, 8 to 63 rows", 1.5, [(8, 1024, 1024), (16, 768, 3072), (32, 512, 512)]),
        ("matrix product, 1 row", 1.0, [(1, 1024, 1024), (1, 512, 1000), (1, 4096, 4096)]),
    ]
    for name, most, shapes in rows:
        compared(report, name, most, [product(*shape) for shape in shapes])
    dense = [(64, 56, 64, 1), (128, 28, 128, 1), (256, 14, 256, 1), (512, 7, 512, 1), (64, 56, 128, 2)]
    compared(report, "3×3 convolution", 1.5, [convolution(*shape) for shape in dense])
    alone = [(32, 112, 1), (96, 112, 2), (144, 56, 1), (384, 14, 1), (960, 7, 1)]
    compared(
        report, "3×3 convolution, depthwise", 1.5, [convolution(c, s, c, stride, c) for c, s, stride in alone]
    )
    compared(report, "softmax", 3, [of_one("Softmax", 1536, 128, axis=-1), of_one("Softmax", 64, 1000, axis=-1)])
    compared(report, "exp", 3, [of_one("Exp", 128, 1536)])


def compared(report: Report, name: str, most: float, cases: Sequence[tuple[bytes, Arrays]]) -> None:
    """All cases together, and the ratios of the one whose median is greatest."""
    pairs = [in_place(*case) for case in cases]
    together = [
        sum(ours for ours, _ in each) / sum(theirs for _, theirs in each) for each in zip(*pairs, strict=True)
    ]
    report.add(f"{name}: ÷ onnxruntime", together, most=most)
    every = [[one / other for one, other in each] for each in pairs]
    report.add(f"{name}: the worst shape", max(every, key=statistics.median), most=most)


def product(rows: int, links: int, columns: int) -> tuple[bytes, Arrays]:
    net = Builder()
    net.op("MatMul", "x", net.normal("w", links, columns, fan=links), output="y")
    return _file(net, rows, links), {"x": _normal(rows, links)}


def convolution(inner: int, side: int, outer: int, stride: int, groups: int = 1) -> tuple[bytes, Arrays]:
    net = Builder()
    net.op("Relu", net.conv("x", inner, outer, kernel=3, stride=stride, groups=groups), output="y")
    return _file(net, 1, inner, side, side), {"x": _normal(1, inner, side, side)}


def of_one(kind: str, *shape: int, **attributes: object) -> tuple[bytes, Arrays]:
    net = Builder()
    net.op(kind, "x", output="y", **attributes)
    return _file(net, *shape), {"x": _normal(*shape)}


def _file(net: Builder, *shape: int) -> bytes:
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    anything = [f"axis {i}" for i in range(len(shape))]
    return net.model("one", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, anything)])


def _normal(*shape: int) -> NDArray[np.float32]:
    return RNG.normal(size=shape).astype(np.float32)


# --- networks ---------------------------------------------------------------------------------------------------


def networks(side: int = 224) -> dict[str, tuple[bytes, Arrays, float | None]]:
    """File, inputs, and how much a trace may cost at most."""
    pixels = RNG.integers(0, 256, (1, 3, side, side)).astype(np.uint8)
    return {
        "ResNet-18": (resnet18(side), {"image": _normal(1, 3, side, side)}, 0.15),
        "MobileNetV2": (mobilenet(side), {"image": pixels}, 0.75),
        "transformer encoder": (encoder(), {"tokens": np.arange(128)[None]}, None),
    }


def network(report: Report, name: str, file: bytes, inputs: Arrays, most_trace: float | None) -> None:
    report.add(f"{name}: ÷ onnxruntime", ratios(file, inputs), most=2.0)
    runner = ours(file)
    plain = [each * 1000 for each in seconds(lambda: runner.run(inputs))]
    report.add(f"{name}: a run", plain, "ms")
    hashing = [each * 1000 for each in seconds(lambda: runner.run(inputs, Trace()))]
    untraced = [each * 1000 for each in seconds(lambda: runner.run(inputs, lambda *_: None))]
    share = [(traced - bare) / statistics.median(plain) for traced, bare in zip(hashing, untraced, strict=True)]
    report.add(f"{name}: hashing a trace ÷ a run", share, most=most_trace)
    for kinds, part in profile(runner, inputs):
        report.add(f"{kinds}, share of a run of {name}", [part])


def profile(runner: Runner, inputs: Arrays) -> Iterator[tuple[str, float]]:
    """The kinds of steps that take most of a run, and what part of it."""
    took: dict[str, float] = defaultdict(float)
    for group, call in runner.steps(inputs):
        took["+".join(node.operator.name for node in group)] += min(seconds(call, pairs=5, least=0.0))
    for kinds in sorted(took, key=lambda kind: -took[kind])[:3]:
        yield kinds, took[kinds] / sum(took.values())


def differing(report: Report) -> None:
    """Outputs whose bits differ between instruction sets and numbers of threads."""
    compared = different = 0
    for file, inputs, _ in networks(side=96).values():
        wanted = ours(file).run(inputs)
        for isa in loader.supported():
            for threads in THREADS:
                got = Runner(read(file), Native(loader.load(isa), threads)).run(inputs)
                compared += sum(value.size for value in wanted.values())
                different += sum(
                    int((got[name].view(np.uint32) != value.view(np.uint32)).sum())
                    for name, value in wanted.items()
                )
    report.add("networks on every instruction set, 1, 2, 3 and 8 threads: outputs compared", [compared])
    report.add("networks on every instruction set, 1, 2, 3 and 8 threads: outputs differing", [different], most=0)


# --- side by side -----------------------------------------------------------------------------------------------


def ours(file: bytes) -> Runner:
    return Runner(read(file), Native(loader.load()))


def theirs(file: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(file, options, ["CPUExecutionProvider"])


def in_place(file: bytes, inputs: Arrays) -> list[tuple[float, float]]:
    """Seconds of ours and of theirs, in turns, for the operator alone: nobody's inputs or outputs are copied."""
    runner, session = ours(file), theirs(file)
    runner.run(inputs)
    calls = [call for _, call in runner.steps(inputs)]
    binding = session.io_binding()
    for name, value in inputs.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value))
    for each in session.run(None, inputs):
        binding.bind_ortvalue_output(session.get_outputs()[0].name, onnxruntime.OrtValue.ortvalue_from_numpy(each))

    def step() -> None:
        for call in calls:
            call()

    return [(_once(step), _once(lambda: session.run_with_iobinding(binding))) for _ in range(PAIRS)]


def ratios(file: bytes, inputs: Arrays) -> list[float]:
    """Ours ÷ theirs, in turns; the outputs of both are close, or it would mean nothing."""
    runner, session = ours(file), theirs(file)
    for got, wanted in zip(runner.run(inputs).values(), session.run(None, inputs), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-2, atol=1e-3)
    both = [(_once(lambda: runner.run(inputs)), _once(lambda: session.run(None, inputs))) for _ in range(PAIRS)]
    return [one / other for one, other in both]


def seconds(call: Callable[[], object], pairs: int = PAIRS, least: float = LEAST) -> list[float]:
    return [_once(call, least) for _ in range(pairs)]


def _once(call: Callable[[], object], least: float = LEAST) -> float:
    """Seconds that a call takes, over as many as take `least` seconds."""
    begun, calls = time.perf_counter(), 0
    while not calls or time.perf_counter() - begun < least:
        call()
        calls += 1
    return (time.perf_counter() - begun) / calls


if __name__ == "__main__":
    main()

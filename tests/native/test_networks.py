"""Networks of the kinds that people use: every tensor by the kernels and by the plain operators, bit by bit."""

import numpy as np
import onnxruntime
import pytest

from assay.program.reading import read
from assay.program.running import Runner
from assay.program.tracing import Trace
from benchmarks.networks import encoder, mobilenet, resnet18
from native.implementation import Native
from tests.native.comparing import same_bits

RNG = np.random.default_rng(11)
NETWORKS = {
    "ResNet-18": (resnet18(32), {"image": RNG.normal(size=(2, 3, 32, 32)).astype(np.float32)}),
    "MobileNetV2": (mobilenet(33), {"image": RNG.integers(0, 256, (2, 3, 33, 33)).astype(np.uint8)}),
    "transformer encoder": (encoder(2, 48, 4, 19), {"tokens": RNG.integers(0, 1000, (2, 19))}),
}


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    """File, inputs, the plain operators' outputs, and hashes of every tensor on the way."""
    file, inputs = NETWORKS[request.param]
    runner, trace = Runner(read(file)), Trace()
    return file, inputs, runner.run(inputs, trace), trace.hashes


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_instruction_sets_and_threads_change_no_bit(kernels, threads, network):
    file, inputs, wanted, hashes = network
    runner, trace = Runner(read(file), Native(kernels, threads)), Trace()
    for outputs in (runner.run(inputs), runner.run(inputs, trace)):  # fused, and node by node
        for name, value in outputs.items():
            same_bits(value, wanted[name])
    assert trace.hashes == hashes


def test_rows_are_answered_as_they_are_alone(network):
    file, inputs, wanted, _ = network
    runner = Runner(read(file))
    for i in range(2):
        alone = runner.run({name: value[i : i + 1] for name, value in inputs.items()})
        for name, value in alone.items():
            same_bits(value, wanted[name][i : i + 1])


def test_what_comes_out_is_what_others_compute(network):
    file, inputs, wanted, _ = network
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for value, other in zip(wanted.values(), session.run(None, inputs), strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-3, atol=1e-4)

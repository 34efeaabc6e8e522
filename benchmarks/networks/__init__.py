"""Networks of the sizes and shapes that people use, as ONNX with seeded weights: what they say means nothing."""

from benchmarks.networks.mobilenet import mobilenet
from benchmarks.networks.resnet import resnet18
from benchmarks.networks.transformer import encoder

__all__ = ["encoder", "mobilenet", "resnet18"]

"""Runtime `reproducible`: an ONNX file served by Triton's Python backend, to the same bits on every machine.

Copied as `model.py` beside `model.onnx`. Runs in Triton's environment, which must have Assay's packages `assay`
and `native`. Nothing is loaded on a machine that fails the self-test. Each request runs alone: what it is answered
is the program's outputs for its own rows, whatever waits beside it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as triton

if np.lib.NumpyVersion(np.__version__) < "2.0.0":
    getattr(np, "_set_promotion_state")("weak")  # noqa: B009 - NumPy 2's rules for types, in a process of our own

from assay.errors import AssayError, Refused
from assay.program import selftest
from assay.program.reading import read
from assay.program.running import Runner
from native.implementation import best


class TritonPythonModel:
    """One instance: one process, one thread."""

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        self.inputs = [port["name"] for port in config["input"]]
        path = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        try:
            implementation = best(say=triton.Logger.log_warn)
            selftest.require(implementation)
            self.runner = Runner(read(path.read_bytes()), implementation())
        except AssayError as error:
            raise triton.TritonModelException(f"{error.code}: {error}") from error

    def execute(self, requests: list[Any]) -> list[Any]:
        """One response per request, in order."""
        return [self.answer(request) for request in requests]

    def answer(self, request: Any) -> Any:
        try:
            arrays = {name: triton.get_input_tensor_by_name(request, name).as_numpy() for name in self.inputs}
            outputs = self.runner.run(arrays)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must reach its request
            return refusal(error)
        names = request.requested_output_names()
        return triton.InferenceResponse([triton.Tensor(name, outputs[name]) for name in names])


def refusal(error: Exception) -> Any:
    code = triton.TritonError.INVALID_ARG if isinstance(error, Refused) else triton.TritonError.INTERNAL
    return triton.InferenceResponse(error=triton.TritonError(f"{type(error).__name__}: {error}", code))

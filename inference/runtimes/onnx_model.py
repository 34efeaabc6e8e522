"""Runtime `onnx`: an ONNX file served by Triton's Python backend through onnxruntime.

Copied as `model.py` beside `model.onnx`. Runs in Triton's environment, so it imports nothing of Assay. All the
requests that Triton hands over at once become one run: rows are concatenated, answers split. Should that run
fail, each request runs alone, so that nobody's error becomes somebody else's.
"""

from __future__ import annotations

import json
import os
from itertools import accumulate
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when onnxruntime is imported

import numpy as np
import onnxruntime
import triton_python_backend_utils as triton

PROVIDERS = {"CPU": "CPUExecutionProvider", "GPU": "CUDAExecutionProvider"}
INVALID = onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument


class TritonPythonModel:
    """One instance: one process, one session, one thread."""

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        self.inputs = [port["name"] for port in config["input"]]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # throughput comes from instances; their threads would only fight
        options.inter_op_num_threads = 1
        provider = PROVIDERS[args["model_instance_kind"]]
        if provider not in onnxruntime.get_available_providers():
            raise triton.TritonModelException(f"this environment's onnxruntime has no {provider}")
        devices = [{"device_id": args["model_instance_device_id"]}] if provider.startswith("CUDA") else [{}]
        path = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        self.session = onnxruntime.InferenceSession(str(path), options, [provider], devices)

    def execute(self, requests: list[Any]) -> list[Any]:
        """One response per request, in order."""
        try:
            return self.run(requests)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must reach its request
            if len(requests) == 1:
                return [refusal(error)]
            return [response for request in requests for response in self.execute([request])]

    def run(self, requests: list[Any]) -> list[Any]:
        parts = [[array_of(request, name) for request in requests] for name in self.inputs]
        feed = {
            name: arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
            for name, arrays in zip(self.inputs, parts, strict=True)
        }
        wanted = [request.requested_output_names() for request in requests]
        names = sorted({name for some in wanted for name in some})
        rows = [len(array) for array in parts[0]]
        results = dict(zip(names, self.session.run(names, feed), strict=True))
        for name, result in results.items():
            if result.ndim == 0 or len(result) != sum(rows):
                raise ValueError(f"output {name} has shape {result.shape} for {sum(rows)} rows")
        return [
            triton.InferenceResponse([triton.Tensor(name, results[name][end - n : end]) for name in some])
            for some, n, end in zip(wanted, rows, accumulate(rows), strict=True)
        ]


def array_of(request: Any, name: str) -> Any:
    return triton.get_input_tensor_by_name(request, name).as_numpy()


def refusal(error: Exception) -> Any:
    code = triton.TritonError.INVALID_ARG if isinstance(error, INVALID) else triton.TritonError.INTERNAL
    return triton.InferenceResponse(error=triton.TritonError(f"{type(error).__name__}: {error}", code))

"""Triton behind one door: client, model repository, runtimes and the validation of uploads."""

import os

# onnxruntime's Linux wheels since 1.29 report models and machine to their maker unless told not to before import
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

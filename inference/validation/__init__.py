"""Is this uploaded file an ONNX model that can be served? Found out in a subprocess with limits, never here."""

from inference.validation.report import LIMITS, Finding, Limits, Ports, Report
from inference.validation.runner import validate, validate_sync

__all__ = ["LIMITS", "Finding", "Limits", "Ports", "Report", "validate", "validate_sync"]

"""Is this uploaded file an ONNX model that can be served? Found out in a subprocess with limits, never here.

The rules are the owner's too: `assay.modelfile`. Here is what they are applied in, and the model's first run.
"""

from assay.modelfile.report import Finding, Ports, Report
from inference.validation.outcome import LIMITS, Limits
from inference.validation.runner import validate, validate_sync

__all__ = ["LIMITS", "Finding", "Limits", "Ports", "Report", "validate", "validate_sync"]

"""What was learned from examples: the operators of `ai.onnx.ml` (docs/reproducible-operators.md, section 7)."""

from assay.operators.learned import ensemble, linear, trees, vectors

__all__ = ["ensemble", "linear", "trees", "vectors"]

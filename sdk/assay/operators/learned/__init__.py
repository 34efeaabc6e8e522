"""What was learned from examples: the operators of `ai.onnx.ml` (docs/reproducible-operators.md, section 7)."""

from assay.operators.learned import encoding, ensemble, linear, preparing, trees, vectors

__all__ = ["encoding", "ensemble", "linear", "preparing", "trees", "vectors"]

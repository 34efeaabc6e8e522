"""What to do instead, by operators that models bring and that are not among the reproducible ones."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

INTEGER_LABELS = (
    "train on integers in place of names (y = LabelEncoder().fit_transform(y) in scikit-learn) and export again; "
    "keep the names beside the model"
)
_GRAPHS = "graphs within graphs are not carried out: write the loop out, or decide before the model is asked"
_MAPS = "maps are no tensors: feed the features as columns of one tensor"

HINTS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("", "If"): _GRAPHS,
        ("", "Loop"): _GRAPHS,
        ("", "Scan"): _GRAPHS,
        ("ai.onnx.ml", "CastMap"): _MAPS,
        ("ai.onnx.ml", "CategoryMapper"): INTEGER_LABELS,
        ("ai.onnx.ml", "DictVectorizer"): _MAPS,
        ("ai.onnx.ml", "LabelEncoder"): INTEGER_LABELS,
        ("ai.onnx.ml", "ZipMap"): "export with options={'zipmap': False}: skl2onnx then gives scores as a tensor",
    }
)

"""What exporters write is read, and the reproducible operators then say what the library itself says."""

from __future__ import annotations

import numpy as np
import pytest
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRegressor

from assay.modelfile.examining import examine
from assay.program.reading import read
from assay.program.running import Runner

OPSETS = {"": 21, "ai.onnx.ml": 3}
ROWS, CLASSES = load_wine(return_X_y=True)
ROWS = ROWS.astype("float32")


def run(exported, rows):
    data = exported.SerializeToString()
    report = examine(data)
    assert report.findings == ()
    assert report.reproducible is not None
    return Runner(read(data)).run({"X": rows})


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=2000, random_state=0)),
        RandomForestClassifier(n_estimators=5, random_state=0),
        IsolationForest(n_estimators=5, random_state=0),
    ],
    ids=lambda each: type(each[-1] if hasattr(each, "steps") else each).__name__,
)
def test_a_model_of_scikit_learn(model):
    model.fit(ROWS, CLASSES)
    options = {"zipmap": False} if hasattr(model, "predict_proba") else None
    out = run(to_onnx(model, ROWS[:1], options=options, target_opset=OPSETS), ROWS)
    assert np.mean(out["label"].ravel() == model.predict(ROWS)) > 0.98  # doubles there, singles here


@pytest.mark.parametrize("missing", [False, True])
def test_a_classifier_of_xgboost(missing):
    rows = np.where(np.arange(ROWS.size).reshape(ROWS.shape) % 7, ROWS, np.float32(np.nan)) if missing else ROWS
    model = XGBClassifier(n_estimators=20, max_depth=3).fit(rows, CLASSES)
    exported = convert_xgboost(model, initial_types=[("X", FloatTensorType([None, rows.shape[1]]))])
    out = run(exported, rows)
    assert np.array_equal(out["label"], model.predict(rows))
    assert np.allclose(out["probabilities"], model.predict_proba(rows), atol=1e-6)


def test_a_regressor_of_xgboost():
    rows, targets = load_diabetes(return_X_y=True)
    rows = rows.astype("float32")
    model = XGBRegressor(n_estimators=10, max_depth=3).fit(rows, targets)
    exported = convert_xgboost(model, initial_types=[("X", FloatTensorType([None, rows.shape[1]]))])
    (scores,) = run(exported, rows).values()
    assert np.allclose(scores.ravel(), model.predict(rows), rtol=1e-5)

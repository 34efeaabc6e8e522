"""Models that scikit-learn trains and skl2onnx exports: the labels of ONNX Runtime, and nearly its scores."""

import warnings

import numpy as np
import onnxruntime
import pytest
from skl2onnx import to_onnx
from sklearn.base import is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, Normalizer, StandardScaler
from sklearn.svm import SVC, SVR, OneClassSVM
from sklearn.tree import DecisionTreeClassifier

from assay.program.graph import Unsupported
from assay.program.reading import program_of
from assay.program.running import Runner

DATA = {"iris": load_iris, "cancer": load_breast_cancer, "diabetes": load_diabetes}
ODD = 21  # trees, so that no two classes tie: sums of rounded shares would decide, and they depend on the order
CLASSIFIERS = (
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(ODD, random_state=0),
    GradientBoostingClassifier(n_estimators=10, random_state=0),
    HistGradientBoostingClassifier(max_iter=5),
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(StandardScaler(), RidgeClassifier()),
    make_pipeline(Normalizer(), SVC()),
    make_pipeline(StandardScaler(), SVC(kernel="sigmoid")),
    make_pipeline(Binarizer(threshold=2.0), DecisionTreeClassifier(random_state=0)),
    SVC(kernel="poly"),
)
REGRESSORS = (
    RandomForestRegressor(20, random_state=0),
    GradientBoostingRegressor(n_estimators=20, random_state=0),
    LinearRegression(),
    SVR(C=100),
    SVR(kernel="linear"),
    OneClassSVM(),
)
HOLED = (
    HistGradientBoostingClassifier(max_iter=5),
    RandomForestClassifier(ODD, random_state=0),
    make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
)
DOUBLE = (RandomForestClassifier(ODD, random_state=0), make_pipeline(StandardScaler(), SVC()))
MODELS = [
    *((each, name, np.float32) for each in CLASSIFIERS for name in ("iris", "cancer")),
    *((each, "diabetes", np.float32) for each in REGRESSORS),
    *((each, "cancer with holes", np.float32) for each in HOLED),
    *((each, "cancer", np.float64) for each in DOUBLE),
    (HistGradientBoostingRegressor(max_iter=5), "diabetes with holes", np.float32),
]


def rows(name, of):
    loaded, _, holed = name.partition(" with ")
    x, y = DATA[loaded](return_X_y=True)
    x[(np.random.default_rng(1).random(x.shape) < 0.1) & bool(holed)] = np.nan
    return x.astype(of), y


def exported(model, x, y):
    options = {id(model): {"zipmap": False}} if is_classifier(model) else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, about how skl2onnx converts numbers
        return to_onnx(model.fit(x, y), x[:1], options=options)


def named(each):
    return "".join(str(each).split())[:90] if hasattr(each, "fit") else getattr(each, "__name__", str(each))


@pytest.mark.parametrize(("model", "name", "of"), MODELS, ids=named)
def test_labels_are_the_same_and_scores_are_near(model, name, of):
    x, y = rows(name, of)
    onnx = exported(model, x, y)
    session = onnxruntime.InferenceSession(onnx.SerializeToString(), providers=["CPUExecutionProvider"])
    made = Runner(program_of(onnx)).run({"X": x})
    for output, expected in zip(session.get_outputs(), session.run(None, {"X": x}), strict=True):
        found = made[output.name]
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        if found.dtype == np.int64:
            assert found.tolist() == expected.tolist()
        else:
            assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_scores_as_a_map_are_refused_with_the_way_out():
    x, y = rows("iris", np.float32)
    with pytest.raises(Unsupported, match="'zipmap': False"):
        program_of(to_onnx(DecisionTreeClassifier().fit(x, y), x[:1]))


def test_names_as_labels_are_refused_with_the_way_out():
    x, y = rows("iris", np.float32)
    onnx = exported(DecisionTreeClassifier(), x, np.array(["setosa", "versicolor", "virginica"])[y])
    with pytest.raises(Unsupported, match="text"):
        Runner(program_of(onnx)).run({"X": x})

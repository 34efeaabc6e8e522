"""Who is who in the demo: four owners, each with one kind of model, which they make of every data set.

Settings were chosen by cross-validation on what the models are trained on, not by what is held out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from demo import entries

SEED = 7

Estimator = Any  # scikit-learn's: fit(rows, targets)


@dataclass(frozen=True)
class Owner:
    """`classifier` and `regressor` make a model of this owner's kind, not yet fitted."""

    slug: str
    kind: str
    how: str  # a sentence for the card
    classifier: Callable[[], Estimator]
    regressor: Callable[[], Estimator]

    @property
    def name(self) -> str:
        return entries.OWNERS[self.slug]


OWNERS = (
    Owner(
        slug="asha",
        kind="Support-vector machine",
        how="A support-vector machine with a radial kernel; probabilities by Platt scaling over three folds.",
        classifier=lambda: make_pipeline(
            StandardScaler(), CalibratedClassifierCV(SVC(C=5, random_state=SEED), cv=3, ensemble=False)
        ),
        regressor=lambda: make_pipeline(StandardScaler(), SVR(C=20, gamma=0.02, epsilon=10)),
    ),
    Owner(
        slug="bruno",
        kind="Random forest",
        how="A random forest of 100 trees.",
        classifier=lambda: RandomForestClassifier(100, min_samples_leaf=2, random_state=SEED),
        regressor=lambda: RandomForestRegressor(100, max_features=0.5, min_samples_leaf=8, random_state=SEED),
    ),
    Owner(
        slug="chidi",
        kind="Gradient-boosted trees",
        how="Gradient-boosted trees on histograms of the values.",
        classifier=lambda: HistGradientBoostingClassifier(
            max_iter=40, learning_rate=0.3, max_leaf_nodes=15, random_state=SEED
        ),
        regressor=lambda: HistGradientBoostingRegressor(
            max_iter=60, learning_rate=0.05, max_leaf_nodes=6, random_state=SEED
        ),
    ),
    Owner(
        slug="dana",
        kind="Neural network",
        how="A neural network with one hidden layer.",
        classifier=lambda: make_pipeline(
            StandardScaler(),
            MLPClassifier(hidden_layer_sizes=(64,), alpha=0.01, max_iter=400, random_state=SEED),
        ),
        regressor=lambda: make_pipeline(
            StandardScaler(),
            MLPRegressor(
                hidden_layer_sizes=(32,),
                alpha=1,
                learning_rate_init=0.01,
                early_stopping=True,
                n_iter_no_change=20,
                max_iter=1000,
                random_state=SEED,
            ),
        ),
    ),
)

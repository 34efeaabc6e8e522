"""The demo's three data sets: real data that ships inside scikit-learn, split once, and what models of it take.

Nothing is downloaded. A quarter of each set is held out; no model sees it before it is measured on it. Digits are
taken the way a buyer sends them: as a picture, through the same preprocessing.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn import datasets
from sklearn.model_selection import train_test_split

from assay.model import ANY, Field, ImagePreprocessing, Interface, Port, RowPreprocessing
from assay.preprocessing import PNG, preprocess
from demo.strokes import drawings

HELD_OUT = 0.25
SEED = 20240229
INK_LEVELS = 16
STROKES = 40  # made-up drawings of every way of writing
BOLDNESS = ((100, 0), (150, 8), (150, -8))  # (threshold of ink, degrees): see `bold`

Rows = NDArray[np.float32]  # (rows, values)
Targets = NDArray[Any]  # (rows,): int64 classes or float64 numbers


@dataclass(frozen=True)
class Dataset:
    """`labels[i]` is class i. `files` are held-out examples as a buyer would have them: name and content."""

    slug: str
    title: str
    task: str
    about: str  # Markdown: where the data is from, under which licence
    limits: str  # Markdown: what a model of it is not for
    interface: Interface
    train: tuple[Rows, Targets]
    held_out: tuple[Rows, Targets]
    files: dict[str, bytes]


# --- digits -----------------------------------------------------------------------------------------------


def digits() -> Dataset:
    """Handwritten digits, 8 × 8. `crop` makes a small drawing in a corner count like one that fills the page."""
    labels = tuple(str(digit) for digit in range(10))
    interface = Interface(
        task="classification",
        inputs=(Port(name="image", datatype="FP32", shape=(ANY, 64)),),
        outputs=_classes(labels),
        labels=labels,
        preprocessing=ImagePreprocessing(
            input="image", height=8, width=8, channels="gray", invert=True, crop=True, levels=INK_LEVELS
        ),
    )
    pictures, targets = datasets.load_digits(return_X_y=True)
    ours, theirs = _split(targets, stratify=True)
    drawn = [picture(values) for values in pictures]
    variants = [drawn, *([bold(values, *how) for values in pictures] for how in BOLDNESS)]
    strokes, meant = zip(*drawings(STROKES, SEED), strict=True)
    train = np.concatenate(
        [*(_read(interface, [each[i] for i in ours]) for each in variants), _read(interface, strokes)]
    )
    return Dataset(
        slug="digits",
        title="Handwritten digits",
        task="Reads one handwritten digit",
        about=(
            "*Optical Recognition of Handwritten Digits* (E. Alpaydin and C. Kaynak, UCI Machine Learning "
            "Repository, 1998; CC BY 4.0), as shipped in scikit-learn: 1,797 digits by 13 people, 8 × 8 pixels. "
            "Models are trained on three quarters of them, each as it is and three times as if drawn in felt pen, "
            f"and on {len(meant)} drawings made up from strokes, with bare ones and sevens."
        ),
        limits=(
            "One digit at a time, dark on light. The writers are few, and put a serif to their ones and a bar "
            "through their sevens: other hands are misread more often than the accuracy says. A picture of "
            "anything else gets a digit all the same."
        ),
        interface=interface,
        train=(train, np.concatenate([np.tile(targets[ours], len(variants)), meant])),
        held_out=(_read(interface, [drawn[i] for i in theirs]), targets[theirs]),
        files={f"digit-{targets[i]}.png": drawn[i] for i in theirs[:10]},
    )


def picture(values: NDArray[np.float64]) -> bytes:
    """A PNG of 8 × 8 pixels, dark ink on white, from 64 levels of ink, 0 to 16."""
    return _png(_ink(values))


def bold(values: NDArray[np.float64], threshold: int, degrees: int) -> bytes:
    """The same digit as with a felt pen on a large sheet, a little turned: what people draw on a screen."""
    large = Image.fromarray(_ink(values)).resize((64, 64), Image.Resampling.BICUBIC)
    turned = np.asarray(large.rotate(degrees, Image.Resampling.BICUBIC))
    return _png(np.where(turned > threshold, 255, 0).astype(np.uint8))


def _ink(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(values.reshape(8, 8) * 255 / INK_LEVELS).astype(np.uint8)


def _png(ink: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(255 - ink).save(file, "png")
    return file.getvalue()


def _read(interface: Interface, pictures: Sequence[bytes]) -> Rows:
    return np.concatenate([preprocess(interface, each, PNG)[0].array() for each in pictures])


# --- tables -----------------------------------------------------------------------------------------------


def breast_cancer() -> Dataset:
    """Cell nuclei in a breast mass, 30 measurements: malignant or benign."""
    bunch = datasets.load_breast_cancer()
    labels = tuple(str(name) for name in bunch.target_names)
    names = [str(name).replace(" ", "_") for name in bunch.feature_names]
    return _table(
        slug="breast-cancer",
        title="Breast mass, malignant or benign",
        task="Tells malignant from benign breast masses by measurements of cell nuclei",
        about=(
            "*Breast Cancer Wisconsin (Diagnostic)* (W. Wolberg, O. Mangasarian, N. Street and W. Street, UCI "
            "Machine Learning Repository, 1993; CC BY 4.0), as shipped in scikit-learn: 569 masses, 30 "
            "measurements each."
        ),
        limits="A demonstration of tables, not a medical device: nothing may be decided about a patient with it.",
        columns=[(name, "", values) for name, values in zip(names, bunch.data.T, strict=True)],
        targets=bunch.target,
        labels=labels,
    )


def diabetes() -> Dataset:
    """Diabetes patients, ten measurements: how far the disease will have progressed in a year."""
    bunch = datasets.load_diabetes(scaled=False)
    columns = (
        ("age", "years"),
        ("sex", "1 or 2"),
        ("body_mass_index", "kg/m²"),
        ("blood_pressure", "mm Hg"),
        ("total_cholesterol", "mg/dl"),
        ("low_density_lipoproteins", "mg/dl"),
        ("high_density_lipoproteins", "mg/dl"),
        ("cholesterol_ratio", "total ÷ HDL"),
        ("log_triglycerides", "natural logarithm of mg/dl"),
        ("blood_sugar", "mg/dl"),
    )
    return _table(
        slug="diabetes",
        title="Diabetes progression",
        task="Estimates a score of disease progression one year on, from ten measurements",
        about=(
            "*Diabetes data* of B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, *Least Angle Regression*, "
            "Annals of Statistics, 2004; published by its authors without a licence and shipped in scikit-learn "
            "(BSD-3-Clause): 442 patients. The score runs from 25 to 346."
        ),
        limits=(
            "The ten measurements explain about half of the variation, whatever the model. A demonstration of "
            "regression, not a medical device."
        ),
        columns=[(name, unit, values) for (name, unit), values in zip(columns, bunch.data.T, strict=True)],
        targets=bunch.target,
        labels=(),
    )


def _table(
    *,
    columns: list[tuple[str, str, NDArray[np.float64]]],
    targets: Targets,
    labels: tuple[str, ...],
    **about: str,
) -> Dataset:
    rows = np.column_stack([values for _, _, values in columns]).astype(np.float32)
    ours, theirs = _split(targets, stratify=bool(labels))
    shown = theirs[0]
    fields = tuple(Field(name=name, unit=unit, example=f"{values[shown]:g}") for name, unit, values in columns)
    interface = Interface(
        task="classification" if labels else "regression",
        inputs=(Port(name="row", datatype="FP32", shape=(ANY, len(fields))),),
        outputs=_classes(labels) if labels else (Port(name="value", datatype="FP32", shape=(ANY, 1)),),
        labels=labels,
        preprocessing=RowPreprocessing(input="row", fields=fields),
    )
    csv = [",".join(field.name for field in fields)]
    csv += [",".join(f"{values[i]:g}" for _, _, values in columns) for i in theirs[:5]]
    return Dataset(
        **about,
        interface=interface,
        train=(rows[ours], targets[ours]),
        held_out=(rows[theirs], targets[theirs]),
        files={f"{about['slug']}.csv": "\n".join([*csv, ""]).encode()},
    )


# --- both -------------------------------------------------------------------------------------------------


def _classes(labels: tuple[str, ...]) -> tuple[Port, Port]:
    return (
        Port(name="label", datatype="INT64", shape=(ANY,)),
        Port(name="probabilities", datatype="FP32", shape=(ANY, len(labels))),
    )


def _split(targets: Targets, *, stratify: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices to train on and held out; those held out begin with one of each class."""
    everything = np.arange(len(targets))
    ours, theirs = train_test_split(
        everything, test_size=HELD_OUT, random_state=SEED, stratify=targets if stratify else None
    )
    if stratify:
        first = [int(np.flatnonzero(targets[theirs] == label)[0]) for label in np.unique(targets)]
        theirs = np.concatenate([theirs[first], np.delete(theirs, first)])
    return ours, theirs


EVERY: tuple[Callable[[], Dataset], ...] = (digits, breast_cancer, diabetes)

"""The demo models are real: trained on the spot, exported as they promise, measured on unseen data."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import onnxruntime
import pytest
from PIL import Image, ImageDraw

from assay.model import ModelReference
from assay.preprocessing import CSV, PNG, preprocess
from assay.program.reading import read
from assay.program.running import Runner
from demo import catalogue, datasets, entries, export, train
from inference.validation import validate_sync
from marketplace.catalogue import interfaces, labelled
from native import loader
from native.implementation import Native


@pytest.fixture(scope="module")
def digits():
    return datasets.digits()


@pytest.fixture(scope="module")
def tables():
    return [datasets.breast_cancer(), datasets.diabetes()]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of all but the digits."""
    folder = tmp_path_factory.mktemp("demo") / "models"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "EVERY", (datasets.breast_cancer, datasets.diabetes))
        train.train(folder)
    return folder


def run(model, interface, rows):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run([port.name for port in interface.outputs], {interface.inputs[0].name: rows})


def test_every_table_model_is_accepted_with_exactly_the_interface_it_declares(made):
    every = entries.entries(made)
    assert len(every) == 2 * len(catalogue.OWNERS)
    for entry in every:
        report = validate_sync(made / entry.model)
        assert [finding for finding in report.findings if finding.level != "info"] == []
        declared = interfaces.declaration(interfaces.plain(entry.interface))
        interface, findings = interfaces.complete(declared, report.ports)
        assert (interface, findings) == (entry.interface, ())
        assert ModelReference(bytes.fromhex(entry.digest), interface).digest == report.digest


@pytest.mark.parametrize("owner", catalogue.OWNERS, ids=lambda owner: owner.slug)
def test_every_kind_of_model_is_reproducible_and_says_what_it_says_elsewhere(owner, digits, tables):
    for dataset in (digits, *tables):
        rows, targets = dataset.train
        chosen = np.random.default_rng(4).permutation(len(rows))[:300]  # the graph is that of the whole set
        dataset = dataclasses.replace(dataset, train=(rows[chosen], targets[chosen]))
        model = export.export(export.fitted(owner, dataset), dataset.interface)
        rows = dataset.held_out[0][:30]
        program, inputs = read(model), {dataset.interface.inputs[0].name: rows}
        plain = Runner(program).run(inputs)
        compiled = Runner(program, Native(loader.load())).run(inputs)
        assert all(compiled[name].tobytes() == value.tobytes() for name, value in plain.items())
        for port, elsewhere in zip(dataset.interface.outputs, run(model, dataset.interface, rows), strict=True):
            if port.datatype == "INT64":
                assert plain[port.name].tolist() == elsewhere.tolist()
            else:
                np.testing.assert_allclose(plain[port.name], elsewhere, rtol=1e-4, atol=1e-4)


def test_measured_figures_are_those_of_the_file(made):
    for entry in entries.entries(made):
        given = labelled.read(entry.interface, (made / entry.labelled).read_bytes())
        answers = run((made / entry.model).read_bytes(), entry.interface, given.inputs[0].array())[0].reshape(-1)
        if entry.interface.labels:
            right = [int(got) == want for got, want in zip(answers, given.classes, strict=True)]
            assert entry.metrics == {"accuracy": pytest.approx(np.mean(right))}
            assert 0.9 < entry.metrics["accuracy"] < 1
        else:
            error = np.abs(answers - np.array(given.values))
            assert entry.metrics["mean-absolute-error"] == pytest.approx(error.mean())
            assert 0.3 < entry.metrics["r2"] < 0.7
        assert "held out" in entry.card


def test_probabilities_are_a_distribution_over_the_labels(made):
    for entry in entries.entries(made):
        if entry.interface.labels:
            rows = labelled.read(entry.interface, (made / entry.labelled).read_bytes()).inputs[0].array()
            label, probabilities = run((made / entry.model).read_bytes(), entry.interface, rows)
            assert label.dtype == np.int64
            assert probabilities.dtype == np.float32
            assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)
            assert probabilities.min() >= 0


def test_what_is_held_out_was_never_trained_on(digits, tables):
    for dataset in (digits, *tables):
        seen = {row.tobytes() for row in dataset.train[0]}
        held_out = [row.tobytes() for row in dataset.held_out[0]]
        repeated = sum(row in seen for row in held_out)
        assert repeated == 0, dataset.slug
        assert len(held_out) == pytest.approx(
            datasets.HELD_OUT * {"digits": 1797, "breast-cancer": 569}.get(dataset.slug, 442), abs=1
        )


def test_a_current_folder_is_left_and_a_half_made_or_outdated_one_made_again(made, monkeypatch):
    model = made / "dana-diabetes.onnx"
    before = model.stat()
    train.train(made)
    assert model.stat() == before
    monkeypatch.setattr(datasets, "EVERY", (datasets.diabetes,))
    (made / entries.MADE_FROM).write_text("an older checkout")
    (made.with_name("models.half")).mkdir()
    train.train(made)
    assert model.stat().st_ino != before.st_ino
    assert not made.with_name("models.half").exists()
    assert {entry.slug for entry in entries.entries(made)} == {"diabetes"}


def test_a_held_out_picture_reads_as_exactly_the_row_that_was_measured(digits):
    for i in range(10):
        name = f"digit-{digits.held_out[1][i]}.png"
        tensor = preprocess(digits.interface, digits.files[name], PNG)[0]
        assert (tensor.array() == digits.held_out[0][i]).all()
    assert list(digits.held_out[1][:10]) == list(range(10))


def test_a_held_out_table_row_reads_as_exactly_the_row_that_was_measured(tables):
    for dataset in tables:
        tensor = preprocess(dataset.interface, dataset.files[f"{dataset.slug}.csv"], CSV)[0]
        assert np.allclose(tensor.array(), dataset.held_out[0][: tensor.shape[0]], rtol=1e-5)


def test_digits_drawn_small_in_a_corner_or_in_bare_strokes_are_read(digits):
    asha = catalogue.OWNERS[0]
    model = export.export(export.fitted(asha, digits), digits.interface)
    assert export.measure(model, digits)["accuracy"] > 0.95
    for digit, drawn in (
        (0, _sheet(ring=(30, 170, 110, 290))),
        (0, _sheet(ring=(200, 20, 280, 150))),
        (1, _sheet(line=[(170, 30), (165, 270)])),
        (1, _sheet(line=[(120, 100), (180, 50), (180, 280)])),
        (7, _sheet(line=[(90, 60), (240, 60), (150, 290)])),
    ):
        tensor = preprocess(digits.interface, drawn, PNG)[0]
        label, _ = run(model, digits.interface, tensor.array())
        assert label.tolist() == [digit]


def _sheet(ring=None, line=None):
    """An O or a line in felt pen on a sheet of 320 × 320."""
    sheet = Image.new("L", (320, 320), 255)
    pencil = ImageDraw.Draw(sheet)
    if ring:
        pencil.ellipse(ring, outline=0, width=14)
    if line:
        pencil.line(line, fill=0, width=14, joint="curve")
    file = io.BytesIO()
    sheet.save(file, "png")
    return file.getvalue()

"""What an evaluation tells: by kind of output, with masks, in own units, and beside what `predict` gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

import nnctl
from nnctl.evaluation.amounts import AmountReport
from nnctl.evaluation.classes import ClassReport
from nnctl.evaluation.labels import LabelReport
from nnctl.runs.directory import RunDirectory
from nnctl.workflow.evaluate import evaluate
from nnctl.workflow.train import Training, start
from tests.cli.command import CONFIGS

HEAD = "nnctl: 1\nseed: 3\n"


def trained(config: Path, run: Path, *overrides: str) -> Training:
    training = start(config, run_dir=run, overrides=overrides, threads=1)
    for _ in training.events():
        pass
    return training


def made(folder: Path, text: str, **arrays: Any) -> Training:
    """A config over `data.npz` with these arrays, trained."""
    np.savez(folder / "data.npz", **arrays)
    (folder / "own.yaml").write_text(HEAD + text)
    return trained(folder / "own.yaml", folder / "run")


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Training:
    return trained(CONFIGS / "iris.yaml", tmp_path_factory.mktemp("iris") / "run", "training.epochs=4")


def test_a_run_keeps_what_its_model_is_worth_on_each_split(iris: Training) -> None:
    assert iris.path is not None
    kept = json.loads((iris.path / "evaluation.json").read_text())
    assert kept["weights_sha256"] == iris.manifest.weights_sha256
    assert list(kept["splits"]) == ["validation", "test"]
    validation = kept["splits"]["validation"]["metrics"]
    assert {f"val_{n}": v for n, v in validation.items()}.items() <= iris.manifest.metrics.items()
    assert kept["splits"]["test"]["outputs"]["species"]["kind"] == "classes"


def test_classes_are_those_of_the_predictions(iris: Training) -> None:
    predicted = nnctl.Run(iris.path).predict(split="test", keep=["species"])
    names = predicted.classes["species"]
    wanted = np.array([names.index(word) for word in predicted.kept["species"]])
    scores = predicted["species"].astype(np.float64)
    found = evaluate(str(iris.path), threads=2)
    report = found.scored.reports["species"]
    assert isinstance(report, ClassReport)
    assert [c.name for c in report.classes] == list(names)
    np.testing.assert_array_equal(report.confusion, sk.confusion_matrix(wanted, scores.argmax(axis=1)))
    assert report.log_loss == pytest.approx(sk.log_loss(wanted, scores), abs=1e-12)
    assert report.accuracy == found.metrics["accuracy"]
    assert found.as_json()["outputs"]["species"]["confusion"] == [list(row) for row in report.confusion or ()]


def test_another_split_is_kept_beside_the_others(iris: Training) -> None:
    assert iris.path is not None
    evaluate(str(iris.path), split="train")
    run = RunDirectory(iris.path)
    digest = iris.manifest.weights_sha256 or ""
    assert list(run.scores(digest).splits) == ["validation", "test", "train"]
    assert run.scores("another model's").splits == {}
    before = (iris.path / "evaluation.json").read_bytes()
    evaluate(str(iris.path), data=CONFIGS / "data" / "iris.csv")
    assert (iris.path / "evaluation.json").read_bytes() == before


def test_a_run_that_is_held_is_evaluated_all_the_same(iris: Training, tmp_path: Path) -> None:
    assert iris.path is not None
    before, told = (iris.path / "evaluation.json").read_bytes(), []
    with RunDirectory(iris.path).lock:
        assert evaluate(str(iris.path), split="train", watch=told.append).examples > 0
    assert (iris.path / "evaluation.json").read_bytes() == before
    assert any("not kept in the run" in str(event) for event in told)


def test_numbers_are_in_the_columns_own_unit(tmp_path: Path) -> None:
    run = trained(CONFIGS / "diabetes.yaml", tmp_path / "run", "training.epochs=2").path
    predicted = nnctl.Run(run).predict(split="test", keep=["progression"])
    wanted = np.array([float(cell) for cell in predicted.kept["progression"]])
    own = predicted["progression"][:, 0].astype(np.float64)
    found = evaluate(str(run))
    report = found.scored.reports["progression"]
    assert isinstance(report, AmountReport)
    assert report.mae == pytest.approx(sk.mean_absolute_error(wanted, own), rel=1e-5)
    (column,) = report.columns
    assert column.name == "progression"
    assert column.scaled is not None
    assert column.scaled.mae == pytest.approx(found.metrics["mae"], rel=1e-6)
    assert found.metrics["mae_unscaled"] == pytest.approx(report.mae, rel=1e-6)
    assert report.baseline["rmse"] == pytest.approx(wanted.std(), rel=1e-6)


def test_one_number_for_the_second_of_two_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 3)).astype(np.float32)
    text = """
data: {source: {type: npz, path: data.npz, target: y}, split: {test: 11}, batch_size: 8}
model: {layers: [{type: Dense, units: 1}]}
training:
  loss: {type: BinaryCrossentropy, from_logits: true}
  metrics: [{type: BinaryAccuracy, threshold: 0.0}]
"""
    run = made(tmp_path, text, x=x, y=(x[:, 0] > 0).astype(np.int64))
    report = run.scores["test"].reports[next(iter(run.scores["test"].reports))]
    assert isinstance(report, ClassReport)
    assert report.places == 11
    assert [c.name for c in report.classes] == ["0", "1"]
    assert report.accuracy == run.scores["test"].metrics["binary_accuracy"]
    assert report.log_loss == pytest.approx(run.scores["test"].metrics["loss"], abs=1e-6)


def test_several_labels_and_what_only_looks_like_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 4)).astype(np.float32)
    text = """
data: {source: {type: npz, path: data.npz, target: y}, split: {test: 7}, batch_size: 8}
model: {layers: [{type: Dense, units: 3, activation: sigmoid}]}
training: {loss: binary_crossentropy, metrics: [binary_accuracy]}
"""
    run = made(tmp_path, text, x=x, y=(x[:, :3] > 0).astype(np.float32))
    scored = run.scores["test"]
    (report,) = scored.reports.values()
    assert isinstance(report, LabelReport)
    assert report.accuracy == pytest.approx(scored.metrics["binary_accuracy"], abs=1e-7)
    (tmp_path / "other").mkdir()
    run = made(tmp_path / "other", text, x=x, y=rng.random((30, 3)).astype(np.float32))
    (amounts,) = run.scores["test"].reports.values()
    assert isinstance(amounts, AmountReport)


def test_masked_steps_do_not_count(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(1, 6, (26, 5))
    x[::2, 3:] = 0
    text = """
data: {source: {type: npz, path: data.npz, target: y}, split: {test: 9, order: rows}, batch_size: 4}
model:
  layers:
    - {type: Embedding, input_dim: 6, output_dim: 4, mask_zero: true}
    - {type: Dense, units: 3, activation: softmax}
training: {loss: sparse_categorical_crossentropy, weighted_metrics: [accuracy]}
"""
    run = made(tmp_path, text, x=x, y=rng.integers(0, 3, (26, 5)))
    scored = run.scores["test"]
    (report,) = scored.reports.values()
    assert isinstance(report, ClassReport)
    assert report.places == int((x[17:] > 0).sum())
    assert report.accuracy == pytest.approx(scored.metrics["accuracy"], abs=1e-7)
    assert report.log_loss == pytest.approx(scored.metrics["loss"] * 45 / report.places, rel=0.5)


def test_several_outputs_are_told_each_by_itself(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((24, 3)).astype(np.float32)
    text = """
data:
  source: {type: npz, path: data.npz}
  inputs: x
  targets: {kind: k, size: s}
  split: {test: 5}
  batch_size: 8
model:
  inputs: {x: {shape: [3]}}
  layers:
    - {type: Dense, units: 4, name: both}
    - {type: Dense, units: 2, activation: softmax, name: kind, inputs: both}
    - {type: Dense, units: 1, name: size, inputs: both}
  outputs: [kind, size]
training: {loss: {kind: sparse_categorical_crossentropy, size: mse}}
"""
    run = made(tmp_path, text, x=x, k=rng.integers(0, 2, 24), s=x.sum(axis=1))
    numbers = run.scores["test"].numbers()
    assert {"kind_accuracy", "kind_macro_f1", "size_mae", "size_r2", "loss", "kind_loss"} <= numbers.keys()
    assert "accuracy" not in numbers


def test_a_split_that_cannot_be_read_costs_no_model(
    iris: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnctl.core.errors import DataError
    from nnctl.workflow import final

    def refuse(*given: Any) -> Any:
        raise DataError("not a number", file="x.h5", row=3)

    monkeypatch.setattr(final, "score", refuse)
    training = start(CONFIGS / "iris.yaml", run_dir=tmp_path / "run", overrides=["training.epochs=4"])
    told = [str(event) for event in training.events()]
    assert training.manifest.weights_sha256 == iris.manifest.weights_sha256
    assert any("the test split cannot be scored: x.h5:3: not a number" in text for text in told)

"""`predict`: what is written, by the output's ending."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import nnctl

SPECIES = ["setosa", "versicolor", "virginica"]


def predicted(trained: Path, tmp_path: Path, name: str, run: str = "iris") -> Path:
    out = tmp_path / name
    done = nnctl("predict", run, f"data/{run}.csv", "-o", out, "--json", cwd=trained)
    assert done.code == 0, done.err
    assert set(done.json) == {"run", "examples", "output"}
    return out


def test_the_three_formats_say_the_same(trained: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader(predicted(trained, tmp_path, "out.csv").open()))
    objects = [
        json.loads(line) for line in predicted(trained, tmp_path, "out.jsonl").read_text().splitlines()
    ]
    array = np.load(predicted(trained, tmp_path, "out.npy"), allow_pickle=False)
    assert (len(rows), len(objects), array.shape) == (150, 150, (150, 3))
    assert list(rows[0]) == ["species", *(f"species_{name}" for name in SPECIES)]
    for row, found, values in zip(rows, objects, array, strict=True):
        best = SPECIES[int(values.argmax())]
        assert row["species"] == found["species"]["class"] == best
        written = np.array([row[f"species_{name}"] for name in SPECIES], np.float32)
        np.testing.assert_array_equal(written, values)
        np.testing.assert_array_equal(
            np.array(list(found["species"]["probabilities"].values()), np.float32), values
        )


def test_several_outputs_and_units(trained: Path, tmp_path: Path) -> None:
    """A scaled number comes back in its own unit; NPY holds one array only."""
    rows = list(csv.DictReader(predicted(trained, tmp_path, "out.csv", "penguins").open()))
    masses = np.array([row["mass"] for row in rows], float)
    assert 1500 < masses.mean() < 7000
    assert {row["species"] for row in rows} <= {"Adelie", "Chinstrap", "Gentoo"}
    done = nnctl("predict", "penguins", "data/penguins.csv", "-o", tmp_path / "out.npy", cwd=trained)
    assert done.code == 2
    assert not (tmp_path / "out.npy").exists()


@pytest.mark.parametrize("from_logits", [False, True])
def test_two_named_classes_by_one_number(from_logits: bool, here: Path) -> None:
    rows = (here / "data" / "iris.csv").read_text().splitlines()
    (here / "data" / "two.csv").write_text("\n".join(r for r in rows if not r.endswith("setosa")) + "\n")
    activation = "linear" if from_logits else "sigmoid"
    overrides = [
        "data.source.path=data/two.csv",
        "training.epochs=1",
        f"training.loss={{type: BinaryCrossentropy, from_logits: {str(from_logits).lower()}}}",
        f"model.layers.species={{type: Dense, units: 1, activation: {activation}, name: species}}",
    ]
    said = [word for override in overrides for word in ("--set", override)]
    assert nnctl("train", "iris.yaml", "-q", "--run-dir", "two", *said, cwd=here).code == 0
    for name in ("out.csv", "out.npy"):
        done = nnctl("predict", "two", "data/two.csv", "-o", name, cwd=here)
        assert done.code == 0, done.err
    array = np.load(here / "out.npy")[:, 0].astype(np.float64)
    second = 1 / (1 + np.exp(-array)) if from_logits else array
    written = list(csv.DictReader((here / "out.csv").open()))
    assert list(written[0]) == ["species", "species_versicolor", "species_virginica"]
    for row, p in zip(written, second, strict=True):
        assert row["species"] == ("virginica" if p > 0.5 else "versicolor")
        np.testing.assert_allclose(
            [float(row["species_versicolor"]), float(row["species_virginica"])], [1 - p, p], rtol=1e-5
        )


def test_logits_are_told_as_probabilities(here: Path) -> None:
    said = [
        *("--set", "training.epochs=1"),
        *("--set", "training.loss={type: SparseCategoricalCrossentropy, from_logits: true}"),
        *("--set", "model.layers.species.activation=linear"),
    ]
    assert nnctl("train", "iris.yaml", "-q", "--run-dir", "raw", *said, cwd=here).code == 0
    assert nnctl("predict", "raw", "data/iris.csv", "-o", "out.jsonl", cwd=here).code == 0
    for line in (here / "out.jsonl").read_text().splitlines():
        found = json.loads(line)["species"]["probabilities"]
        assert abs(sum(found.values()) - 1) < 1e-5
        assert json.loads(line)["species"]["class"] == max(found, key=found.__getitem__)


def test_only_the_inputs_are_needed(trained: Path, tmp_path: Path) -> None:
    rows = [line.rsplit(",", 1)[0] for line in (trained / "data" / "iris.csv").read_text().splitlines()]
    (tmp_path / "new.csv").write_text("\n".join(rows[:8]) + "\n")
    out = tmp_path / "out.csv"
    assert nnctl("predict", "iris", tmp_path / "new.csv", "-o", out, cwd=trained).code == 0
    assert len(out.read_text().splitlines()) == 8
    lacking = nnctl("predict", "iris", "data/penguins.csv", "-o", tmp_path / "no.csv", cwd=trained)
    assert lacking.code == 3
    assert "has no column 'sepal_length'" in lacking.err


def test_text_that_a_spreadsheet_would_run_is_quoted(here: Path) -> None:
    data = here / "data" / "iris.csv"
    data.write_text(data.read_text().replace("setosa", "=1+1").replace("virginica", "@SUM(A1)"))
    assert nnctl("train", "iris.yaml", "-q", "--set", "training.epochs=20", cwd=here).code == 0
    assert nnctl("predict", "iris", "data/iris.csv", "-o", "out.csv", cwd=here).code == 0
    rows = list(csv.reader((here / "out.csv").open()))
    assert {row[0] for row in rows[1:]} <= {"'=1+1", "'@SUM(A1)", "versicolor"}
    assert {row[0] for row in rows[1:]} >= {"'=1+1"}
    assert nnctl("predict", "iris", "data/iris.csv", "-o", "out.jsonl", cwd=here).code == 0
    assert '"class": "=1+1"' in (here / "out.jsonl").read_text()

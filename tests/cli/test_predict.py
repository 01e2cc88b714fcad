"""`predict`: what is written, by the output's ending."""

from __future__ import annotations

import csv
import json
import shutil
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
    """Each under the name of its target, a scaled number in its own unit; NPY holds one array only."""
    rows = list(csv.DictReader(predicted(trained, tmp_path, "out.csv", "penguins").open()))
    masses = np.array([row["body_mass_g"] for row in rows], float)
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


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_split(split: str, trained: Path, tmp_path: Path) -> None:
    """The rows of the split with their numbers; each prediction is that of the same row of the whole file."""
    whole = read(predicted(trained, tmp_path, "out.csv"))
    out = tmp_path / "split.csv"
    done = nnctl("predict", "iris", "--split", split, "-o", out, "--json", cwd=trained)
    assert done.code == 0, done.err
    rows = read(out)
    scored = nnctl("eval", "iris", "--split", split, "--json", cwd=trained).json
    assert done.json["examples"] == len(rows) == scored["examples"]
    assert len({row["row"] for row in rows}) == len(rows)
    for row in rows:
        # Row 1 is the header, row 2 the first of the data.
        assert {k: v for k, v in row.items() if k != "row"} == whole[int(row["row"]) - 2]


def test_what_is_kept_of_a_split_gives_its_accuracy(trained: Path, tmp_path: Path) -> None:
    """A kept column with the name of a prediction gets another; the given classes are those of `eval`."""
    out = tmp_path / "out.jsonl"
    keep = ["--keep", "species", "--keep", "petal_width"]
    done = nnctl("predict", "iris", "--split", "test", "-o", out, *keep, cwd=trained)
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert list(rows[0]) == ["row", "species_given", "petal_width", "species"]
    right = sum(row["species_given"] == row["species"]["class"] for row in rows)
    scored = nnctl("eval", "iris", "--split", "test", "--json", cwd=trained).json["metrics"]
    assert scored["accuracy"] == pytest.approx(right / len(rows))
    lines = (trained / "data" / "iris.csv").read_text().splitlines()
    assert all(row["petal_width"] == lines[row["row"] - 1].split(",")[3] for row in rows)


def test_a_split_of_changed_data_is_refused(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    data = tmp_path / "copy" / "data" / "iris.csv"
    head, *rows = data.read_text().splitlines()
    data.write_text("\n".join([head, *reversed(rows)]) + "\n")
    done = nnctl("predict", "iris", "--split", "test", "-o", "out.csv", cwd=tmp_path / "copy")
    assert done.code == 3
    assert "has changed since the run was trained" in done.err
    assert "without --split a file is predicted whole" in done.err
    assert not (tmp_path / "copy" / "out.csv").exists()
    original = trained / "data" / "iris.csv"
    moved = nnctl("predict", "iris", original, "--split", "test", "-o", "out.csv", cwd=tmp_path / "copy")
    assert moved.code == 0, moved.err
    assert len(read(tmp_path / "copy" / "out.csv")) == 30


def test_nothing_to_predict_and_nothing_to_keep(trained: Path, tmp_path: Path) -> None:
    done = nnctl("predict", "iris", "-o", tmp_path / "out.csv", cwd=trained)
    assert (done.code, "name a file, or a split with --split" in done.err) == (2, True)
    command = ["predict", "iris", "data/iris.csv", "-o"]
    lacking = nnctl(*command, tmp_path / "out.csv", "--keep", "petal_wide", cwd=trained)
    assert (lacking.code, "did you mean 'petal_width'?" in lacking.err) == (3, True)
    array = nnctl(*command, tmp_path / "out.npy", "--keep", "petal_width", cwd=trained)
    assert (array.code, "cannot keep petal_width" in array.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_rows_gives_a_file_without_predictions(trained: Path, tmp_path: Path) -> None:
    head = (trained / "data" / "iris.csv").read_text().splitlines()[0]
    (tmp_path / "none.csv").write_text(f"{head}\n")
    np.save(tmp_path / "none.npy", np.empty((0, 4)))
    for source in ("none.csv", "none.npy"):
        for name, text in {"a.csv": "species,", "a.jsonl": "", "a.npy": None}.items():
            command = ["predict", "iris", tmp_path / source, "-o", tmp_path / name, "--force", "--json"]
            done = nnctl(*command, cwd=trained)
            assert (done.code, done.json["examples"]) == (0, 0), done.err
            if text is not None:
                assert (tmp_path / name).read_text().startswith(text)
        assert len((tmp_path / "a.csv").read_text().splitlines()) == 1
        assert np.load(tmp_path / "a.npy").shape == (0, 3)


def test_the_target_names_the_predictions(here: Path) -> None:
    """Not the layer, whose name nobody gave; a number too."""
    assert nnctl("train", "iris.yaml", "-q", *UNNAMED, "--run-dir", "run", cwd=here).code == 0
    assert nnctl("predict", "run", "data/iris.csv", "-o", "out.csv", cwd=here).code == 0
    assert list(read(here / "out.csv")[0]) == ["species", *(f"species_{name}" for name in SPECIES)]
    assert nnctl("predict", "run", "data/iris.csv", "-o", "out.jsonl", cwd=here).code == 0
    assert list(json.loads((here / "out.jsonl").read_text().splitlines()[0])) == ["species"]


UNNAMED = [
    *("--set", "training.epochs=1"),
    *("--set", "model={layers: [{type: Dense, units: 3, activation: softmax}]}"),
]


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a trained `sequence` template."""
    directory = tmp_path_factory.mktemp("series")
    assert nnctl("init", "sequence", "-o", "sequence.yaml", cwd=directory).code == 0
    done = nnctl("train", "sequence.yaml", "-q", "--set", "training.epochs=1", cwd=directory)
    assert done.code == 0, done.err
    return directory


def test_windows_have_their_time(series: Path, tmp_path: Path) -> None:
    """Each the row on which its window ends, and what is kept of it."""
    lines = (series / "data" / "sunspots.csv").read_text().splitlines()
    time = lines[0].split(",")[0]
    out = tmp_path / "out.csv"
    command = ["predict", "sequence", "data/sunspots.csv", "-o", out, "--keep", time]
    done = nnctl(*command, cwd=series)
    assert done.code == 0, done.err
    rows = read(out)
    assert list(rows[0])[:2] == ["row", time]
    assert [row[time] for row in rows] == [lines[int(row["row"]) - 1].split(",")[0] for row in rows]
    assert int(rows[-1]["row"]) == len(lines)
    command = ["predict", "sequence", "--split", "test", "-o", tmp_path / "test.csv", "--keep", time]
    done = nnctl(*command, cwd=series)
    assert done.code == 0, done.err
    whole = {row["row"]: row for row in rows}
    assert all(row == whole[row["row"]] for row in read(tmp_path / "test.csv"))


def test_blocks_do_not_show(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row's prediction has the same bits however the file is cut and batches are filled."""
    files = ["whole.csv", "blocks.csv"]
    for size, steps, name in ((16384, 1024, files[0]), (7, 3, files[1])):
        monkeypatch.setattr("nnctl.data.reading.text_blocks.BLOCK_ROWS", size)
        monkeypatch.setattr("nnctl.workflow.predict._ROWS", steps)
        done = nnctl("predict", "penguins", "data/penguins.csv", "-o", tmp_path / name, cwd=trained)
        assert done.code == 0, done.err
    assert (tmp_path / files[0]).read_bytes() == (tmp_path / files[1]).read_bytes()
    bad = tmp_path / "bad.csv"
    bad.write_text((trained / "data" / "penguins.csv").read_text().replace("39.3,20.6", "39.3,twenty"))
    done = nnctl("predict", "penguins", bad, "-o", tmp_path / files[1], "--force", cwd=trained)
    assert done.code == 3
    assert (tmp_path / files[0]).read_bytes() == (tmp_path / files[1]).read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.csv", "blocks.csv", "whole.csv"]


def test_a_target_of_two_columns_and_an_output_without_one(here: Path) -> None:
    """The columns keep their names; what was trained towards nothing goes by the output's."""
    (here / "pair.yaml").write_text(
        """
nnctl: 1
data:
  source: data/iris.csv
  inputs: [petal_length, petal_width]
  targets: {sizes: [sepal_length, sepal_width]}
model:
  layers:
    - {type: Dense, units: 2, name: inner}
    - {type: Dense, units: 2, name: sizes}
  outputs: [sizes, inner]
training: {epochs: 1, optimizer: sgd, loss: {sizes: mse, inner: null}}
"""
    )
    assert nnctl("train", "pair.yaml", "--run-dir", "run", cwd=here).code == 0
    done = nnctl("predict", "run", "data/iris.csv", "-o", "out.csv", cwd=here)
    assert done.code == 0, done.err
    rows = list(csv.DictReader((here / "out.csv").open()))
    assert (len(rows), list(rows[0])) == (150, ["sepal_length", "sepal_width", "inner_0", "inner_1"])

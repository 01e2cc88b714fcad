"""`import nnctl`: the names, what they return, and that they do what the commands do."""

from __future__ import annotations

import ast
import gc
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nnctl
from tests.cli.command import CONFIGS, ROOT, environment
from tests.cli.command import nnctl as command

MEASURED = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
NAMES = ["Predictions", "Run", "evaluate", "load", "predict", "train"]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with iris and penguins, a run of each; nobody changes it."""
    directory = tmp_path_factory.mktemp("api")
    shutil.copytree(CONFIGS / "data", directory / "data")
    for name in ("iris", "penguins"):
        shutil.copy(CONFIGS / f"{name}.yaml", directory)
        config, run = directory / f"{name}.yaml", directory / "runs" / name / "1"
        nnctl.train(config, overrides={"training.epochs": 2}, run_dir=run)
    return directory


def test_import_loads_nothing_and_shows_its_names() -> None:
    program = (
        "import sys, nnctl\n"
        "loaded = [m for m in sys.modules if m.startswith(('nnctl.', 'numpy', 'pydantic', 'numba'))]\n"
        "print(loaded, [n for n in dir(nnctl) if n[0] != '_'])\n"
        "from nnctl import train\n"
        "assert 'numba' not in sys.modules"
    )
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, env=environment(), capture_output=True, text=True, check=True)
    errors = ["ConfigError", "DataError", "NnctlError", "RunError", "StorageError"]
    assert done.stdout == f"[] {sorted([*NAMES, *errors])}\n"


def test_the_stub_has_the_same_names() -> None:
    """Type checkers read `__init__.pyi`, Python `__init__.py`; py.typed says that there are types."""
    stub = ast.parse((ROOT / "nnctl" / "__init__.pyi").read_text())
    stated = {a.asname: n.module for n in stub.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assert set(stated) == set(nnctl.__all__)
    for name, module in stated.items():
        assert getattr(nnctl, name).__module__ == module
    assert (ROOT / "nnctl" / "py.typed").exists()
    with pytest.raises(AttributeError, match="module 'nnctl' has no attribute 'fit'"):
        nnctl.fit  # type: ignore[attr-defined]  # noqa: B018


def test_train_is_the_command(here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The same bits and numbers; nothing on stdout or stderr; `show` shows."""
    config = here / "iris.yaml"
    run = nnctl.train(config, overrides={"training.epochs": 3, "name": "x"}, seed=4, run_dir=tmp_path / "a")
    assert capfd.readouterr() == ("", "")
    options = ["--set", "training.epochs=3", "--set", "name=x", "--seed", "4", "--json", "-q"]
    said = command("train", config, *options, "--run-dir", tmp_path / "b").json
    assert (run.weights_sha256, run.metrics) == (said["weights_sha256"], said["metrics"])
    assert (run.status, run.path) == ("completed", tmp_path / "a")
    assert [row["epoch"] for row in run.history] == [0, 1, 2]
    assert sum(w.size for w in run.weights.values()) == 4 * 16 + 16 + 16 * 16 + 16 + 16 * 3 + 3
    nnctl.train(config, overrides={"training.epochs": 1}, run_dir=tmp_path / "c", show=True)
    shown = capfd.readouterr()
    assert "epoch 1/1" in shown.err
    assert shown.out == ""


def test_evaluate_is_the_command(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)
    run = nnctl.load("iris")
    said = command("eval", "iris", "--json").json["metrics"]
    assert run.evaluate() == nnctl.evaluate("iris") == nnctl.evaluate(run) == pytest.approx(said)
    assert run.evaluate(split="train") != run.evaluate()
    whole = run.evaluate("data/iris.csv")
    cells = np.genfromtxt("data/iris.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    columns = {name: cells[name] for name in cells.dtype.names}
    assert run.evaluate(columns) == whole
    assert nnctl.evaluate(run.path / "checkpoints" / "best")["loss"] > 0


def test_predict_is_the_command(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a file, from columns, from one array: the same numbers, under the targets' names."""
    monkeypatch.chdir(here)
    run = nnctl.load("iris")
    found = nnctl.predict("iris", "data/iris.csv", keep=["species", "row"])
    assert command("predict", "iris", "data/iris.csv", "-o", tmp_path / "out.jsonl").code == 0
    said = [json.loads(line)["species"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert found.labels() == found.labels("species") == [row["class"] for row in said]
    probabilities = np.array([list(row["probabilities"].values()) for row in said], np.float32)
    np.testing.assert_array_equal(found["species"], probabilities)
    assert found.classes == run.classes == {"species": ("setosa", "versicolor", "virginica")}
    assert (len(found), found.kept["row"][0], found.kept["species"][-1]) == (150, 2, "virginica")
    numbers = np.genfromtxt("data/iris.csv", delimiter=",", skip_header=1)[:, :4]
    np.testing.assert_array_equal(run.predict(numbers)["species"], found["species"])
    lists = {name: column.tolist() for name, column in zip(MEASURED, numbers.T, strict=True)}
    again = run.predict(lists, keep=["petal_width", "row"])
    np.testing.assert_array_equal(again["species"], found["species"])
    assert again.kept == {"petal_width": lists["petal_width"], "row": list(range(150))}
    assert len(run.predict(split="test")) == 30
    assert len(run.predict(np.empty((0, 4)))) == 0


def test_several_outputs(here: Path) -> None:
    """Words and numbers in columns; a scaled number in its own unit."""
    run = nnctl.load(here / "runs" / "penguins")
    found = run.predict(split="test", keep=["species"])
    assert set(found.values) == {"species", "body_mass_g"}
    assert 1500 < found["body_mass_g"].mean() < 7000
    assert set(found.labels()) <= set(run.classes["species"])
    with pytest.raises(ValueError, match="tells no classes apart"):
        found.labels("body_mass_g")


def test_what_goes_wrong(here: Path, tmp_path: Path) -> None:
    """Exceptions with their data; a config's problems with their lines as notes; nothing is written."""
    with pytest.raises(nnctl.ConfigError) as caught:
        nnctl.train(here / "iris.yaml", overrides={"training.epoch": 3}, run_dir=tmp_path / "run")
    assert caught.value.problems[0].suggestion == "epochs"
    assert "--set:1:10: 'training' has no key 'epoch'" in caught.value.__notes__[0]
    assert not (tmp_path / "run").exists()
    with pytest.raises(nnctl.RunError, match="there is no run 'nothere'"):
        nnctl.load("nothere")
    run = nnctl.load(here / "runs" / "iris")
    with pytest.raises(nnctl.DataError, match="data: has no column 'sepal_length'"):
        run.predict({"length": [1.0], "width": [2.0]})
    with pytest.raises(nnctl.DataError, match=r"data:1, column 'petal_width': the value is infinite"):
        run.predict({name: [1.0, 2.0] for name in MEASURED} | {"petal_width": [1.0, float("inf")]})
    with pytest.raises(nnctl.ConfigError, match="nothing to predict"):
        run.predict()
    with pytest.raises(nnctl.RunError, match="is a single file"):
        _ = nnctl.load(copied(run, tmp_path)).status


def copied(run: nnctl.Run, directory: Path) -> Path:
    """The model file on its own."""
    return Path(shutil.copy(run.path / "model.h5", directory / "model.h5"))


def test_garbage_collection_is_left_as_it_is(here: Path) -> None:
    """Only the command line starts without it; a notebook's own garbage must not be kept for good."""
    gc.enable()
    before = gc.get_freeze_count()
    nnctl.evaluate(here / "runs" / "iris")
    assert (gc.get_freeze_count(), gc.isenabled()) == (before, True)

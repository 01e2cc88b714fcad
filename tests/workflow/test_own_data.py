"""Every command that splits refuses data that is not what the run was trained on, and says the way out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import nnctl as nnctl_module
from nnctl.core.errors import DataError
from nnctl.data.splitting.trained_on import DataFile, changed
from nnctl.workflow.evaluate import evaluate
from tests.cli.command import CONFIGS, nnctl

RUN = "runs/iris/1"


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with iris trained for two epochs."""
    here = tmp_path_factory.mktemp("once")
    (here / "data").mkdir()
    shutil.copy(CONFIGS / "iris.yaml", here)
    shutil.copy(CONFIGS / "data" / "iris.csv", here / "data")
    assert nnctl("train", "iris.yaml", "-q", "--set", "training.epochs=2", cwd=here).code == 0
    return here


@pytest.fixture
def here(once: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(once, tmp_path / "here"))


def reverse(file: Path) -> None:
    """The same rows in another order: as long as before."""
    head, *rows = file.read_text().splitlines()
    file.write_text("\n".join([head, *reversed(rows)]) + "\n")


def drop(file: Path) -> None:
    """A row less."""
    file.write_text("\n".join(file.read_text().splitlines()[:-1]) + "\n")


COMMANDS = {
    "eval": ("eval", RUN),
    "eval --split": ("eval", RUN, "--split", "train"),
    "eval of a checkpoint": ("eval", f"{RUN}/model.h5"),
    "predict --split": ("predict", RUN, "--split", "test", "-o", "p.csv"),
    "verify": ("verify", RUN, "-q"),
    "train again": ("train", "iris.yaml", "--run-dir", RUN, "--set", "training.epochs=2"),
    "train --resume": ("train", "iris.yaml", "--run-dir", RUN, "--set", "training.epochs=2", "--resume"),
}


def way_out(command: str) -> str:
    """What the error must name."""
    if command == "predict --split":
        return "without --split a file is predicted whole"
    return "--run-dir" if command.startswith("train") else "--data "


@pytest.mark.parametrize("command", COMMANDS)
def test_a_changed_file_is_refused(command: str, here: Path) -> None:
    file = here / "data" / "iris.csv"
    reverse(file)
    done = nnctl(*COMMANDS[command], cwd=here)
    assert (done.code, done.out) == (3, "")
    size = f"{file.stat().st_size:,} bytes"
    assert f"data/iris.csv: has changed since the run was trained: as long as before ({size})" in done.err
    assert way_out(command) in done.err
    drop(file)
    done = nnctl(*COMMANDS[command], cwd=here)
    assert done.code == 3
    assert "it had 150 rows (" in done.err
    assert "now 149 (" in done.err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_gone_is_refused(command: str, here: Path) -> None:
    (here / "data" / "iris.csv").unlink()
    done = nnctl(*COMMANDS[command], cwd=here)
    assert (done.code, done.out) == (3, "")
    assert "data/iris.csv: no such file" in done.err
    if not command.startswith("train"):
        assert way_out(command) in done.err


def test_the_ways_out(here: Path) -> None:
    """A changed file is scored whole; the old one is found elsewhere, by file or by directory."""
    right = nnctl("eval", RUN, "--json", cwd=here).json
    (here / "old").mkdir()
    shutil.copy(here / "data" / "iris.csv", here / "old")
    reverse(here / "data" / "iris.csv")
    whole = nnctl("eval", RUN, "--data", "data/iris.csv", "--json", cwd=here)
    assert (whole.code, whole.json["examples"]) == (0, 150)
    for place in ("old", "old/iris.csv"):
        assert nnctl("eval", RUN, "--split", "test", "--data", place, "--json", cwd=here).json == right
        assert nnctl("verify", RUN, "-q", "--data", place, cwd=here).code == 0
    for command in (("eval", RUN, "--split", "test"), ("verify", RUN)):
        done = nnctl(*command, "--data", "data", cwd=here)
        assert done.code == 3
        assert "other content" in done.err
        assert nnctl(*command, "--data", "nowhere", cwd=here).code == 3


@pytest.mark.parametrize("part", ["run", "model.h5"])
def test_a_run_that_was_copied_elsewhere(part: str, here: Path, tmp_path: Path) -> None:
    """It has lost its data's path, but knows the data."""
    run, data = tmp_path / "far" / "away" / "run", here / "data" / "iris.csv"
    shutil.copytree(here / RUN, run)
    if part == "model.h5":
        run = Path(shutil.move(run / "model.h5", tmp_path / "far"))
    else:
        assert nnctl("verify", run, "-q").code == 3
        assert nnctl("verify", run, "-q", "--data", data).code == 0
    done = nnctl("eval", run)
    assert done.code == 3
    assert "--data PATH says where the training data is now" in done.err
    assert nnctl("eval", run, "--split", "test", "--data", data, "--json").json["examples"] == 30
    drop(data)
    assert nnctl("eval", run, "--split", "test", "--data", data).code == 3


def test_the_python_function_refuses(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)
    reverse(here / "data" / "iris.csv")
    for refused in (
        lambda: evaluate(RUN, split="validation"),
        lambda: nnctl_module.evaluate(RUN),
        lambda: nnctl_module.evaluate(RUN, split="train"),
        lambda: nnctl_module.predict(RUN, split="test"),
    ):
        with pytest.raises(DataError, match=r"(?s)has changed since.*a run's splits are of the data"):
            refused()
    assert nnctl_module.evaluate(RUN, "data/iris.csv")["accuracy"] > 0


def test_a_run_that_knows_only_the_hash_of_its_data(here: Path) -> None:
    """Manifests of before the files were listed hold one hash for all of them."""
    manifest = here / RUN / "manifest.json"
    content = json.loads(manifest.read_text())
    assert content.pop("data_files")["source.path"]["rows"] == 150
    manifest.write_text(json.dumps(content))
    assert nnctl("verify", RUN, "-q", cwd=here).code == 0
    reverse(here / "data" / "iris.csv")
    assert nnctl("verify", RUN, "-q", cwd=here).code == 3
    assert nnctl("train", "iris.yaml", "--run-dir", RUN, "--set", "training.epochs=2", cwd=here).code == 3


SEVERAL = """
nnctl: 1
data:
  train: {type: npy, path: x.npy, others: {y: y.npy}}
  test: {type: npy, path: test/x.npy, others: {y: test/y.npy}}
  inputs: x
  target: y
model: {layers: [{type: Dense, units: 1}]}
training: {loss: mse, epochs: 1}
"""


@pytest.mark.parametrize("file", ["x.npy", "y.npy", "test/x.npy", "test/y.npy"])
def test_each_of_several_files(file: str, tmp_path: Path) -> None:
    """Every array file counts, of every source; all of them are found again below a directory."""
    (tmp_path / "c.yaml").write_text(SEVERAL)
    (tmp_path / "test").mkdir()
    rng = np.random.default_rng(0)
    for name in ("x.npy", "y.npy", "test/x.npy", "test/y.npy"):
        np.save(tmp_path / name, rng.random((9, 2 if "x" in name else 1)))
    assert nnctl("train", "c.yaml", "-q", "--run-dir", "run", cwd=tmp_path).code == 0
    right = nnctl("eval", "run", "--json", cwd=tmp_path).json
    old = tmp_path / "old"
    (old / "test").mkdir(parents=True)
    for name in ("x.npy", "y.npy", "test/x.npy", "test/y.npy"):
        shutil.copy(tmp_path / name, old / name)
    np.save(tmp_path / file, np.load(tmp_path / file) + 1)
    done = nnctl("eval", "run", cwd=tmp_path)
    assert done.code == 3
    assert f"{file}: has changed" in done.err
    assert nnctl("eval", "run", "--split", "test", "--data", "old", "--json", cwd=tmp_path).json == right
    assert nnctl("verify", "run", "-q", "--data", "old", cwd=tmp_path).code == 0
    done = nnctl("verify", "run", "-q", "--data", "old/x.npy", cwd=tmp_path)
    assert done.code == 3
    assert "name the directory" in done.err


def test_a_split_that_another_version_would_make(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are the same, but dealt otherwise: as wrong as other rows."""
    from nnctl.data.splitting import stratified

    real = stratified.permutation
    monkeypatch.setattr(stratified, "permutation", lambda key, n: real(key, n)[::-1])
    done = nnctl("eval", RUN, cwd=here)
    assert done.code == 3
    assert "this version of nnctl splits the file otherwise" in done.err
    assert nnctl("eval", RUN, "--data", "data/iris.csv", cwd=here).code == 0


def test_words_of_a_change() -> None:
    before = DataFile(path="d", sha256="a", bytes=1000, rows=10)
    assert changed(before, None) == "the run was trained on this file too"
    assert changed(before, before.model_copy(update={"bytes": 1001})).endswith("had 1,000 bytes, now 1,001")
    rows = before.model_copy(update={"bytes": 1200, "rows": 12})
    assert changed(before, rows).endswith("had 10 rows (1,000 bytes), now 12 (1,200)")

"""Every command's exit codes; nothing is written for what is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.command import nnctl

WRONG = {
    "no such command": ["trian"],
    "no config": ["train"],
    "no such option": ["train", "iris.yaml", "--fast"],
    "no such file": ["train", "nothere.yaml"],
    "a directory": ["check", "data"],
    "a wrong key": ["train", "iris.yaml", "--set", "training.epoch=3"],
    "an override of nothing": ["check", "iris.yaml", "--set", "model.layers.nothere.units=3"],
    "an override without a value": ["check", "iris.yaml", "--set", "seed"],
    "a wrong value": ["plan", "iris.yaml", "--set", "training.epochs=0"],
    "what Keras has and nnctl has not": [
        "check",
        "iris.yaml",
        "--set",
        "training.optimizer=LossScaleOptimizer",
    ],
    "no threads": ["train", "iris.yaml", "--threads", "0"],
    "a negative seed": ["train", "iris.yaml", "--seed", "-1"],
    "eval: no such run": ["eval", "nothere"],
    "predict: no such run": ["predict", "nothere", "data/iris.csv", "-o", "out.csv"],
    "export: no such run": ["export", "nothere", "--format", "json", "-o", "out.json"],
    "export: no such format": ["export", "nothere", "--format", "exe", "-o", "out.exe"],
    "verify: no such run": ["verify", "nothere"],
    "bisect: no such run": ["bisect", "nothere", "nothere"],
    "show: no such run": ["runs", "show", "nothere"],
    "compare: one run": ["runs", "compare", "nothere"],
    "init: no such template": ["init", "nothere"],
    "warm: no such file": ["warm", "nothere.yaml"],
    "resume: no run": ["train", "iris.yaml", "--resume"],
    "eval: a split and a file": ["eval", "nothere", "--split", "train", "--data", "data/iris.csv"],
    "check: no such class": ["check", "iris.yaml", "--set", "training.class_weight={rose: 2}"],
    "check: no such weights": ["check", "iris.yaml", "--set", "model.initial_weights=nothere"],
    "plan: nothing to watch": [
        "plan",
        "iris.yaml",
        "--set",
        "training.callbacks=[{type: EarlyStopping, monitor: f1}]",
    ],
    "check: one log file twice": [
        "check",
        "iris.yaml",
        "--set",
        "training.callbacks=[JSONLogger, JSONLogger]",
    ],
    "check: rows in order and by group": [
        "check",
        "iris.yaml",
        "--set",
        "data.split={group: species, order: rows}",
    ],
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=list(WRONG))
def test_wrong_is_2_and_writes_nothing(arguments: list[str], here: Path) -> None:
    before = sorted(here.rglob("*"))
    done = nnctl(*arguments, cwd=here)
    assert done.code == 2, done
    assert done.out == ""
    assert done.err
    assert "Traceback" not in done.err
    assert sorted(here.rglob("*")) == before


def test_every_problem_at_once(here: Path) -> None:
    text = (here / "iris.yaml").read_text()
    (here / "iris.yaml").write_text(
        text.replace("units: 16", "unit: 16", 1).replace("epochs: 60", "epochs: no")
    )
    done = nnctl("check", "iris.yaml", "--set", "seeed=1", cwd=here)
    assert done.code == 2
    places = [line.split(" error:")[0] for line in done.err.splitlines() if "error:" in line]
    assert len(places) == 4
    assert any(place.startswith("--set:") for place in places)
    assert done.err.splitlines()[-1] == "4 problems"


@pytest.mark.parametrize("command", ["check", "train", "plan"])
def test_a_bad_cell_is_3_and_named(command: str, here: Path) -> None:
    cells = (here / "data" / "iris.csv").read_text()
    (here / "data" / "iris.csv").write_text(cells.replace("5.9,3.0,5.1", "5.9,3.x,5.1"))
    (here / "elsewhere").mkdir()
    done = nnctl(command, "../iris.yaml", cwd=here / "elsewhere")
    assert (done.code, done.out) == (3, "")
    assert done.err == "error: ../data/iris.csv:151, column 'sepal_width': '3.x' is not a number\n"
    assert not list((here / "elsewhere").iterdir())


def test_a_target_by_a_wrong_name_is_the_cause_that_is_told(here: Path) -> None:
    """`"*": {scale: standard}` then reaches the true target too, whose words are no numbers."""
    done = nnctl("check", "iris.yaml", "--set", "data.source.target=spezies", cwd=here)
    assert done.code == 2
    assert "the data has no column 'spezies'" in done.err
    assert "did you mean 'species'?" in done.err


def test_missing_data_is_3(here: Path, trained: Path) -> None:
    (here / "data" / "iris.csv").unlink()
    done = nnctl("train", "iris.yaml", cwd=here)
    assert done.code == 3
    assert done.err.startswith("error: data/iris.csv: no such file")
    assert nnctl("eval", trained / "runs/iris/1", "--data", "nothere.csv", cwd=here).code == 3
    assert nnctl("predict", trained / "runs/iris/1", "nothere.csv", "-o", "out.csv", cwd=here).code == 3
    assert not (here / "out.csv").exists()


def test_verify_of_a_tampered_manifest_is_4(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    file = tmp_path / "copy" / "runs" / "iris" / "1" / "manifest.json"
    manifest = json.loads(file.read_text())
    recorded = manifest["weights_sha256"]
    assert nnctl("verify", "iris", "-q", cwd=tmp_path / "copy").code == 0
    manifest["weights_sha256"] = recorded[::-1]
    file.write_text(json.dumps(manifest))
    done = nnctl("verify", "iris", "--quiet", "--json", cwd=tmp_path / "copy")
    assert done.code == 4
    assert (done.json["holds"], done.json["found"]) == (False, recorded)


def test_divergence_is_5_and_names_the_layer(here: Path) -> None:
    diverging = "training.optimizer={type: SGD, learning_rate: 1e30}"
    done = nnctl("train", "iris.yaml", "--json", "--quiet", "--set", diverging, cwd=here)
    assert done.code == 5
    assert done.json["status"] == "failed"
    assert "is not finite; it first appeared in 'dense" in done.err
    manifest = json.loads((here / "runs" / "iris" / "1" / "manifest.json").read_text())
    assert manifest["status"] == "failed"
    assert manifest["weights_sha256"] is None


def test_what_train_does_with_a_run_that_is_there(here: Path) -> None:
    """Completed with the same config: says so; with another config: refuses and shows the difference."""
    first = nnctl("train", "iris.yaml", "--run-dir", "run", "--json", "--set", "training.epochs=2", cwd=here)
    again = nnctl("train", "iris.yaml", "--run-dir", "run", "--json", "--set", "training.epochs=2", cwd=here)
    assert (again.code, again.json) == (0, first.json)
    assert again.err == "run is already trained from this config\n"
    other = nnctl("train", "iris.yaml", "--run-dir", "run", "--set", "training.epochs=3", cwd=here)
    assert (other.code, other.out) == (2, "")
    assert "-  epochs: 2\n+  epochs: 3" in other.err
    mine = nnctl("train", "iris.yaml", "--run-dir", "data", cwd=here)
    assert mine.code == 2
    assert "not a run directory" in mine.err


def test_places_that_cannot_be_written(here: Path, trained: Path) -> None:
    (here / "file").write_text("")
    assert nnctl("train", "iris.yaml", "--run-dir", "file", cwd=here).code == 2
    assert nnctl("train", "iris.yaml", "--run-dir", "file/run", cwd=here).code == 1
    run = trained / "runs/iris/1"
    assert nnctl("predict", run, "data/iris.csv", "-o", "no/out.csv", cwd=here).code == 2
    assert nnctl("predict", run, "data/iris.csv", "-o", "out.txt", cwd=here).code == 2
    (here / "out.csv").mkdir()
    done = nnctl("predict", run, "data/iris.csv", "-o", "out.csv", cwd=here)
    assert done.code == 2
    assert done.err == "error: 'out.csv' is a directory\n  expected: the name of a file\n"

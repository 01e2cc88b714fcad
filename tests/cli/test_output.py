"""stdout holds the result alone; the rest goes to stderr."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nnctl.formats.exports.base import PARTS
from tests.cli.command import nnctl

EVALUATION = {"run", "split", "examples", "metrics", "outputs"}
COMPARISON = {"runs", "config", "data", "metrics", "seconds", "weights_sha256"}
JSON = {
    "eval": (["eval", "iris"], EVALUATION),
    "eval a split": (
        ["eval", "iris/1", "--split", "train"],
        EVALUATION,
    ),
    "eval a checkpoint": (
        ["eval", "runs/iris/1/checkpoints/best"],
        EVALUATION,
    ),
    "eval a file": (
        ["eval", "penguins", "--data", "data/penguins.csv"],
        EVALUATION,
    ),
    "check": (
        ["check", "iris.yaml"],
        {
            "config",
            "valid",
            "name",
            "parameters",
            "rows",
            "sizes",
            "inputs",
            "targets",
            "patterns",
            "notes",
            "summary",
            "exact",
            "problems",
        },
    ),
    "runs": (["runs"], {"runs"}),
    "compare": (["runs", "compare", "iris", "penguins"], COMPARISON),
    "verify": (
        ["verify", "iris"],
        {"run", "holds", "recorded", "found", "message", "numbers", "again", "next"},
    ),
    "bisect": (
        ["bisect", "iris", "iris/1"],
        {"runs", "differs", "recorded", "replayed", "agreements", "not_replayed"},
    ),
    "init": (["init", "-o", "table.yaml"], {"config", "written"}),
    "warm": (["warm", "iris.yaml"], {"kernels", "compiled", "folder", "key"}),
}


@pytest.mark.parametrize("name", JSON)
def test_json_is_one_object_alone(name: str, trained: Path) -> None:
    arguments, keys = JSON[name]
    done = nnctl(*arguments, "--json", cwd=trained)
    assert done.code == 0, done.err
    assert set(done.json) == keys


@pytest.mark.parametrize("kind", ["yaml", "json", "h5", "keras", "npz"])
def test_export(kind: str, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / ("model.weights.h5" if kind == "h5" else f"model.{kind}")
    done = nnctl("export", "penguins", "--format", kind, "-o", out, "--json", cwd=trained)
    assert done.code == 0, done.err
    assert set(done.json) == {"run", "format", "output", "weights_sha256", "keeps", "loses", "hint"}
    first = out.read_bytes()
    plain = nnctl("export", "penguins", "--format", kind, "-o", out, "--force", cwd=trained)
    assert (plain.code, plain.out, out.read_bytes()) == (0, "", first)
    kept, gone = ("; ".join(done.json[key]) for key in ("keeps", "loses"))
    assert f"keeps: {kept}. loses: {gone}\n" in plain.err
    assert sorted([*done.json["keeps"], *done.json["loses"]]) == sorted(PARTS)


def test_plan(trained: Path) -> None:
    plain = nnctl("plan", "penguins.yaml", cwd=trained)
    assert plain.code == 0
    assert plain.err == ""
    assert "arena (exact peak)" in plain.out
    short = nnctl("plan", "penguins.yaml", "--json", cwd=trained).json
    whole = nnctl("plan", "penguins.yaml", "--json", "--program", cwd=trained).json
    assert {layer["name"] for layer in short["layers"]} >= {"trunk", "species", "mass"}
    assert set(whole) > set(short)


def test_train(here: Path) -> None:
    """A log of plain lines on stderr; the numbers of the last epoch as JSON on stdout."""
    done = nnctl("train", "iris.yaml", "--json", "--set", "training.epochs=3", cwd=here)
    result = done.json
    keys = {"run", "status", "epochs", "steps", "metrics", "weights_sha256", "expectations", "problems"}
    assert set(result) == keys
    assert (result["run"], result["status"], result["epochs"]) == ("runs/iris/1", "completed", 3)
    lines = done.err.splitlines()
    assert sum(line.startswith("epoch ") for line in lines) == 3
    assert "completed: runs/iris/1" in lines
    assert "next: nnctl eval runs/iris/1" in lines
    assert "\x1b" not in done.err


def test_train_prints_its_run_directory(here: Path) -> None:
    """So that `run=$(nnctl train CONFIG)` works; for a run that is there already, and a failed one, too."""
    for expected in ("runs/iris/1", "runs/iris/2"):
        done = nnctl("train", "iris.yaml", "--set", "training.epochs=1", cwd=here)
        assert (done.code, done.out) == (0, f"{expected}\n")
    again = nnctl("train", "iris.yaml", "--set", "training.epochs=1", "--run-dir", "runs/iris/1", cwd=here)
    assert (again.code, again.out) == (0, "runs/iris/1\n")
    diverging = "training.optimizer={type: SGD, learning_rate: 1e30}"
    failed = nnctl("train", "iris.yaml", "--set", diverging, cwd=here)
    assert (failed.code, failed.out) == (5, "runs/iris/3\n")


def test_quiet(here: Path) -> None:
    done = nnctl("train", "iris.yaml", "-q", "--set", "training.epochs=1", cwd=here)
    assert (done.code, done.out, done.err) == (0, "runs/iris/1\n", "")
    wrong = nnctl("train", "iris.yaml", "-q", "--set", "training.epochs=-1", cwd=here)
    assert wrong.code == 2
    assert "expected: a whole number, 1 or more" in wrong.err or "epochs" in wrong.err


def test_eval_text(trained: Path) -> None:
    done = nnctl("eval", "iris", cwd=trained)
    head, *rows = done.out.splitlines()
    assert head == "iris/1, test, 30 examples"
    assert [row.split()[0] for row in rows[:2]] == ["loss", "accuracy"]
    assert rows[2] == ""
    assert rows[3].startswith("class ")
    assert done.err == ""


def test_runs_text(trained: Path, tmp_path: Path) -> None:
    listed = nnctl("runs", cwd=trained).out
    assert "iris/1" in listed
    assert "penguins/1" in listed
    shown = nnctl("runs", "show", "iris", cwd=trained).out
    assert "completed" in shown
    assert "type: Adam" in shown
    assert "training.epochs" not in nnctl("runs", "compare", "iris", "iris/1", cwd=trained).out
    assert nnctl("runs", cwd=tmp_path).out == "no runs yet; `nnctl train CONFIG` makes one\n"


def test_show_json_has_the_history(trained: Path) -> None:
    shown = nnctl("runs", "show", "iris", "--json", cwd=trained).json
    assert [row["epoch"] for row in shown["history"]] == [0, 1]
    assert shown["weights_sha256"]


def test_a_run_is_found_by_its_path_from_anywhere(trained: Path, tmp_path: Path) -> None:
    there = nnctl("eval", trained / "runs" / "iris", "--json", cwd=tmp_path)
    here = nnctl("eval", "iris", "--json", cwd=trained)
    assert there.json["metrics"] == here.json["metrics"]
    lost = nnctl("eval", "iris", cwd=tmp_path)
    assert lost.code == 2
    assert "no run 'iris'" in lost.err


def test_near_names_are_suggested(trained: Path) -> None:
    assert "did you mean 'iris'?" in nnctl("eval", "irris", cwd=trained).err


def test_the_run_keeps_its_overrides(here: Path) -> None:
    nnctl("train", "iris.yaml", "-q", "--seed", "5", "--set", "training.epochs=1", cwd=here)
    run = here / "runs" / "iris" / "1"
    assert "seed: 5" in (run / "config.yaml").read_text()
    assert "# Three species" in (run / "config.yaml").read_text()
    assert json.loads((run / "manifest.json").read_text())["overrides"] == ["training.epochs=1", "seed=5"]
    again = nnctl("train", run / "resolved.yaml", "--run-dir", "again", "-q", "--json", cwd=here)
    assert again.json["weights_sha256"] == json.loads((run / "manifest.json").read_text())["weights_sha256"]


def test_version_and_help() -> None:
    assert nnctl("--version").out.count(".") == 2
    for command in ("train", "eval", "predict", "export", "check", "plan", "runs", "verify", "init", "warm"):
        done = nnctl(command, "--help")
        assert done.code == 0
        assert done.out.startswith("Usage:")

"""With `--json` stdout holds one object, of what went wrong too; stderr and exit codes stay as they are."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from nnctl.cli.main import main
from nnctl.core.errors import PROBLEM_FIELDS
from tests.cli.command import Result, nnctl
from tests.cli.test_exit_codes import WRONG


def only_problem(done: Result, kind: str) -> Any:
    """The one problem of a command that failed."""
    assert set(done.json) == {"error", "exit_code", "problems"}
    assert (done.json["error"], done.json["exit_code"]) == (kind, done.code)
    (problem,) = done.json["problems"]
    return problem


@pytest.mark.parametrize("arguments", WRONG.values(), ids=list(WRONG))
def test_every_wrong_command_line_and_config(arguments: list[str], here: Path) -> None:
    plain = nnctl(*arguments, cwd=here)
    done = nnctl(*arguments, "--json", cwd=here)
    assert (done.code, done.err) == (plain.code, plain.err)
    assert done.json["exit_code"] == done.code
    assert done.json["problems"]
    for problem in done.json["problems"]:
        assert set(problem) == set(PROBLEM_FIELDS)
        assert problem["severity"] == "error"
        # stderr folds long messages and adds places; each says the same.
        assert problem["message"].split("'")[0].strip() in done.err


def test_a_config_error_has_its_place(here: Path) -> None:
    text = (here / "iris.yaml").read_text().replace("units: 16", "units: 16, use_bia: true", 1)
    lines = text.splitlines()
    (here / "iris.yaml").write_text("\n".join(lines))
    line = next(i for i, each in enumerate(lines, 1) if "use_bia" in each)
    done = nnctl("check", "iris.yaml", "--json", "--set", "training.epochs=x", cwd=here)
    first, second = sorted(done.json["problems"], key=lambda p: p["file"], reverse=True)
    assert first["file"] == "iris.yaml"
    assert (first["line"], first["column"]) == (line, lines[line - 1].index("use_bia") + 1)
    assert (first["path"], first["suggestion"]) == (["model", "layers", 0, "use_bia"], "use_bias")
    assert (second["file"], second["expectation"]) == ("--set", "a whole number, 1 or more")


@pytest.mark.parametrize("command", ["check", "train", "plan", "warm"])
def test_a_data_error_has_row_and_column(command: str, here: Path) -> None:
    cells = (here / "data" / "iris.csv").read_text()
    (here / "data" / "iris.csv").write_text(cells.replace("5.9,3.0,5.1", "5.9,3.x,5.1"))
    problem = only_problem(nnctl(command, "iris.yaml", "--json", cwd=here), "data")
    assert problem["message"] == "'3.x' is not a number"
    assert (problem["file"], problem["row"], problem["column_name"]) == ("data/iris.csv", 151, "sepal_width")


@pytest.mark.parametrize("command", ["eval", "predict"])
def test_a_data_error_of_a_trained_run(command: str, trained: Path, tmp_path: Path) -> None:
    rest = {"eval": ["--data", "nothere.csv"], "predict": ["nothere.csv", "-o", str(tmp_path / "out.csv")]}
    problem = only_problem(nnctl(command, "iris", *rest[command], "--json", cwd=trained), "data")
    assert problem["message"] == "no such file"


@pytest.mark.parametrize(
    "arguments",
    [
        ["eval", "nothere"],
        ["predict", "nothere", "data/iris.csv", "-o", "out.csv"],
        ["export", "nothere", "--format", "json", "-o", "out.json"],
        ["verify", "nothere"],
        ["runs", "show", "nothere"],
        ["runs", "compare", "nothere", "iris"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_run_error(arguments: list[str], trained: Path) -> None:
    problem = only_problem(nnctl(*arguments, "--json", cwd=trained), "run")
    assert problem["message"].startswith("there is no run 'nothere'")


def test_a_storage_error(trained: Path) -> None:
    """The disk is at fault: exit code 1, and no traceback."""
    arguments = ["predict", "iris", "data/iris.csv", "-o", "/proc/self/out.csv", "--json"]
    done = nnctl(*arguments, cwd=trained)
    assert (done.code, done.json["error"]) == (1, "storage")
    assert "cannot write" in done.json["problems"][0]["message"]


def test_a_fault_of_nnctl_itself(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The traceback is Python's, on stderr; stdout says that there was a fault."""

    def broken(*arguments: Any, **options: Any) -> None:
        raise ZeroDivisionError("of its own")

    monkeypatch.setattr("nnctl.workflow.check.check", broken)
    with pytest.raises(ZeroDivisionError):
        nnctl("check", "iris.yaml", cwd=here)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(ZeroDivisionError):
        main(["check", str(here / "iris.yaml"), "--json"])
    (problem,) = json.loads(out.getvalue())["problems"]
    assert problem["message"] == "ZeroDivisionError: of its own"


@pytest.mark.parametrize("command", ["check", "train"])
def test_warnings_have_the_same_fields(command: str, here: Path) -> None:
    """They come with the result; with --strict, instead of it."""
    text = (here / "iris.yaml").read_text().replace("activation: softmax", "activation: linear")
    (here / "iris.yaml").write_text(text)
    options = ["--set", "training.epochs=1", "--json"]
    done = nnctl(command, "iris.yaml", *options, cwd=here)
    assert done.code == 0, done.err
    (warned,) = done.json["problems"]
    refused = only_problem(nnctl(command, "iris.yaml", *options, "--strict", cwd=here), "config")
    assert set(warned) == set(PROBLEM_FIELDS)
    assert warned["severity"] == "warning"
    assert {k: v for k, v in refused.items() if k != "severity"} == {
        k: v for k, v in warned.items() if k != "severity"
    }

"""Warnings are shown by check, train and plan, once, on stderr, as JSON; `--strict` makes them errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnctl.core import events
from nnctl.report.progress import LineProgress
from nnctl.workflow.train import start
from tests.cli.command import ROOT, nnctl
from tests.warnings.given import FLAGS, config, written

ONE_UNIT = config([{"type": "Dense", "units": 1, "activation": "softmax"}], "mse")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    written(tmp_path, FLAGS, ONE_UNIT)
    return tmp_path


@pytest.mark.parametrize("command", ["check", "train", "plan"])
def test_on_stderr_with_place_and_way_out(command: str, here: Path) -> None:
    done = nnctl(command, "config.yaml", cwd=here)
    assert done.code == 0
    lines = done.err.splitlines()
    (at,) = [i for i, line in enumerate(lines) if "warning:" in line]
    assert lines[at].startswith("config.yaml:")
    assert lines[at + 2].strip() == "^"
    assert lines[at + 3] == "  expected: sigmoid, or one unit a class"
    assert "warning" not in done.out


@pytest.mark.parametrize("command", ["check", "train", "plan"])
def test_as_json(command: str, here: Path) -> None:
    done = nnctl(command, "config.yaml", "--json", cwd=here)
    (problem,) = done.json["problems"]
    assert problem["severity"] == "warning"
    assert (problem["file"], problem["line"] > 1, problem["column"] > 1) == ("config.yaml", True, True)
    assert problem["expectation"] == "sigmoid, or one unit a class"


@pytest.mark.parametrize("command", ["check", "train", "plan"])
def test_strict_makes_them_errors(command: str, here: Path) -> None:
    done = nnctl(command, "config.yaml", "--strict", cwd=here)
    assert done.code == 2
    assert "error: 'dense' is a softmax of 1 unit" in done.err
    assert not (here / "runs").exists()


def test_quiet_and_completed_runs_say_nothing(here: Path) -> None:
    assert nnctl("train", "config.yaml", "-q", "--run-dir", "run", cwd=here).err == ""
    again = nnctl("train", "config.yaml", "--run-dir", "run", cwd=here)
    assert "warning" not in again.err


def test_who_watches_is_told_once(here: Path) -> None:
    told: list[events.Event] = []
    start(here / "config.yaml", watch=told.append)
    (event,) = told
    assert isinstance(event, events.Warned)
    assert any("warning:" in line for line in LineProgress(None).lines(event))  # type: ignore[arg-type]


@pytest.mark.parametrize("file", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda f: f.stem)
def test_shipped_configs_have_none(file: Path) -> None:
    done = nnctl("check", file, "--strict")
    assert done.code == 0, done.err


@pytest.mark.parametrize("name", [f.stem for f in sorted((ROOT / "nnctl/templates").glob("*.yaml"))])
def test_templates_have_none(name: str, tmp_path: Path) -> None:
    assert nnctl("init", name, cwd=tmp_path).code == 0
    (file,) = tmp_path.glob("*.yaml")
    done = nnctl("check", file, "--strict")
    assert done.code == 0, done.err

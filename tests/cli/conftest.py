"""A directory with the configs and a trained run, for the commands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.command import CONFIGS, nnctl


@pytest.fixture(autouse=True)
def _no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-xdist sets a width of the terminal for its workers; commands whose output is read have none."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory with `iris.yaml` and its data."""
    (tmp_path / "data").mkdir()
    shutil.copy(CONFIGS / "iris.yaml", tmp_path)
    shutil.copy(CONFIGS / "data" / "iris.csv", tmp_path / "data")
    return tmp_path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `runs/iris/1` and `runs/penguins/1`; nobody changes it."""
    directory = tmp_path_factory.mktemp("trained")
    shutil.copytree(CONFIGS / "data", directory / "data")
    for name in ("iris", "penguins"):
        shutil.copy(CONFIGS / f"{name}.yaml", directory)
        done = nnctl("train", f"{name}.yaml", "--quiet", "--set", "training.epochs=2", cwd=directory)
        assert done.code == 0, done.err
    return directory

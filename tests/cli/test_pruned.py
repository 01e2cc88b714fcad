"""Commands that read a run while it trains: checkpoints go away under them, and newer ones come."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import nnctl.runs.compare
import nnctl.runs.find
import nnctl.runs.store
from nnctl.runs.store import CheckpointStore
from tests.cli.command import nnctl as command


@pytest.fixture
def training(trained: Path, tmp_path: Path) -> Path:
    """A run without a final model, with two checkpoints."""
    run = tmp_path / "run"
    shutil.copytree(trained / "data", tmp_path / "data")
    shutil.copytree(trained / "runs" / "iris" / "1", run)
    (run / "model.h5").unlink()
    assert len(CheckpointStore(run / "checkpoints").checkpoints()) >= 2
    return run


def pruning(module: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Has the first file that `module.name` is called with removed just before; the files so removed."""
    real, gone = getattr(module, name), []

    def call(path: Path, *args: Any, **more: Any) -> Any:
        if not gone:
            gone.append(path)
            path.unlink()
        return real(path, *args, **more)

    monkeypatch.setattr(module, name, call)
    return gone


@pytest.mark.parametrize(
    ("module", "name"), [(nnctl.runs.store, "check_hash"), (nnctl.runs.find, "read_model")]
)
@pytest.mark.parametrize("what", ["run", "run/checkpoints/latest"])
def test_a_checkpoint_that_is_pruned_is_looked_for_again(
    training: Path, module: Any, name: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = pruning(module, name, monkeypatch)
    done = command("export", what, "--format", "npz", "-o", "w.npz", cwd=training.parent)
    assert done.code == 0, done.err
    assert bool(gone) == ((name, what) != ("check_hash", "run/checkpoints/latest"))


def test_runs_show_leaves_out_what_is_gone(training: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (gone,) = [pruning(nnctl.runs.compare, "_size", monkeypatch)]
    done = command("runs", "show", "run", cwd=training.parent)
    assert done.code == 0, done.err
    assert gone[0].name not in done.out


def test_where_none_is_left_it_says_so(training: Path) -> None:
    shutil.rmtree(training / "checkpoints")
    done = command("eval", "run", cwd=training.parent)
    assert done.code == 2
    assert "no model and no checkpoint" in done.err

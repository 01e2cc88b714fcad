"""`nnctl sweep`: trials are runs, a study goes on where it was left, and killed workers cost nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nnctl.core.errors import ConfigError, RunError
from nnctl.report.sweep import sweep_lines
from nnctl.workflow.sweep.kept import best_run, kept_sweep
from nnctl.workflow.sweep.storage import STORAGE
from nnctl.workflow.sweep.sweep import sweep
from nnctl.workflow.train import start
from nnctl.workflow.verify import verify
from tests.databases import Postgres
from tests.workflow.sweeping import SWEEP, config

pytest.importorskip("optuna")


def told(found: Any) -> list[tuple[Any, Any, Any]]:
    """What must be the same of two studies."""
    return [(trial.settings, trial.value, trial.weights_sha256) for trial in found.trials]


def test_a_sweep_and_its_best_trial(tmp_path: Path) -> None:
    file = config(tmp_path)
    found = sweep(file, run_dir=tmp_path / "s", threads=1, trials=2)
    assert [trial.outcome for trial in found.trials] == ["completed"] * 2
    assert found.best is not None
    assert found.best.value == min(trial.value for trial in found.trials if trial.value is not None)

    again = sweep(file, run_dir=tmp_path / "s", threads=1, trials=2)
    assert not again.begun
    assert told(again) == told(found)
    assert "2 of 2 trials have ended" in "\n".join(sweep_lines(again))
    with pytest.raises(RunError, match="of another config and search"):
        sweep(file, run_dir=tmp_path / "s", overrides=["training.epochs=1", "sweep.startup=3"])

    kept = kept_sweep(str(tmp_path / "s"))
    assert kept is not None
    assert [trial.value for trial in kept[1].trials] == [trial.value for trial in found.trials]
    assert best_run(*kept) == str(tmp_path / "s" / str(found.best.number))

    assert found.best_config is not None
    training = start(found.best_config, run_dir=tmp_path / "best", threads=1)
    for _ in training.events():
        pass
    assert training.manifest.weights_sha256 == found.best.weights_sha256
    assert found.best_config.read_text().count("# Three species of iris") == 1


@pytest.mark.slow
def test_one_worker_finds_the_same_trials_also_where_it_was_interrupted(tmp_path: Path) -> None:
    file = config(tmp_path)
    whole = sweep(file, run_dir=tmp_path / "whole", threads=1)
    sweep(file, run_dir=tmp_path / "parts", threads=1, trials=3)
    parts = sweep(file, run_dir=tmp_path / "parts", threads=1)
    assert told(parts) == told(whole)
    assert [trial.outcome for trial in whole.trials] == ["completed"] * 4
    assert len({trial.value for trial in whole.trials}) == 4
    assert whole.best is not None
    assert verify(str(whole.place / str(whole.best.number)), threads=1).holds


def test_what_cannot_be_swept(tmp_path: Path) -> None:
    file = config(tmp_path)
    with pytest.raises(ConfigError, match="the logs have no 'val_f1'"):
        sweep(file, run_dir=tmp_path / "x", overrides=["sweep.objective=val_f1"])
    with pytest.raises(ConfigError, match="nobody can tell"):
        sweep(file, run_dir=tmp_path / "x", overrides=["sweep.objective=learning_rate"])
    with pytest.raises(ConfigError, match="no section 'sweep'"):
        sweep(file, run_dir=tmp_path / "x", overrides=["sweep=null"])
    with pytest.raises(RunError, match="holds no sweep"):
        sweep(file, run_dir=tmp_path)
    assert not (tmp_path / "x").exists()


def test_without_optuna_the_error_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nnctl.workflow.sweep.storage.find_spec", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        sweep(config(tmp_path))
    assert caught.value.problems[0].expected == "pip install 'nnctl[sweep]'"


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
def test_pruned_trials_end_early(tmp_path: Path, pruner: str) -> None:
    search = SWEEP + f"  pruner: {pruner}\n"
    found = sweep(config(tmp_path, search, epochs=12), run_dir=tmp_path / "s", threads=1, trials=12)
    outcomes = [trial.outcome for trial in found.trials]
    assert set(outcomes) == {"completed", "pruned"}
    for trial in found.trials:
        assert trial.value is not None
        assert (trial.epochs == 12) == (trial.outcome == "completed")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("search", "count"), [("sampler: cmaes", 6), ("sampler: random", 5), ("sampler: grid", 4)]
)
def test_samplers(tmp_path: Path, search: str, count: int) -> None:
    text = SWEEP.replace("  trials: 4\n", f"  {search}\n")
    if "grid" in search:
        text = text.replace("low: 1e-4, high: 1e-1, log: true", "choices: [1e-3, 1e-2]")
        text = text.replace("low: 4, high: 12, int: true", "choices: [5]")
    file = config(tmp_path, text)
    trials = None if "grid" in search else count
    one = sweep(file, run_dir=tmp_path / "one", threads=1, trials=trials)
    two = sweep(file, run_dir=tmp_path / "two", threads=1, trials=trials)
    assert len(one.trials) == count
    assert told(one) == told(two)
    assert len({json.dumps(trial.settings) for trial in one.trials}) == count


@pytest.mark.slow
def test_a_trial_that_explodes_or_cannot_be_ends_no_other(tmp_path: Path) -> None:
    text = """
sweep:
  ranges:
    training.optimizer.learning_rate: [1e-3, 1e30]
    data.batch_size: [16, 8]
  sampler: grid
"""
    found = sweep(config(tmp_path, text), run_dir=tmp_path / "s", threads=1)
    assert [trial.outcome for trial in found.trials] == ["completed"] * 2 + ["non-finite"] * 2
    assert found.exit_code == 0


def workers_of(parent: int) -> list[int]:
    """The processes that a process has started to work for it."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == parent and "spawn_main" in command:
            found.append(int(stat.parent.name))
    return sorted(found)


def begin(file: Path, place: Path, environment: Mapping[str, str], *more: str) -> subprocess.Popen[str]:
    """A sweep in a process of its own."""
    command = [sys.executable, "-m", "nnctl", "sweep", str(file), "--run-dir", str(place), *more, "--json"]
    return subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path.cwd(),
    )


def ended(place: Path) -> int:
    """How many trials have been trained to their end."""
    return sum((path / "model.h5").exists() for path in place.glob("[0-9]*"))


def kill_one(process: subprocess.Popen[str], place: Path, after: int) -> None:
    """Kill a worker without a word once so many trials have ended."""
    end = time.monotonic() + 300
    while ended(place) < after or not workers_of(process.pid):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(0.2)
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)


def whole(out: str, number: int) -> dict[str, Any]:
    """A sweep's result, which has every trial once."""
    found: dict[str, Any] = json.loads(out)
    assert [trial["trial"] for trial in found["trials"]] == list(range(1, number + 1))
    assert {trial["outcome"] for trial in found["trials"]} == {"completed"}
    return found


@pytest.mark.slow
def test_forty_trials_in_postgres_by_two_workers_of_which_one_is_killed_twice(
    tmp_path: Path, postgres: Postgres
) -> None:
    file = config(tmp_path, SWEEP.replace("trials: 4", "trials: 40"))
    url = postgres.url(postgres.new_database())
    place = tmp_path / "s"
    process = begin(file, place, {STORAGE: url}, "--jobs", "2", "--threads", "1")
    kill_one(process, place, 5)
    kill_one(process, place, 15)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    found = whole(out, 40)
    assert sum(trial["attempts"] for trial in found["trials"]) in (41, 42)
    assert ended(place) == 40
    assert verify(found["best_run"], threads=1).holds
    for text in (out, err, *(path.read_text() for path in place.rglob("*.json"))):
        assert postgres.password not in text
        assert str(postgres.port) not in text


@pytest.mark.slow
def test_a_second_machine_joins_the_same_study(tmp_path: Path, postgres: Postgres) -> None:
    file = config(tmp_path, SWEEP.replace("trials: 4", "trials: 12"))
    environment = {STORAGE: postgres.url(postgres.new_database())}
    both = [begin(file, tmp_path / name, environment, "--threads", "1") for name in ("one", "two")]
    outs = [process.communicate(timeout=600) for process in both]
    assert [process.returncode for process in both] == [0, 0], outs
    first, second = (whole(out, 12) for out, _ in outs)
    assert first["trials"] == second["trials"]
    assert ended(tmp_path / "one") + ended(tmp_path / "two") == 12
    assert ended(tmp_path / "one") > 0
    assert ended(tmp_path / "two") > 0


@pytest.mark.slow
def test_ctrl_c_and_then_the_same_command_again(tmp_path: Path) -> None:
    file = config(tmp_path, SWEEP.replace("trials: 4", "trials: 8"), epochs=20)
    place = tmp_path / "s"
    process = begin(file, place, {}, "--threads", "1")
    end = time.monotonic() + 300
    while ended(place) < 3:
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    again = begin(file, place, {}, "--threads", "1")
    out, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    straight = sweep(file, run_dir=tmp_path / "straight", threads=1)
    found = whole(out, 8)
    assert [trial["weights_sha256"] for trial in found["trials"]] == [
        trial.weights_sha256 for trial in straight.trials
    ]


@pytest.mark.slow
def test_a_database_that_goes_away_loses_nothing(tmp_path: Path, postgres: Postgres) -> None:
    file = config(tmp_path, SWEEP.replace("trials: 4", "trials: 10"))
    environment, place = {STORAGE: postgres.url(postgres.new_database())}, tmp_path / "s"
    process = begin(file, place, environment, "--threads", "1")
    end = time.monotonic() + 300
    while ended(place) < 3:
        assert time.monotonic() < end
        time.sleep(0.05)
    postgres.stop()
    try:
        out, err = process.communicate(timeout=120)
    finally:
        postgres.start()
    assert process.returncode == 1, err
    assert "does not answer" in err
    assert postgres.password not in out + err
    again = begin(file, place, environment, "--threads", "1")
    out, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    whole(out, 10)

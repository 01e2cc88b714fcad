"""Processes of their own: results by number, those that end without one, and none that stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from nnctl.workflow.processes import Lost, each_alone
from tests.cli.command import CONFIGS, environment


def work(task: int, folder: str) -> tuple[int, int]:
    """Whatever a task says; most of them give their number and process."""
    if task == 2:
        os._exit(7)
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if task == 9:
        Path(folder, str(os.getpid())).touch()
        time.sleep(60)
    return task, os.getpid()


def test_each_has_a_process_and_what_is_lost_is_its_own(tmp_path: Path) -> None:
    found = dict(each_alone(partial(work, folder=str(tmp_path)), [5, 2, 4, 3], 2))
    assert found.keys() == {0, 1, 2, 3}
    assert isinstance(found[0], tuple)
    assert isinstance(found[2], tuple)
    assert (found[0][0], found[2][0]) == (5, 4)
    assert len({found[0][1], found[2][1], os.getpid()}) == 3
    assert (found[1], found[3]) == (Lost(7), Lost(-9))
    assert "exit code 7" in Lost(7).words()
    assert "SIGKILL (the system's memory may have run out)" in Lost(-9).words()


def test_who_stops_leaves_no_process(tmp_path: Path) -> None:
    started = each_alone(partial(work, folder=str(tmp_path)), [4, 9, 9], 2)
    assert next(started)[0] == 0
    until = time.monotonic() + 30
    while not os.listdir(tmp_path) and time.monotonic() < until:
        time.sleep(0.05)
    started.close()
    processes = [int(name) for name in os.listdir(tmp_path)]
    assert processes
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_test_that_is_told_to_end_takes_its_trainings_with_it(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    command = [
        sys.executable,
        "-m",
        "nnctl",
        "test",
        str(CONFIGS / "iris.yaml"),
        "--set",
        "training.epochs=1000000",
    ]
    place = environment(TMPDIR=str(tmp_path))
    process = subprocess.Popen(command, env=place, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not list(tmp_path.glob("nnctl-*/run/metrics.jsonl")) and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(number)
    assert process.wait(30) == code
    assert not list(tmp_path.glob("nnctl-*/run")), "the training's directory is gone with it"

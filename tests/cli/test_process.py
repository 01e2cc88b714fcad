"""What only a process of its own shows: imports, signals, pipes, a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.command import environment, nnctl, process

PROBE = """
import sys
from nnctl.cli.main import main
for arguments in {commands!r}:
    try:
        main(arguments)
    except SystemExit as end:
        assert not end.code, (arguments, end.code)
    heavy = [m for m in ("numba", "llvmlite", "h5py", "torch", "keras") if m in sys.modules]
    assert not heavy, (arguments, heavy)
"""

COMMANDS = (
    "train",
    "eval",
    "predict",
    "export",
    "check",
    "plan",
    "runs",
    "verify",
    "bisect",
    "init",
    "schema",
    "warm",
)


def test_help_check_and_schema_import_no_numba(here: Path) -> None:
    commands = [["--help"], ["--version"], *([c, "--help"] for c in COMMANDS)]
    commands += [
        ["runs", "show", "-h"],
        ["check", "iris.yaml"],
        ["schema"],
        ["init", "-o", "new.yaml"],
        ["runs"],
    ]
    program = PROBE.format(commands=commands)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=here, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_commit_a_checkpoint(number: signal.Signals, code: int, here: Path) -> None:
    """Then --resume, as the last line says, gives the bits of the uninterrupted run."""
    options = ["--set", "training.epochs=500", "--run-dir", "run"]
    training = process("train", "iris.yaml", "--json", *options, cwd=here)
    deadline = time.monotonic() + 120
    metrics = here / "run" / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    training.send_signal(number)
    out, err = training.communicate(timeout=120)
    assert training.returncode == code, err
    assert json.loads(out)["status"] == "interrupted"
    assert "checkpoint committed" in err
    said = err.splitlines()[-1].removeprefix("next: nnctl ")
    assert said == "train iris.yaml --run-dir run --set training.epochs=500 --resume"
    without = nnctl("train", "iris.yaml", *options, cwd=here)
    assert without.code == 2
    assert "--resume" in without.err
    resumed = nnctl(*said.split(), "--json", "-q", cwd=here).json
    straight = nnctl("train", "iris.yaml", *options[:2], "--json", "-q", cwd=here).json
    assert resumed["weights_sha256"] == straight["weights_sha256"]


def test_a_reader_that_leaves_early_ends_nothing_badly(here: Path) -> None:
    """A closed pipe on stdout: no traceback. A log nobody reads: the run is completed."""
    schema = process("schema", cwd=here)
    assert schema.stdout is not None
    assert schema.stderr is not None
    schema.stdout.read(10)
    schema.stdout.close()
    assert schema.stderr.read() == ""
    schema.wait(60)
    training = process("train", "iris.yaml", "--run-dir", "run", "--set", "training.epochs=30", cwd=here)
    assert training.stderr is not None
    training.stderr.close()
    training.wait(120)
    assert json.loads((here / "run" / "manifest.json").read_text())["status"] == "completed"


def test_a_full_stdout_is_an_error(here: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nnctl", "check", "iris.yaml", "--json"],
            cwd=here, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot write to stdout: No space left on device")


def test_a_directory_that_cannot_be_written(here: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (here / "locked").mkdir(mode=0o500)
    done = nnctl("train", "iris.yaml", "--run-dir", "locked/run", cwd=here)
    assert done.code == 1
    assert "cannot make locked/run" in done.err


def _on_a_terminal(here: Path, *arguments: str, **more: str) -> str:
    """What a terminal gets from a command whose stderr it is."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "nnctl", *arguments]
    environ = environment(**{"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", **more})
    with subprocess.Popen(
        command, cwd=here, env=environ, stdout=subprocess.DEVNULL, stderr=follower
    ) as running:
        os.close(follower)
        seen = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        assert running.wait(60) in (0, 2)
    os.close(leader)
    return seen.decode()


COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3\d|4\d|9\d)(?:;\d+)*m")


def test_a_terminal_sees_colours_unless_told_not_to(here: Path) -> None:
    few = ("train", "iris.yaml", "--set", "training.epochs=2")
    coloured = _on_a_terminal(here, *few)
    assert COLOUR.search(coloured)
    assert "val_accuracy" in coloured
    plain = _on_a_terminal(here, *few, "--seed", "8", NO_COLOR="1")
    assert "completed: runs/iris/2" in plain
    assert not COLOUR.search(plain)
    dumb = _on_a_terminal(here, *few, "--seed", "9", TERM="dumb")
    assert "\x1b" not in dumb
    wrong = ("check", "iris.yaml", "--set", "training.epochs=no")
    assert COLOUR.search(_on_a_terminal(here, *wrong))
    assert not COLOUR.search(_on_a_terminal(here, *wrong, NO_COLOR="1"))


def test_a_cold_cache_is_told(trained: Path, tmp_path: Path) -> None:
    """`eval` where no kernel was compiled yet says what it is doing on stderr, before it does it."""
    environ = environment(NNCTL_CACHE_DIR=str(tmp_path / "kernels"))
    with process("eval", "iris", "--json", cwd=trained, env=environ) as evaluating:
        assert evaluating.stderr is not None
        said = evaluating.stderr.readline()
        evaluating.kill()
    assert said.startswith("compiling kernels (once per machine)")


@pytest.mark.slow
def test_a_cold_cache_is_told_once(trained: Path, tmp_path: Path) -> None:
    environ = environment(NNCTL_CACHE_DIR=str(tmp_path / "kernels"))
    evaluating = process("eval", "iris", "--json", cwd=trained, env=environ)
    out, err = evaluating.communicate(timeout=300)
    assert evaluating.returncode == 0, err
    assert set(json.loads(out)) == {"run", "split", "examples", "metrics", "outputs"}
    assert [line[:36] for line in err.splitlines()] == ["compiling kernels (once per machine)"]

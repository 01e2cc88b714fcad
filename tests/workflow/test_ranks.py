"""Training by several processes that a real launcher starts: one hash, whatever becomes of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.cli.command import CONFIGS, ROOT, environment, nnctl

BIN = Path(sys.executable).parent
MPIEXEC = BIN / "mpiexec"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the MPI of the tests is one for Linux")


def library() -> str:
    """Where the MPI library of the tests is: mpi4py looks there by itself in a plain environment."""
    import mpi4py

    return str(Path(mpi4py.__file__).parents[3])


def command(ranks: int, *words: str | Path) -> list[str]:
    return [found_launcher(), "-n", str(ranks), sys.executable, "-m", "nnctl", *map(str, words)]


def found_launcher() -> str:
    return str(next(p for p in (MPIEXEC, Path(library()).parent / "bin" / "mpiexec") if p.exists()))


def launched(ranks: int, *words: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """What `mpiexec -n RANKS nnctl WORDS` leaves."""
    env = environment(LD_LIBRARY_PATH=library(), **more)
    return subprocess.run(
        command(ranks, *words), cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def train(ranks: int, config: str, cwd: Path, *words: str) -> str:
    """The hash of a config's weights, trained by so many processes; 0: without a launcher."""
    asked = ["train", CONFIGS / f"{config}.yaml", "--json", "-q", *words]
    if not ranks:
        return str(nnctl(*asked, "--set", "training.shards=8", cwd=cwd).json["weights_sha256"])
    found = launched(ranks, *asked, cwd=cwd)
    assert found.returncode == 0, found.stderr
    return str(json.loads(found.stdout)["weights_sha256"])


SHORT = ("--set", "training.epochs=2", "--set", "training.steps_per_epoch=3")


def test_one_hash(tmp_path: Path) -> None:
    """Of 7 steps, the last of which has 14 examples; and the run says in how many parts."""
    assert len({train(ranks, "iris", tmp_path, "--set", "training.epochs=2") for ranks in (0, 1, 3)}) == 1
    resolved = (tmp_path / "runs" / "iris" / "2" / "resolved.yaml").read_text()
    assert "shards: 8" in resolved
    assert "shards: 8" in (tmp_path / "runs" / "iris" / "2" / "config.yaml").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("config", sorted(path.stem for path in CONFIGS.glob("*.yaml")))
def test_every_config(config: str, tmp_path: Path) -> None:
    assert len({train(ranks, config, tmp_path, *SHORT) for ranks in (0, 1, 2, 3, 4, 8)}) == 1


@pytest.fixture
def running(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    found: list[subprocess.Popen[str]] = []
    yield found
    for process in found:
        process.kill()
        process.wait()


def members(launcher: int) -> list[int]:
    """The processes of nnctl below a launcher, by number."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parents = _ancestors(int(entry.name))
            except OSError:
                continue
            if launcher in parents and b"python" in words[0] and b"nnctl" in words:
                found.append(int(entry.name))
    return sorted(found)


def _ancestors(process: int) -> list[int]:
    found = []
    while process > 1:
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(process)
    return found


def stopped(ranks: int, number: int, words: Sequence[str | Path], cwd: Path, run: Path) -> int:
    """Send a signal to the last of the processes once two checkpoints more are there; the launcher's code."""
    env = environment(LD_LIBRARY_PATH=library())
    process = subprocess.Popen(
        command(ranks, *words), cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    before = {p.name for p in run.glob("checkpoints/step-*.h5")}
    until = time.monotonic() + 60
    while len({p.name for p in run.glob("checkpoints/step-*.h5")} - before) < 2 and time.monotonic() < until:
        assert process.poll() is None, "it ended before it could be stopped"
        time.sleep(0.02)
    mine = members(process.pid)
    assert len(mine) == ranks
    os.kill(mine[-1], number)
    began = time.monotonic()
    code = process.wait(timeout=30)
    assert time.monotonic() - began < 10
    assert not members(process.pid)
    return code


def test_killed_and_resumed_on_another_number(tmp_path: Path) -> None:
    """One process is killed, then one told to end: all of them end, and the run goes on elsewhere."""
    words = ["train", CONFIGS / "digits_mlp.yaml", "-q", "--run-dir", "run"]
    words += ["--set", "training.epochs=30", "--set", "training.checkpoint={every: 10}"]
    run = tmp_path / "run"
    assert stopped(2, signal.SIGKILL, words, tmp_path, run) != 0
    assert stopped(3, signal.SIGTERM, [*words, "--resume"], tmp_path, run) == 143
    assert json.loads((run / "manifest.json").read_text())["status"] == "interrupted"
    found = launched(1, *words, "--resume", "--json", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    words[words.index("run")] = "whole"
    whole = nnctl(*words, "--json", "--set", "training.shards=8", cwd=tmp_path).json
    assert json.loads(found.stdout)["weights_sha256"] == whole["weights_sha256"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "training.shards=1"], "2 processes cannot share 1 shards of a batch"),
        (["--set", "data.batch_size=1"], "2 processes cannot share a batch of 1"),
        (["--set", "training.epochz=1"], "'training' has no key 'epochz'"),
    ],
)
def test_what_is_wrong_everywhere_is_said_once(words: list[str], message: str, tmp_path: Path) -> None:
    found = launched(2, "train", CONFIGS / "iris.yaml", *words, cwd=tmp_path)
    assert found.returncode == 2
    assert found.stderr.count(message) == 1
    assert not (tmp_path / "runs").exists()


def copies(tmp_path: Path) -> list[Path]:
    """A directory with config and data for each of two machines."""
    made = [tmp_path / "a", tmp_path / "b"]
    for place in made:
        (place / "data").mkdir(parents=True)
        for name in ("iris.yaml", "data/iris.csv"):
            (place / name).write_bytes((CONFIGS / name).read_bytes())
    return made


@pytest.mark.parametrize(
    ("file", "change", "message", "code"),
    [
        ("data/iris.csv", None, "rank 1: data/iris.csv: no such file", 3),
        ("data/iris.csv", (b"5.1", b"5.2"), "rank 1 has other data than rank 0", 3),
        ("iris.yaml", (b"epochs: 60", b"epochs: 61"), "rank 1 has another config than rank 0", 2),
    ],
)
def test_machines_that_do_not_have_the_same(
    file: str, change: tuple[bytes, bytes] | None, message: str, code: int, tmp_path: Path
) -> None:
    here, there = copies(tmp_path)
    if change is None:
        (there / file).unlink()
    else:
        text = (there / file).read_bytes()
        assert change[0] in text
        (there / file).write_bytes(text.replace(*change, 1))
    one = ["-n", "1", "-wdir", str(here), sys.executable, "-m", "nnctl", "train", "iris.yaml"]
    other = ["-n", "1", "-wdir", str(there), *one[4:]]
    found = subprocess.run(
        [found_launcher(), *one, ":", *other],
        env=environment(LD_LIBRARY_PATH=library(), PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == code, found.stderr
    assert found.stderr.count(message) == 1
    assert not (here / "runs").exists()


def test_a_fault_of_one_ends_all(tmp_path: Path) -> None:
    """Here the first one's disk: what it would write to is a directory that cannot be written."""
    (tmp_path / "file").touch()
    found = launched(2, "train", CONFIGS / "iris.yaml", "--run-dir", "file/run", cwd=tmp_path)
    assert found.returncode != 0
    assert "file" in found.stderr


def test_without_an_mpi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a launcher leaves in the environment is enough to know that there is one."""
    from nnctl.ranks import launch

    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setattr(launch, "find_spec", lambda name: None)
    found = nnctl("train", CONFIGS / "iris.yaml", cwd=tmp_path)
    assert found.code == 2
    assert "pip install 'nnctl[mpi]'" in found.err


CALLED_BACK = """\
nnctl: 1
data:
  source: DATA
  target: species
  columns: {"*": {scale: standard}}
  split: {validation: 0.2}
model:
  layers:
    - {type: Dense, units: 8, activation: relu}
    - BatchNormalization
    - {type: Dropout, rate: 0.3}
    - {type: Dense, units: 3, activation: softmax}
training:
  epochs: 30
  loss: sparse_categorical_crossentropy
  optimizer: {type: Adam, learning_rate: 0.05}
  metrics: [accuracy]
  callbacks:
    - {type: EarlyStopping, patience: 2, restore_best_weights: true}
    - {type: ReduceLROnPlateau, patience: 1}
    - {type: CSVLogger, filename: log.csv}
"""


def test_callbacks_are_heard_by_all(tmp_path: Path) -> None:
    """They stop it, change the rate and put the best weights back, in every process; one of them writes."""
    (tmp_path / "c.yaml").write_text(CALLED_BACK.replace("DATA", str(CONFIGS / "data" / "iris.csv")))
    words = ["train", "c.yaml", "--json", "-q"]
    alone = nnctl(*words, "--run-dir", "a", "--set", "training.shards=8", cwd=tmp_path).json
    assert alone["steps"] < 30 * 8
    found = launched(3, *words, "--run-dir", "b", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    many = json.loads(found.stdout)
    assert (many["weights_sha256"], many["steps"]) == (alone["weights_sha256"], alone["steps"])
    assert (tmp_path / "a" / "log.csv").read_text() == (tmp_path / "b" / "log.csv").read_text()

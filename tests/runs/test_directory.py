"""Run directories: allocation, lock, manifest, metrics, where a run comes from."""

from __future__ import annotations

import errno
import io
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

import nnctl
from nnctl.core.errors import RunError, StorageError
from nnctl.runs import origin
from nnctl.runs.directory import RunDirectory, allocate, begun, metrics_line, strange_in
from nnctl.runs.lock import RunLock, holder
from nnctl.runs.manifest import Manifest, new_manifest, resumed_manifest
from nnctl.runs.origin import git_commit, machine, versions
from nnctl.storage.disk import Disk
from tests.storage.faults import FaultyDisk, Killed

from .examples import example_model


def test_numbers_go_up_and_are_not_reused(tmp_path: Path) -> None:
    assert allocate(tmp_path / "runs", "a") == tmp_path / "runs" / "a" / "1"
    assert allocate(tmp_path / "runs", "a").name == "2"
    (tmp_path / "runs" / "a" / "11").mkdir()
    (tmp_path / "runs" / "a" / "notes").mkdir()
    assert allocate(tmp_path / "runs", "a").name == "12"
    assert allocate(tmp_path / "runs", "b").name == "1"


def _allocate(root: str) -> str:
    return str(allocate(Path(root), "race"))


def test_many_processes_get_directories_of_their_own(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        got = pool.map(_allocate, [str(tmp_path)] * 40, chunksize=1)
    assert sorted(int(Path(p).name) for p in got) == list(range(1, 41))


_HOLD = """
import sys, time
from pathlib import Path
from nnctl.runs.directory import RunDirectory
RunDirectory(Path(sys.argv[1])).open()
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_process_fails_at_once_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLD, str(tmp_path / "r")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        before = time.monotonic()
        with pytest.raises(RunError, match=f"in use by process {other.pid}"):
            RunDirectory(tmp_path / "r").open()
        assert time.monotonic() - before < 5
        assert holder(tmp_path / "r") == f"process {other.pid}"
        other.kill()
        other.wait()
    assert holder(tmp_path / "r") is None
    RunDirectory(tmp_path / "r").open().close()


def test_the_lock_within_one_process(tmp_path: Path) -> None:
    with RunLock(tmp_path) as lock:
        assert lock.held
        with pytest.raises(RunError, match="in use"):
            RunLock(tmp_path).acquire()
    assert not lock.held
    lock.release()
    RunLock(tmp_path).acquire().release()


def test_a_lock_is_no_way_out_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "precious").write_text("x")
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(RunError, match="symbolic link"):
        RunLock(tmp_path / "run").acquire()
    assert (tmp_path / "precious").read_text() == "x"


def test_opening_cleans_what_a_killed_process_left(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "r").open()
    run.checkpoints.commit(example_model(1))
    run.close()
    for directory in (run.path, run.path / "checkpoints"):
        (directory / ".manifest.json.4711.tmp").write_text("half")
    RunDirectory(tmp_path / "r").open().close()
    assert not list(tmp_path.rglob("*.tmp"))


def test_manifest_comes_back_and_not_finite_numbers_are_null(tmp_path: Path) -> None:
    manifest = Manifest("a", seed=3, metrics={"loss": float("nan"), "accuracy": 0.5}, epochs=2)
    manifest.write(tmp_path / "manifest.json")
    text = (tmp_path / "manifest.json").read_text()
    assert json.loads(text)["metrics"] == {"loss": None, "accuracy": 0.5}
    back = Manifest.read(tmp_path / "manifest.json")
    assert (back.name, back.seed, back.epochs, back.status) == ("a", 3, 2, "running")
    (tmp_path / "manifest.json").write_text(json.dumps(json.loads(text) | {"of_a_later_version": 1}))
    assert Manifest.read(tmp_path / "manifest.json").seed == 3


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"status": "odd", "name": "a"}', '{"status": "failed"}', "[" * 9999]
)
def test_a_broken_manifest(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(RunError, match="not a run's manifest"):
        Manifest.read(tmp_path / "manifest.json")


def test_a_new_and_a_resumed_manifest(tmp_path: Path) -> None:
    new = new_manifest("a", seed=3, config_sha256="c0ffee", overrides=["x=1"], threads=2, source=tmp_path)
    assert new.config_sha256 == "c0ffee"
    assert new.git_commit is None
    assert new.versions["python"].startswith("3.")
    new.status, new.reason, new.wall_seconds = "interrupted", "signal 2", 7.5
    again = resumed_manifest(new, threads=1)
    assert (again.status, again.reason, again.resumed, again.wall_seconds) == ("running", None, 1, 7.5)
    assert (again.started, again.overrides, again.threads) == (new.started, ["x=1"], 1)


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run directory"):
        RunDirectory(tmp_path).manifest()


def test_the_manifest_is_old_or_new_at_every_operation(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    counter = FaultyDisk()
    Manifest("a", epochs=1).write(path, counter)
    for at in range(counter.count):
        Manifest("a", epochs=1).write(path)
        with pytest.raises(Killed):
            Manifest("a", epochs=2).write(path, FaultyDisk(at))
        assert Manifest.read(path).epochs in (1, 2)
        with pytest.raises(StorageError, match="the disk is full"):
            Manifest("a", epochs=3).write(path, FaultyDisk(at, errno.ENOSPC))
        Manifest("a", epochs=1).write(path)


def test_a_run_that_was_killed_counts_as_interrupted(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path).open()
    run.write_manifest(Manifest("a"))
    assert run.status() == "running"
    assert RunDirectory(tmp_path).status() == "running"
    run.close()
    assert RunDirectory(tmp_path).status() == "interrupted"


def test_metrics_never_have_an_epoch_twice(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    assert run.metrics() == []
    rows = [{"epoch": e, "loss": 1 / (e + 1)} for e in range(3)]
    journal = run.journal("metrics.jsonl")
    journal.begin()
    journal.append("".join(map(metrics_line, rows[:2])))
    mark = journal.mark()
    journal.append(metrics_line(rows[2]))
    assert run.metrics() == rows
    again = run.journal("metrics.jsonl")
    assert again.restore(mark)
    assert run.metrics() == rows[:2]
    again.append(metrics_line({"epoch": 2, "loss": float("inf")}))
    assert run.metrics()[2:] == [{"epoch": 2, "loss": None}]
    for half in ('{"epoch": 3, "lo', '{"epoch": 3}'):  # only a line that has its end counts
        with open(tmp_path / "metrics.jsonl", "a") as file:
            file.write(half)
        assert len(run.metrics()) == 3
    again.close()


def test_the_newest_model(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    with pytest.raises(RunError, match="no model and no checkpoint yet"):
        run.newest_model()
    run.checkpoints.commit(example_model(1))
    path = run.checkpoints.commit(example_model(2))
    assert run.newest_model() == path
    path.write_bytes(b"")
    assert run.newest_model().name == "step-00000001.h5"
    run.model_path.write_bytes(b"x")
    assert run.newest_model() == run.model_path


def test_three_checkpoints_stay_unless_said_otherwise(tmp_path: Path) -> None:
    for path, keep, stay in ((tmp_path / "a", (), 3), (tmp_path / "b", (1,), 1)):
        run = RunDirectory(path, *keep)
        for step in range(1, 6):
            run.checkpoints.commit(example_model(step))
        assert len(list((path / "checkpoints").glob("step-*.h5"))) == stay


def test_long_texts_are_refused(tmp_path: Path) -> None:
    """The file is sparse; above 256 MiB nothing of it is read."""
    run = RunDirectory(tmp_path)
    (tmp_path / "metrics.jsonl").touch()
    os.truncate(tmp_path / "metrics.jsonl", 2**28 + 1)
    with pytest.raises(RunError, match=r"holds more than 268,435,456 bytes"):
        run.metrics()


def test_the_cores_counted_are_this_process_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the machine's and not another process's (0 is the one that asks)."""
    monkeypatch.setattr(os, "sched_getaffinity", {0: {3, 5, 8}, 1: {0}}.get, raising=False)
    assert machine()["cpus"] == 3


def test_origin_never_fails(tmp_path: Path) -> None:
    assert "numpy" in versions()
    assert machine()["cpus"] >= 1
    commit = "0123456789abcdef" * 2 + "01234567"
    git = tmp_path / "g" / ".git"
    git.mkdir(parents=True)
    assert git_commit(tmp_path / "g") is None
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert git_commit(tmp_path / "g") is None
    (git / "packed-refs").write_text(f"# pack-refs\n{commit} refs/heads/main\n")
    (tmp_path / "g" / "below").mkdir()
    assert git_commit(tmp_path / "g" / "below") == commit
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "refs" / "heads" / "main").write_text("f" * 40 + "\n")
    assert git_commit(tmp_path / "g") == "f" * 40
    (tmp_path / "w").mkdir()
    (git / "worktrees" / "w").mkdir(parents=True)
    (git / "worktrees" / "w" / "HEAD").write_text("ref: refs/heads/main")
    (git / "worktrees" / "w" / "commondir").write_text("../..")
    (tmp_path / "w" / ".git").write_text(f"gitdir: {git / 'worktrees' / 'w'}\n")
    assert git_commit(tmp_path / "w") == "f" * 40
    (git / "HEAD").write_bytes(b"\xff\xfe")
    assert git_commit(tmp_path / "g") is None


def test_a_manifest_says_nothing_that_is_not_known(tmp_path: Path) -> None:
    """Its defaults, one by one; two spaces a level."""
    Manifest("a").write(tmp_path / "manifest.json")
    text = (tmp_path / "manifest.json").read_text()
    assert text.startswith('{\n  "name": "a",\n  "status": "running",\n')
    assert text.endswith('\n  "expectations": []\n}\n')
    empty = {"data_files": {}, "metrics": {}, "overrides": [], "versions": {}, "machine": {}}
    none = dict.fromkeys(
        ("weights_sha256", "restored_epoch", "reason", "threads", "git_commit", "ended"), None
    )
    numbers = {"seed": 0, "epochs": 0, "steps": 0, "wall_seconds": 0.0, "resumed": 0}
    texts = {"name": "a", "status": "running", "config_sha256": "", "data_sha256": "", "started": ""}
    assert json.loads(text) == empty | none | numbers | texts | {"expectations": []}


def test_json_has_no_number_that_is_none(tmp_path: Path) -> None:
    """What is not a metric is not set to null silently."""
    with pytest.raises(ValueError, match="Out of range"):
        Manifest("a", wall_seconds=float("nan")).write(tmp_path / "manifest.json")
    with pytest.raises(ValueError, match="Out of range"):
        metrics_line({"epoch": 0, "odd": [float("nan")]})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('"status"', "it has no status"),
        ('{"name": "a"}', "it has no status"),
        ("[]", "it has no status"),
    ],
)
def test_a_manifest_has_a_status(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(RunError) as caught:
        Manifest.read(path)
    assert str(caught.value) == f"{path} is not a run's manifest: {why}"


def test_how_a_manifest_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text('{"status": "odd", "name": "a", "seed": "x"}')
    with pytest.raises(RunError) as caught:
        Manifest.read(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(RunError, match=r"is not a run's manifest: .*Not a directory"):
        Manifest.read(path / "manifest.json")
    os.truncate(path, 2**24 + 1)  # sparse
    with pytest.raises(RunError, match="holds more than 16,777,216 bytes"):
        Manifest.read(path)


def test_data_files_of_a_manifest_that_are_none() -> None:
    with pytest.raises(RunError, match="does not tell its data files as it should"):
        Manifest("a", data_files={"train.path": {"odd": 1}}).files()
    assert Manifest("a").files() == {}


def test_the_machine_may_be_told(tmp_path: Path) -> None:
    there: dict[str, str | int] = {"cpu": "another", "cpus": 64}
    new = new_manifest("a", seed=3, source=tmp_path, where=there)
    assert new.machine == there
    assert resumed_manifest(Manifest("a", ended="then"), where=there).machine == there
    here = resumed_manifest(Manifest("a", "failed", ended="then"))
    assert (here.machine, here.ended, here.versions) == (machine(), None, versions())


def test_files_are_no_run_directories(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match=r"cannot read .*config\.yaml: .*Not a directory"):
        RunDirectory(tmp_path / "file").config()


def test_checkpoints_that_hold_none_yet_are_not_strange(tmp_path: Path) -> None:
    """A process that was killed before its first manifest may have made the directory."""
    run = RunDirectory(tmp_path).open()
    (tmp_path / "checkpoints").mkdir()
    run.close()
    assert strange_in(tmp_path) is None
    assert begun(tmp_path)


def test_there_are_ten_thousand_numbers_to_try(tmp_path: Path) -> None:
    """Where every next number is taken meanwhile, it is an error in the end."""
    tried = []

    class Taken(Disk):
        def make_directory(self, path: Path) -> None:
            tried.append(path.name)
            raise FileExistsError

    (tmp_path / "a").mkdir()
    with pytest.raises(StorageError, match="no free run number in"):
        allocate(tmp_path, "a", Taken())
    assert tried == [str(n) for n in range(1, 10_001)]


def test_cores_where_no_system_call_tells_this_process_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for counted, told in ((7, 7), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda counted=counted: counted)
        assert machine()["cpus"] == told


def test_what_a_processor_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the first such line; where there is none, as Python calls it."""
    monkeypatch.setattr(platform, "processor", lambda: "odd")
    text = "processor\t: 0\nmodel name\t: Quick: 3000 \nmodel name\t: Slow\n"

    def refuse(*args: object, **options: object) -> None:
        raise FileNotFoundError

    for opened, name in (
        (lambda *args, **options: io.StringIO(text), "Quick: 3000"),
        (lambda *args, **options: io.StringIO("processor\t: 0\n"), "odd"),
        (refuse, "odd"),
    ):
        monkeypatch.setattr(origin, "open", opened, raising=False)
        assert machine()["cpu"] == name
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert machine()["cpu"] == "unknown"


def test_versions_are_those_that_python_would_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first on the path counts; a place that is missing is passed over; others' packages are not told."""
    for name in (
        "a/numpy-1.5.dist-info",
        "b/numpy-2.0.dist-info",
        "b/numba-0.1-x.dist-info",
        "b/odd-1.dist-info",
    ):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "b" / "h5py-3").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path / name) for name in ("none", "a", "b")])
    python = ".".join(map(str, sys.version_info[:3]))
    assert versions() == {"python": python, "nnctl": nnctl.__version__, "numpy": "1.5", "numba": "0.1-x"}


def test_commits_that_are_named_in_other_ways(tmp_path: Path) -> None:
    """A detached one; one among packed ones; what is no commit; up to 4,096 characters are read."""
    one, two = "a" * 40, "b" * 64
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    head, branch = git / "HEAD", git / "refs" / "heads" / "main"
    for text, commit in (
        (one, one),
        (f"{two}\n", two),
        ("a" * 41, None),
        (" " * 4056 + one + "x", one),
        ("ref: refs/heads/main", None),
    ):
        head.write_text(text)
        assert git_commit(tmp_path) == commit
    (git / "packed-refs").write_text(f"{one} refs/heads/other\nodd refs/heads/main\n{two} refs/heads/main\n")
    assert git_commit(tmp_path) == two
    branch.write_text("odd")
    assert git_commit(tmp_path) is None


def test_where_no_commit_can_be_asked_for(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert git_commit(tmp_path / "loop") is None
    assert git_commit(Path("a\0b")) is None

"""Where a command may write, and what it says where it may not: outputs, templates, directories of runs."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nnctl.core.errors import ConfigError, RunError
from nnctl.runs.directory import MANIFEST
from nnctl.workflow import init as templates
from nnctl.workflow.assemble import load_experiment
from nnctl.workflow.init import init
from nnctl.workflow.output import check_output, files_read, keep_apart, keep_run_apart


def refused(function: Any, *given: Any, **more: Any) -> tuple[str, str]:
    """The message, and what is expected instead."""
    with pytest.raises(ConfigError) as caught:
        function(*given, **more)
    (problem,) = caught.value.problems
    return problem.message, problem.expected or ""


ELSEWHERE = "another --output"


@pytest.mark.parametrize("force", [False, True])
def test_what_no_force_replaces(force: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    Path("folder").mkdir()
    Path("link").symlink_to("folder")
    assert refused(check_output, Path("no/o.csv"), force=force) == (
        "there is no directory 'no' to write 'o.csv' into", "--output in a directory that exists"
    )  # fmt: skip
    assert refused(check_output, Path("fifo"), force=force) == ("'fifo' is not a regular file", ELSEWHERE)
    for name in ("folder", "link"):
        assert refused(check_output, Path(name), force=force) == (
            f"'{name}' is a directory", "the name of a file"
        )  # fmt: skip
    check_output(Path("new.csv"), force=force)


def test_what_force_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, or a link wherever it points to."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("dangling").symlink_to("nowhere")
    for name in ("file", "dangling"):
        assert refused(check_output, Path(name), force=False) == (
            f"'{name}' is there already", f"--force to replace it, or {ELSEWHERE}"
        )  # fmt: skip
        check_output(Path(name), force=True)


def test_the_names_of_a_run_are_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below a directory with a manifest, in whatever case, files that are not there yet as well."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "run" / "mine").mkdir()
    (tmp_path / "link").symlink_to("run")
    owned = ("run/model.h5", "run/Model.H5", "run/checkpoints/mine.h5", "link/config.yaml")
    for name in owned:
        check_output(Path(name), force=True)
    (tmp_path / "run" / MANIFEST).symlink_to("nowhere")
    for name in owned:
        message, expected = refused(check_output, Path(name), force=True)
        assert message == (
            f"'{name}' is the name of a file of the run in {tmp_path}/run, which nothing else may write"
        )
        assert expected == ELSEWHERE
    for name in ("run/mine.h5", "run/mine/model.h5", "model.h5"):
        check_output(Path(name), force=True)


def test_what_is_read_is_not_written(tmp_path: Path) -> None:
    """By any name that leads to it, also where it is not there yet."""
    (tmp_path / "a").touch()
    os.link(tmp_path / "a", tmp_path / "hard")
    (tmp_path / "soft").symlink_to("later")
    read = [("INPUT", tmp_path / "a"), ("the model", tmp_path / "later")]
    for name, what in (("a", "INPUT"), ("hard", "INPUT"), ("later", "the model"), ("soft", "the model")):
        output = tmp_path / name
        assert refused(keep_apart, output, read) == (
            f"'{output}' is {what}, which this command reads", ELSEWHERE
        )  # fmt: skip
    keep_apart(tmp_path / "other", read)
    keep_run_apart(tmp_path, read)
    config = [*read, ("the config", tmp_path / "config.yaml")]
    assert refused(keep_run_apart, tmp_path, config) == (
        f"a run in '{tmp_path}' would write over '{tmp_path}/config.yaml', which is the config",
        "another --run-dir",
    )


def test_what_counts_as_read(tmp_path: Path) -> None:
    """The config or the model; data of all parts; plugins that are files."""
    (tmp_path / "c.yaml").write_text(
        """
nnctl: 1
data:
  train: {type: npz, path: a.npz, target: y}
  test: {type: npz, path: d/b.npz, target: y}
model: {layers: [{type: Dense, units: 1}]}
training: {loss: mse}
"""
    )
    loaded = load_experiment(tmp_path / "c.yaml")
    data = [("the data that it is trained on", tmp_path / name) for name in ("a.npz", "d/b.npz")]
    assert list(files_read(loaded, tmp_path)) == [("the config", tmp_path / "c.yaml"), *data]
    plugged = loaded.experiment.model_copy(update={"plugins": ["p.py", "package"]})
    stored: Any = SimpleNamespace(file=Path("m.h5"), experiment=plugged)
    assert list(files_read(stored, tmp_path)) == [
        ("the model", Path("m.h5")), *data, ("a plugin of it", tmp_path / "p.py")
    ]  # fmt: skip


def test_templates_replace_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is as it would be written is in nobody's way; each way out is one."""
    monkeypatch.chdir(tmp_path)
    assert init("table") == [Path("table.yaml"), Path("data/iris.csv")]
    assert init("table") == init("table", Path("table.yaml"), force=True)
    first, second = Path("table.yaml"), Path("data/iris.csv")
    other = {first: "another file, with --output FILE", second: "another directory, with --output FILE"}
    for path, way_out in other.items():
        content = path.read_bytes()
        for wrong in (content[:-1], content + b"x", b""):
            path.write_bytes(wrong)
            message, expected = refused(init, "table")
            assert (message, expected) == (f"{path} is there already", f"--force to replace it, or {way_out}")
            assert path.read_bytes() == wrong
        init("table", force=True)
        assert path.read_bytes() == content
        path.unlink()
        path.mkdir()
        for force in (False, True):
            assert refused(init, "table", force=force) == (f"{path} is there already", way_out)
        path.rmdir()
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        init("tabel")
    (problem,) = caught.value.problems
    assert (problem.message, problem.suggestion) == ("there is no template 'tabel'", "table")
    assert problem.expected == "one of " + ", ".join(templates.TEMPLATES)


@pytest.mark.parametrize("error", [OSError("not yours"), RunError("too long")])
def test_a_file_that_cannot_be_read_is_in_the_way(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> bytes:
        raise error

    (tmp_path / "t.yaml").write_text("mine")
    monkeypatch.setattr(templates.below, "read_capped", fail)
    assert refused(init, "table", tmp_path / "t.yaml")[0] == f"{tmp_path}/t.yaml is there already"
    assert (tmp_path / "t.yaml").read_text() == "mine"

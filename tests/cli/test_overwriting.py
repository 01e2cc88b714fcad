"""No command writes onto what it reads, and none replaces a file that it did not write unless told to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.command import nnctl
from tests.cli.test_links import content


@pytest.fixture
def there(trained: Path, tmp_path: Path) -> Path:
    """A directory of its own with data, configs and runs."""
    shutil.copytree(trained, tmp_path / "there")
    return tmp_path / "there"


PREDICT = ("predict", "iris", "data/iris.csv", "-o")
EXPORT = ("export", "iris", "--format", "h5", "-o")


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize(
    "command",
    [
        ("predict", "iris", "data/iris.csv", "-o", "data/iris.csv"),
        ("predict", "iris", "copy.csv", "-o", "data/iris.csv"),
        ("predict", "iris", "copy.csv", "-o", "copy.csv"),
        ("predict", "iris", "copy.csv", "-o", "./data/../copy.csv"),
        ("predict", "iris", "copy.csv", "-o", "hard.csv"),
        ("predict", "iris", "copy.csv", "-o", "soft.csv"),
        ("predict", "iris", "soft.csv", "-o", "copy.csv"),
        ("predict", "runs/iris/1/model.h5", "copy.csv", "-o", "data/iris.csv"),
        ("export", "iris", "--format", "h5", "-o", "runs/iris/1/model.h5"),
        ("export", "iris", "--format", "h5", "-o", "runs/iris/1/Model.H5"),
        ("export", "iris", "--format", "h5", "-o", "runs/iris/1/checkpoints/mine.h5"),
        ("export", "iris", "--format", "h5", "-o", "runs/penguins/1/model.h5"),
        ("export", "iris", "--format", "h5", "-o", "model_hard.h5"),
        ("export", "iris", "--format", "h5", "-o", "model_soft.h5"),
        ("export", "model_alone.h5", "--format", "h5", "-o", "model_alone.h5"),
        ("export", "iris", "--format", "yaml", "-o", "runs/iris/1/config.yaml"),
        ("export", "iris", "--format", "yaml", "-o", "runs/iris/1/resolved.yaml"),
        ("export", "iris", "--format", "json", "-o", "runs/iris/1/manifest.json"),
        ("export", "iris", "--format", "json", "-o", "runs/iris/1/metrics.jsonl"),
        ("export", "iris", "--format", "json", "-o", "runs/iris/1/.lock"),
        ("export", "iris", "--format", "npz", "-o", "data/iris.csv"),
        ("export", "iris", "--format", "npz", "-o", "data"),
        ("predict", "iris", "copy.csv", "-o", "directory.csv"),
        ("export", "iris", "--format", "npz", "-o", "fifo"),
        ("predict", "iris", "copy.csv", "-o", "runs/iris/1/checkpoints/p.csv"),
    ],
)
def test_nothing_that_is_read_or_a_runs_own_is_written(
    there: Path, command: tuple[str, ...], force: tuple[str, ...]
) -> None:
    """By whatever name: hard link, symbolic link, another path, other case. --force does not help."""
    shutil.copy(there / "data" / "iris.csv", there / "copy.csv")
    os.link(there / "copy.csv", there / "hard.csv")
    (there / "soft.csv").symlink_to("copy.csv")
    shutil.copy(there / "runs" / "iris" / "1" / "model.h5", there / "model_alone.h5")
    os.link(there / "runs" / "iris" / "1" / "model.h5", there / "model_hard.h5")
    (there / "model_soft.h5").symlink_to("runs/iris/1/model.h5")
    (there / "directory.csv").mkdir()
    os.mkfifo(there / "fifo")
    before = content(there)
    done = nnctl(*command, *force, cwd=there)
    assert done.code == 2, done.err
    assert content(there) == before


@pytest.mark.parametrize(
    "command", [(*PREDICT, "precious.csv"), (*PREDICT, "dangling.csv"), (*EXPORT, "precious.csv")]
)
def test_a_file_that_is_there_is_replaced_only_with_force(there: Path, command: tuple[str, ...]) -> None:
    precious = there / command[-1]
    if precious.name == "dangling.csv":
        precious.symlink_to("nowhere.csv")
    else:
        precious.write_text("precious")
    before = content(there)
    done = nnctl(*command, cwd=there)
    assert done.code == 2
    assert "there already" in done.err
    assert "--force" in done.err
    assert content(there) == before
    assert nnctl(*command, "--force", cwd=there).code == 0
    assert precious.read_bytes() != b"precious"
    assert not precious.is_symlink()
    assert not (there / "nowhere.csv").exists()


@pytest.mark.parametrize("where", ["iris.yaml", "data/iris.csv"])
@pytest.mark.parametrize("kind", ["file", "dangling", "fifo"])
def test_init_replaces_nothing(tmp_path: Path, where: str, kind: str) -> None:
    """The config that it writes and the data beside it; a FIFO is not waited for."""
    (tmp_path / "data").mkdir()
    place = tmp_path / where
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "dangling":
        place.symlink_to("nowhere")
    else:
        place.write_text("precious")
    done = nnctl("init", "table", "-o", "iris.yaml", cwd=tmp_path)
    assert done.code == 2, done.err
    assert ("--force" in done.err) == (kind == "file")
    forced = nnctl("init", "table", "-o", "iris.yaml", "--force", cwd=tmp_path)
    assert forced.code == (0 if kind == "file" else 2)
    assert not (tmp_path / "nowhere").exists()


def test_train_does_not_take_the_directory_of_its_config(there: Path) -> None:
    """`--run-dir .` beside a `config.yaml` would put its own text in the place of the user's."""
    alone = there / "alone"
    alone.mkdir()
    text = (there / "iris.yaml").read_text().replace("data/iris.csv", "../data/iris.csv")
    (alone / "config.yaml").write_text(text)
    done = nnctl("train", "config.yaml", "--run-dir", ".", cwd=alone)
    assert done.code == 2, done.err
    assert (alone / "config.yaml").read_text() == text
    assert [p.name for p in alone.iterdir()] == ["config.yaml"]

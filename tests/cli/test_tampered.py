"""Run files with values of a wrong type, and text that would act on a terminal: exit code 2, in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nnctl.runs.image import pieces
from nnctl.runs.model_file import FORMAT
from tests.cli.command import Result, nnctl
from tests.mutated.cases import read_parts

ESCAPE = "\x1b]0;gone\x07\x1b[31mred\u202e\x9b2J"
SHOWN = "\\x1b]0;gone\\x07\\x1b[31mred\\u202e\\x9b2J"


@pytest.fixture
def here(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "here")
    return tmp_path / "here"


def plain(done: Result) -> bool:
    """Whether nothing that was printed acts on a terminal."""
    return all(c.isprintable() or c in "\n\t" for c in done.out + done.err)


def edit(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


WRONG: list[tuple[str, Any]] = [
    *((name, [1]) for name in ("name", "status", "seed", "epochs", "steps", "reason", "started", "threads")),
    *(("wall_seconds", value) for value in ("x", None, float("nan"), float("inf"), -1)),
    *(("metrics", value) for value in (5, [], {"loss": "x"}, {"loss": [1]}, None)),
    *(("versions", value) for value in ("x", {"python": 3}, None)),
    *(("overrides", value) for value in ("x", [1], None)),
    *(("machine", value) for value in ("x", None)),
    *(("resumed", "x"), ("git_commit", 5), ("data_files", [])),
]


def test_a_manifest_with_a_value_of_a_wrong_type(here: Path) -> None:
    path = here / "runs/iris/1/manifest.json"
    whole = path.read_text()
    commands = (("runs", "show", "iris"), ("verify", "iris"), ("train", "iris.yaml", "--resume"))
    for field, value in WRONG:
        path.write_text(whole)
        edit(path, **{field: value})
        for command in commands if field == "metrics" else commands[:1]:
            done = nnctl(*command, cwd=here)
            assert done.code == 2, (field, value, command, done.err)
            assert "is not a run's manifest" in done.err
            assert field in done.err
    listed = nnctl("runs", cwd=here)
    assert listed.code == 0
    assert "unreadable" in listed.out


@pytest.mark.parametrize("line", ["5", "[" * 100_000, '{"loss": "x"}', '{"loss": [1]}', "{", '{"a": 1e5}x'])
def test_metrics_that_are_none(here: Path, line: str) -> None:
    path = here / "runs/iris/1/metrics.jsonl"
    path.write_text(f'{{"epoch": 0, "loss": 1}}\n{line}\n')
    done = nnctl("runs", "show", "iris", cwd=here)
    assert done.code == 2, done.err
    assert "metrics.jsonl:2: this line is no epoch's row" in done.err


def test_what_files_say_is_made_visible(here: Path) -> None:
    """From a manifest, a config, a column's name, a cell: no control character reaches a terminal."""
    edit(here / "runs/iris/1/manifest.json", reason=ESCAPE, versions={ESCAPE: ESCAPE}, started=ESCAPE)
    config = here / "runs/iris/1/config.yaml"
    config.write_text(f"{config.read_text()}\n# {ESCAPE}\n")
    for command in (("runs",), ("runs", "show", "iris")):
        done = nnctl(*command, cwd=here)
        assert done.code == 0, done.err
        assert plain(done)
        assert SHOWN in done.out
    (here / "in.csv").write_text(f"{ESCAPE},x\n1,2\n")
    done = nnctl("predict", "iris", "in.csv", "-o", "p.csv", cwd=here)
    assert done.code == 3
    assert plain(done)
    assert SHOWN in done.err
    (here / "cells.csv").write_text((here / "data/iris.csv").read_text().replace("5.1", f'"{ESCAPE}"', 1))
    done = nnctl("predict", "iris", "cells.csv", "-o", "p.csv", cwd=here)
    assert done.code == 3
    assert plain(done)
    (here / "wrong.yaml").write_text('nnctl: 1\nname: "\\e[31m"\n"\\e[2J": 1\n')
    done = nnctl("check", "wrong.yaml", cwd=here)
    assert done.code == 2
    assert plain(done)
    assert plain(nnctl("eval", ESCAPE, cwd=here))
    assert plain(nnctl("eval", "\udcff", cwd=here))


def test_an_error_is_no_longer_than_anyone_reads(here: Path) -> None:
    """A file of 100,000 columns, and one of a cell as long as cells may be."""
    names = [f"column_{i}" for i in range(100_000)]
    (here / "wide.csv").write_text(",".join(names) + "\n" + ",".join("1" * len(names)) + "\n")
    (here / "long.csv").write_text((here / "data/iris.csv").read_text().replace("5.1", "x" * 100_000, 1))
    for name in ("wide.csv", "long.csv"):
        for more in ((), ("--json",)):
            done = nnctl("predict", "iris", name, "-o", "p.csv", *more, cwd=here)
            assert done.code == 3
            assert len(done.err) + len(done.out) < 5_000


def test_no_error_quotes_a_file_that_only_the_run_names(here: Path) -> None:
    """A stranger's run names a file as its model, or as its data: what it holds stays unsaid."""
    (here / "secret.yaml").write_text("password: hunter2\n")
    (here / "secret.csv").write_text("sepal_length,species\nhunter2,hunter2\n")
    run = here / "runs/iris/1"
    resolved = run / "resolved.yaml"
    head, _, tail = resolved.read_text().partition("\nmodel:")
    rest = tail[tail.index("\ntraining:") :]
    resolved.write_text(f"{head}\nmodel: {{path: ../../../secret.yaml}}{rest}")
    done = nnctl("verify", "iris", cwd=here)
    assert done.code == 2, done.err
    assert "hunter2" not in done.err
    texts, arrays = read_parts(run / "model.h5")
    config, preprocessing = json.loads(texts["config"]), json.loads(texts["preprocessing"])
    config["data"]["source"]["path"] = "../../../secret.csv"
    preprocessing["trained_on"] = {}
    texts |= {"config": json.dumps(config), "preprocessing": json.dumps(preprocessing)}
    (run / "model.h5").write_bytes(b"".join(pieces(texts, arrays, FORMAT)))
    edit(run / "manifest.json", data_sha256="", data_files={})
    done = nnctl("eval", "iris", cwd=here)
    assert done.code == 3, done.err
    assert "hunter2" not in done.err


def test_an_hdf5_file_of_zeros_is_not_unpacked(tmp_path: Path) -> None:
    """The bound is that of NPZ: 200 bytes for one, beyond 64 MiB."""
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        made = file.create_dataset("x", (100_000, 250), "f4", chunks=(10_000, 250), compression="gzip")
        for first in range(0, 100_000, 10_000):
            made[first : first + 10_000] = 0
        file["y"] = np.arange(100_000) % 3
    (tmp_path / "c.yaml").write_text(
        "nnctl: 1\ndata: {source: bomb.h5, target: y, split: {test: 0.2}}\n"
        "model: {layers: [{type: Dense, units: 3, activation: softmax}]}\n"
        "training: {epochs: 1, loss: sparse_categorical_crossentropy}\n"
    )
    done = nnctl("check", "c.yaml", cwd=tmp_path)
    assert done.code == 3, done.err
    assert "200 to 1" in done.err


def test_an_output_without_a_loss_has_its_columns(here: Path) -> None:
    """What holds a stored preparation against its model knows that a target may have no loss."""
    done = nnctl("train", "penguins.yaml", "--quiet", "--run-dir", "r", *SET, cwd=here)
    assert done.code == 0, done.err
    assert nnctl("eval", "r", cwd=here).code == 0


SET = ("--set", "training.epochs=1", "--set", "training.loss.mass=null", "--set", "training.metrics=[]")

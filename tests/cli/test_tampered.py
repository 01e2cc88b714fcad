"""Run files with values of a wrong type, and text that would act on a terminal: exit code 2, in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Result, nnctl

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

"""`init`: templates that train as they stand; nothing of the user's is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnctl.workflow.init import TEMPLATES
from tests.cli.command import ROOT, nnctl
from tests.sampling import everyday

EVERYDAY = ("table", "image", "two-inputs", "text", "language-model")


@pytest.mark.parametrize("template", everyday(TEMPLATES, EVERYDAY))
def test_template_trains_as_it_stands(template: str, tmp_path: Path) -> None:
    made = nnctl("init", template, cwd=tmp_path)
    assert (made.code, made.out) == (0, "")
    assert made.err.splitlines()[-1] == f"next: nnctl train {template}.yaml"
    assert nnctl("check", f"{template}.yaml", cwd=tmp_path).code == 0
    done = nnctl("train", f"{template}.yaml", "-q", "--set", "training.epochs=1", cwd=tmp_path)
    assert done.code == 0, done.err
    assert nnctl("eval", template, "--json", cwd=tmp_path).json["examples"] > 10


def test_the_default_is_a_table(tmp_path: Path) -> None:
    assert nnctl("init", cwd=tmp_path).code == 0
    assert sorted(p.name for p in tmp_path.rglob("*.*")) == ["iris.csv", "table.yaml"]


def test_a_name_of_ones_own(tmp_path: Path) -> None:
    assert nnctl("init", "regression", "-o", "sub/mine.yaml", cwd=tmp_path).code == 0
    assert sorted(p.name for p in (tmp_path / "sub").rglob("*.*")) == ["diabetes.csv", "mine.yaml"]


def test_again_is_fine(tmp_path: Path) -> None:
    assert nnctl("init", cwd=tmp_path).code == 0
    assert nnctl("init", cwd=tmp_path).code == 0


@pytest.mark.parametrize("file", ["table.yaml", "data/iris.csv"])
def test_a_file_in_the_way_stays(file: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / file).write_text("mine")
    done = nnctl("init", cwd=tmp_path)
    assert done.code == 2
    assert f"{file} is there already" in done.err
    assert [p.name for p in tmp_path.rglob("*.*")] == [Path(file).name]
    assert (tmp_path / file).read_text() == "mine"


def test_a_directory_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "table.yaml").mkdir()
    assert nnctl("init", cwd=tmp_path).code == 2


def test_the_templates_are_told_wherever_they_are_listed() -> None:
    """`--help` does not look them up, and pages are written by hand."""
    listed = "".join(nnctl("init", "--help").out.split())
    pages = [(ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/commands.md")]
    for name in TEMPLATES:
        assert name in listed
        assert all(f"`{name}`" in page for page in pages), name

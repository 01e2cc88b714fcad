"""What `eval` prints: tables that fit the terminal, and the same numbers as `--json`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnctl.evaluation.amounts import AmountTally
from nnctl.evaluation.classes import ClassTally
from nnctl.evaluation.labels import LabelTally
from nnctl.evaluation.report import Report, as_json, named_numbers
from nnctl.report.evaluation import evaluation_lines, report_lines
from nnctl.workflow.scored import Scored
from tests.cli.command import CONFIGS, nnctl


def of_classes(names: list[str], wanted: list[int], guess: list[int]) -> Report:
    tally = ClassTally(names)
    tally.add(np.array(wanted), np.eye(len(names))[guess] * 0.8 + 0.2 / len(names))
    report = tally.report()
    assert report is not None
    return report


def test_classes_are_told_by_name_with_their_means_and_the_baseline() -> None:
    lines = list(report_lines("", of_classes(["cat", "dog"], [0, 0, 1, 0, 1], [0, 1, 1, 0, 0])))
    assert lines[0].split() == ["class", "precision", "recall", "f1", "support", "roc_auc"]
    assert lines[2].split() == ["cat", "0.6667", "0.6667", "0.6667", "3", "0.5833"]
    assert lines[4].startswith("mean of classes")
    assert lines[5].startswith("weighted by support")
    assert "always 'cat': accuracy 0.6000, log loss 0.6730" in lines[6]
    assert lines[8].split() == ["wanted", "\\", "predicted", "cat", "dog"]
    assert [line.split() for line in lines[10:]] == [["cat", "2", "1"], ["dog", "1", "1"]]


def test_a_matrix_that_is_too_wide_is_cut_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"class number {n}" for n in range(12)]
    report = of_classes(names, list(range(12)), list(range(12)))
    monkeypatch.setenv("COLUMNS", "60")
    lines = list(report_lines("", report))
    assert max(len(line) for line in lines if line.startswith(("wanted", "class", "mean"))) <= 60
    assert lines[-1].endswith("more columns, for which this terminal is too narrow: --json has them all")
    monkeypatch.delenv("COLUMNS")
    assert "more columns" not in "\n".join(report_lines("", report))


def test_of_many_classes_those_that_do_worst_are_shown() -> None:
    names = [f"c{n}" for n in range(40)]
    wrong = {3: 4, 17: 4}
    report = of_classes(names, list(range(40)), [wrong.get(n, n) for n in range(40)])
    text = "\n".join(report_lines("", report))
    assert "10 more, which do better: --json has them all" in text
    rows = [line.split() for line in text.splitlines()]
    assert rows[2][0] == "c3"
    assert ["c3", "c4", "1"] in rows
    assert ["c17", "c4", "1"] in rows


def test_numbers_and_labels() -> None:
    tally = AmountTally(["size"], 1, np.array([2.0]))
    tally.add(np.array([[1.0], [3.0]]), np.array([[2.0], [3.0]]))
    amounts = tally.report()
    labels = LabelTally(["a", "b"])
    labels.add(np.array([[True, False], [True, True]]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    told = labels.report()
    assert amounts is not None
    assert told is not None
    lines = evaluation_lines("r, test", Scored(2, {"loss": 0.5}, {"n": amounts, "l": told}, True))
    text = "\n".join(lines)
    assert lines[:2] == ["r, test, 2 examples", "  loss  0.5000"]
    row = [
        "size",
        "0.5000",
        "0.7071",
        "0.5000",
        "0.0000",
        "0.0500",
        "0.2500",
        "0.5000",
        "0.7500",
        "0.9500",
        "1.0000",
    ]
    assert row in [line.split() for line in lines]
    assert "as trained, scaled" in text
    assert "always the mean" in text
    assert "all labels right 0.5000; usual answers: accuracy" in text


def test_the_same_numbers_as_json() -> None:
    report = of_classes(["cat", "dog"], [0, 0, 1], [0, 1, 1])
    data = as_json(report)
    assert data["kind"] == "classes"
    assert data["confusion"] == [[1, 1], [0, 1]]
    assert data["macro"]["f1"] == named_numbers(report)["macro_f1"]
    assert data["classes"][0]["name"] == "cat"
    assert as_json({"x": float("nan"), "y": (1.0, None)}) == {"x": None, "y": [1.0, None]}


def test_eval_prints_tables_and_json_has_all(tmp_path: Path) -> None:
    run = tmp_path / "run"
    nnctl("train", CONFIGS / "iris.yaml", "--run-dir", run, "--set", "training.epochs=2", "--quiet")
    shown = nnctl("eval", run)
    assert shown.code == 0
    assert "setosa" in shown.out
    assert "wanted \\ predicted" in shown.out
    found = nnctl("eval", run, "--json").json
    assert [c["name"] for c in found["outputs"]["species"]["classes"]] == [
        "setosa",
        "versicolor",
        "virginica",
    ]
    assert found["examples"] == sum(map(sum, found["outputs"]["species"]["confusion"]))

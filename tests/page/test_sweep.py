"""A sweep's trials and settings on the page; what is in its file is checked before anything is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nnctl.core.errors import RunError
from nnctl.report.page.document import document
from nnctl.report.page.sweep import settings, trials
from nnctl.workflow.sweep.kept import RESULTS, KeptSweep, best_run, kept_sweep
from tests.page.runs import HOSTILE, run
from tests.page.test_figures import rows, words
from tests.page.test_markup import read

VALUES = [("completed", 0.5), ("pruned", 0.1), ("completed", 0.75), ("error", None), ("completed", 0.25)]


def results(word: str = "") -> dict[str, object]:
    """Five trials of one setting."""
    told = [
        {
            "trial": number,
            "outcome": outcome,
            "value": value,
            "settings": {"a.b" + word: number / 8},
            "seconds": 1.5,
            "epochs": 3,
        }
        for number, (outcome, value) in enumerate(VALUES, 1)
    ]
    return {
        "study": "s" + word,
        "objective": "val_loss" + word,
        "direction": "minimize",
        "trials": told,
        "best": told[4],
        "importance": {"a.b" + word: 0.25, "c": 0.75},
    }


def test_trials_and_the_best_so_far() -> None:
    sweep = KeptSweep.model_validate(results())
    assert list(sweep.best_so_far()) == [(1, 0.5), (3, 0.5), (5, 0.25)]
    most = sweep.model_copy(update={"direction": "maximize"})
    assert list(most.best_so_far()) == [(1, 0.5), (3, 0.75), (5, 0.75)]
    made = trials(sweep)
    drawn = [(row["trial"], row["value"], row["outcome"]) for row in rows(made)["val_loss"]]
    assert drawn == [(n, v, o) for n, (o, v) in enumerate(VALUES, 1) if v is not None]
    cells = words(made)
    assert cells[:4] == ["1", "0.5000", "completed", "0.125"]
    assert [cells[6 * n + 2] for n in range(5)] == ["completed", "pruned", "completed", "error", "best"]


def test_settings_from_the_most_important_on() -> None:
    drawn = rows(settings(KeptSweep.model_validate(results())))["Importance of settings"]
    assert drawn == [{"setting": "c", "share": 0.75}, {"setting": "a.b", "share": 0.25}]


def test_the_page_of_a_sweep_is_that_of_its_best_run_and_more() -> None:
    plain = document([run()], "0;", KeptSweep.model_validate(results()))
    strange = document([run()], "0;", KeptSweep.model_validate(results(HOSTILE)))
    sections = [attributes["id"] for name, attributes in read(plain)[0] if name == "section"]
    assert sections[:4] == ["trials", "settings", "expectations", "curves"]
    assert "s: a sweep of 5 trials" in read(plain)[1]
    assert [name for name, _ in read(strange)[0]] == [name for name, _ in read(plain)[0]]


def test_what_a_directory_holds(tmp_path: Path) -> None:
    assert kept_sweep(str(tmp_path)) is None
    (tmp_path / RESULTS).write_text(json.dumps(results()))
    found = kept_sweep(str(tmp_path))
    assert found is not None
    with pytest.raises(RunError, match="trained elsewhere"):
        best_run(*found)
    (tmp_path / "5").mkdir()
    assert best_run(*found) == str(tmp_path / "5")
    with pytest.raises(RunError, match="no trial"):
        best_run(tmp_path, found[1].model_copy(update={"best": None}))
    (tmp_path / RESULTS).write_text('{"study": "s", "trials": 3}')
    with pytest.raises(RunError, match="is damaged: objective"):
        kept_sweep(str(tmp_path))

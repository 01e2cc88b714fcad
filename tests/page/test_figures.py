"""The numbers in figures, tables and cards are those of the run."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.evaluation.classes import ClassTally
from nnctl.evaluation.curves import roc_curve
from nnctl.evaluation.spread import spread
from nnctl.report.page.history import history
from nnctl.report.page.origin import again
from nnctl.report.page.scores import scores
from nnctl.report.page.summary import expectations, run_table, tiles
from nnctl.report.page.weights import weights
from nnctl.report.page.wrong import importance, wrong_examples
from nnctl.runs.manifest import Manifest
from nnctl.workflow.report import Evaluated, WeightShown
from nnctl.workflow.scored import Scored
from nnctl.workflow.seen import Seen
from tests.page.runs import evaluated, run
from tests.page.test_markup import read


def rows(markup: str) -> dict[str, list[dict[str, Any]]]:
    """What each figure draws, by its title; of several of a title the first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for figure in markup.split("<figure>")[1:]:
        title = re.search(r"<b>(.*?)</b>", figure)
        spec = re.search(r'<script type="application/json">(.*?)</script>', figure)
        assert title is not None
        assert spec is not None
        found.setdefault(title[1], json.loads(spec[1])["data"]["values"])
    return found


def words(markup: str) -> list[str]:
    """The cells of tables and lists, in order."""
    return [read(cell)[1] for cell in re.findall(r"<(?:td|dt|dd)\b.*?</(?:td|dt|dd)>", markup)]


def test_logs_over_epochs_counted_from_one() -> None:
    drawn = rows(history([run(epochs=2)]))
    assert list(drawn) == ["loss", "f1", "learning rate"]
    told = [(row["split"], row["epoch"], row["value"]) for row in drawn["loss"]]
    assert told == [
        ("training", 1, 1.0),
        ("training", 2, 0.5),
        ("validation", 1, 1.0),
        ("validation", 2, 0.666667),
    ]
    assert {row["split"] for row in drawn["learning rate"]} == {"training"}


def test_long_logs_are_thinned_and_what_is_not_finite_is_left_out() -> None:
    long = run(epochs=1000)
    odd = [{**row, "loss": None if row["epoch"] % 2 else row["loss"]} for row in long.shown.metrics]
    page = history([replace(long, shown=replace(long.shown, metrics=odd))])
    drawn = rows(page)
    for split in ("training", "validation"):
        epochs = [row["epoch"] for row in drawn["loss"] if row["split"] == split]
        assert len(epochs) == 400
        assert epochs == sorted(set(epochs))
    assert "Of 1,000 epochs 400 are drawn" in page


def test_confusion_by_the_shares_of_rows() -> None:
    """Seven places: one of class a is taken for b, one of b for c."""
    drawn = rows(scores(evaluated()))["Confusion"]
    found = {(row["wanted"], row["predicted"]): (row["count"], row["share"]) for row in drawn}
    assert len(found) == 9
    assert found["a", "a"] == (2, 0.666667)
    assert found["a", "b"] == (1, 0.333333)
    assert found["b", "c"] == (1, 0.5)
    assert found["c", "a"] == (0, 0)


def test_of_two_classes_the_second_is_drawn() -> None:
    wanted = np.array([0, 1, 1, 0, 1])
    likely = np.array([0.2, 0.6, 0.4, 0.5, 0.9])
    predicted = np.stack([1 - likely, likely], axis=1)
    tally = ClassTally(["no ", "yes"])
    tally.add(wanted, predicted)
    report = tally.report()
    assert report is not None
    seen = Seen("y", "classes", ("no ", "yes"), wanted, predicted, np.arange(5), np.zeros(5))
    page = scores(Evaluated("test", Scored(5, {}, {"y": report}), {"y": seen}, {}, ""))
    drawn = rows(page)["ROC"]
    assert {row["class"] for row in drawn} == {"yes"}
    expected = np.stack(roc_curve(wanted == 1, likely), axis=1)
    np.testing.assert_allclose([[row["x"], row["y"]] for row in drawn], expected, rtol=1e-5)
    assert "'no '" in words(page), "blanks at its end would not be seen"


def test_residuals_are_predicted_less_wanted() -> None:
    drawn = rows(scores(evaluated()))
    assert [row["example"] for row in drawn["Residuals"]] == [1, 2, 3, 4, 5, 6, 7]
    assert {row["y"] for row in drawn["Residuals"]} == {0.25}
    assert [row["x"] for row in drawn["Residuals"]] == [n + 0.25 for n in range(7)]
    against = drawn["Predicted against wanted"]
    assert [(row["x"], row["y"]) for row in against] == [(n, n + 0.25) for n in range(7)]
    assert sum(row["count"] for row in drawn["Distribution of residuals"]) == 7


def test_many_places_are_thinned_and_many_columns_cut() -> None:
    from nnctl.evaluation.amounts import AmountTally

    wanted = np.arange(2000.0 * 6).reshape(2000, 6)
    # The second and the last column are predicted worst.
    predicted = wanted + np.array([1, 9, 2, 3, 4, 8])
    tally = AmountTally(list("abcdef"), 6)
    tally.add(wanted, predicted)
    report = tally.report()
    assert report is not None
    seen = Seen("y", "numbers", tuple("abcdef"), wanted, predicted, np.arange(2000), np.zeros(2000))
    page = scores(Evaluated("test", Scored(2000, {}, {"y": report}), {"y": seen}, {}, ""))
    assert re.findall("<h3>(.*?)</h3>", page) == ["b", "d", "e", "f"]
    assert len(rows(page)["Residuals"]) == 1500
    assert "Of 2,000 places 1,500 are drawn" in page


def test_importance_with_its_spread() -> None:
    found = evaluated().importances
    drawn = rows(importance(found))["Importance of columns"]
    assert drawn == [
        {"column": "x", "mean": 0.2, "low": 0.1, "high": 0.3},
        {"column": "y", "mean": -0.05, "low": -0.1, "high": 0},
    ]
    assert "Not measured: why." in importance("why")


def test_expectations_and_what_came_of_them() -> None:
    told = words(expectations(run()))
    assert told == ["accuracy at least 0.5", "0.75", "holds", "loss at most 0.1", "0.2", "does not hold"]


def test_a_run_in_numbers() -> None:
    told = words(tiles(run()))
    assert dict(zip(told[::2], told[1::2], strict=True)) == {
        "status": "completed",
        "epochs": "3",
        "time": "12.5 s",
        "parameters": "20",
        "test loss": "0.2500",
        "test accuracy": "0.7143",
    }
    restored = run()
    assert restored.shown.summary.manifest is not None
    restored.shown.summary.manifest.restored_epoch = 1
    assert words(tiles(restored))[4:6] == ["weights of epoch", "2"]


def test_runs_beside_each_other() -> None:
    """One was not evaluated: its numbers are its last epoch's."""
    bare = replace(run("other"), evaluated=None)
    told = words(run_table([run("one"), bare]))
    assert told[:5] == ["onecompleted", "3", "12.5 s", "0.2500", "0.7143"]
    assert told[6:] == ["othercompleted", "3", "12.5 s", "", "", "0.3000"]


def test_spreads_of_weights() -> None:
    numbers = np.array([0.0, 0.0, 1.0, np.nan], dtype=np.float32)
    page = weights([WeightShown("w", (4,), False, spread(numbers, 2)), WeightShown("n", (1,), True, None)])
    assert 'd="M0 20V0.0h1V10.0h1V20Z"' in page
    assert words(page) == [
        "w(4), not trained",
        "",
        "0.3333 ± 0.47140.0000 to 1.0000, 1 not finite",
        "n(1)",
        "",
        "no number is finite",
    ]


def test_curves_of_an_example() -> None:
    """Two channels of three steps, from 1 to 3, in a box of 100 x 60."""
    page = wrong_examples(evaluated())
    lines = re.findall(r'points="(.*?)"', page)
    assert lines == ["0.00,58.00 50.00,2.00 100.00,30.00", "0.00,30.00 50.00,30.00 100.00,44.00"]
    assert words(page) == ["wanted", "a", "predicted", "b", "error", "1.5000", "column", "cell"]
    assert "row 5" in page


def test_the_same_again_is_safe_to_paste() -> None:
    manifest = Manifest("n", versions={"python": "3.11.0", "nnctl": "0.1.0; rm x"}, git_commit="ab" * 20)
    assert again(manifest, Path("a run")).splitlines() == [
        "pip install 'nnctl==0.1.0; rm x'",
        f"git checkout {'ab' * 20}",
        "nnctl verify 'a run'   # trains it again and compares the bits",
        "nnctl train 'a run/resolved.yaml'",
    ]


def test_many_classes_have_no_matrix() -> None:
    count = 31
    names = [f"c{n}" for n in range(count)]
    tally = ClassTally(names)
    tally.add(np.arange(count), np.roll(np.eye(count), 1, axis=1))
    report = tally.report()
    assert report is not None
    page = scores(Evaluated("test", Scored(count, {}, {"y": report}), {}, {}, ""))
    assert "Confusion" not in rows(page)
    assert words(page)[-3:] == ["c19", "c20", "1"], "the last of the pairs that are mixed up"
    assert "1 more do better" in page


@pytest.mark.parametrize("kind", ["labels"])
def test_labels_have_curves_of_their_own(kind: str) -> None:
    whole = evaluated()
    own = replace(
        whole, scored=Scored(7, {}, {kind: whole.scored.reports[kind]}), seen={kind: whole.seen[kind]}
    )
    assert list(rows(scores(own))) == ["ROC", "Precision and recall"]

"""Classes: every number against scikit-learn's on the same predictions, in batches of unequal sizes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from nnctl.evaluation import kept
from nnctl.evaluation.classes import BINS, MOST_CLASSES, ClassReport, ClassTally

Array = np.ndarray


def drawn(places: int, classes: int, seed: int = 0) -> tuple[Array, Array]:
    """Class numbers (N,) and probabilities (N, C) that are right more often than not."""
    rng = np.random.default_rng(seed)
    wanted = rng.integers(0, classes, places)
    logits = rng.standard_normal((places, classes)) + 1.5 * np.eye(classes)[wanted]
    powers = np.exp(logits)
    return wanted, powers / powers.sum(axis=1, keepdims=True)


def tallied(wanted: Array, scores: Array, names: list[str] | None = None, size: int = 7) -> ClassReport:
    """The report of some places that come `size` at a time, the last ones fewer."""
    tally = ClassTally(names or [f"class {c}" for c in range(scores.shape[1])])
    for start in range(0, len(wanted), size):
        tally.add(wanted[start : start + size], scores[start : start + size])
    report = tally.report()
    assert report is not None
    return report


@pytest.mark.parametrize(("places", "classes"), [(1, 2), (60, 2), (101, 3), (250, 11)])
def test_counts_and_means_are_scikit_learns(places: int, classes: int) -> None:
    wanted, scores = drawn(places, classes)
    report, guess = tallied(wanted, scores), scores.argmax(axis=1)
    every = range(classes)
    expected = sk.precision_recall_fscore_support(wanted, guess, labels=every, zero_division=0)
    own = [(c.precision, c.recall, c.f1, c.support) for c in report.classes]
    np.testing.assert_allclose(np.array(own).T, expected, rtol=0, atol=1e-12)
    for mean, kind in ((report.macro, "macro"), (report.weighted, "weighted")):
        p, r, f, _ = sk.precision_recall_fscore_support(wanted, guess, average=kind, zero_division=0)
        np.testing.assert_allclose((mean.precision, mean.recall, mean.f1), (p, r, f), rtol=0, atol=1e-12)
    assert report.accuracy == pytest.approx(sk.accuracy_score(wanted, guess), abs=1e-12)
    assert report.log_loss == pytest.approx(sk.log_loss(wanted, scores, labels=every), abs=1e-12)
    np.testing.assert_array_equal(report.confusion, sk.confusion_matrix(wanted, guess, labels=every))
    assert report.places == places


@pytest.mark.parametrize("classes", [2, 5])
def test_roc_auc_is_scikit_learns_with_equal_scores(classes: int) -> None:
    wanted, scores = drawn(173, classes, seed=3)
    scores = np.round(scores, 1)
    report = tallied(wanted, scores)
    areas = [sk.roc_auc_score(wanted == c, scores[:, c]) for c in range(classes)]
    np.testing.assert_allclose([c.roc_auc for c in report.classes], areas, rtol=0, atol=1e-12)
    assert report.roc_auc == pytest.approx(np.mean(areas), abs=1e-12)


def test_a_class_that_is_never_wanted_has_no_area_and_counts_in_no_mean_of_areas() -> None:
    wanted, scores = drawn(40, 3)
    wanted[wanted == 2] = 0
    report = tallied(wanted, scores)
    assert report.classes[2].roc_auc is None
    assert report.classes[2].recall == 0
    others = [report.classes[c].roc_auc or 0 for c in (0, 1)]
    assert report.roc_auc == pytest.approx(sum(others) / 2, abs=1e-15)


def test_a_mean_of_classes_is_over_those_that_are_wanted_or_predicted() -> None:
    wanted, guess = np.array([0, 0, 1]), np.array([0, 2, 1])
    report = tallied(wanted, np.eye(4)[guess])
    p, r, f, _ = sk.precision_recall_fscore_support(wanted, guess, average="macro", zero_division=0)
    assert (report.macro.precision, report.macro.recall, report.macro.f1) == pytest.approx(
        (p, r, f), abs=1e-15
    )


def test_the_calibration_error_is_a_mean_over_bins_of_confidence() -> None:
    wanted, scores = drawn(300, 4, seed=5)
    report, top = tallied(wanted, scores), scores.max(axis=1)
    right = scores.argmax(axis=1) == wanted
    error = 0.0
    for low in range(BINS):
        inside = (top * BINS).astype(int) == low
        if inside.any():
            error += inside.sum() / 300 * abs(right[inside].mean() - top[inside].mean())
    assert report.calibration_error == pytest.approx(error, abs=1e-12)
    assert sum(b.count for b in report.calibration) == 300
    assert [b.confidence for b in report.calibration] == sorted(b.confidence for b in report.calibration)


def test_certainty_is_in_the_last_bin_and_a_sure_mistake_costs_what_scikit_learn_says() -> None:
    wanted, scores = np.array([0, 1, 1]), np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    report = tallied(wanted, scores)
    assert [(b.count, b.confidence) for b in report.calibration] == [(3, 1.0)]
    assert report.log_loss == pytest.approx(sk.log_loss(wanted, scores), rel=1e-12)


def test_scores_that_are_no_probabilities_have_neither_log_loss_nor_calibration() -> None:
    wanted, scores = drawn(50, 3)
    report = tallied(wanted, scores * 7 - 2)
    assert report.log_loss is None
    assert report.calibration_error is None
    assert report.roc_auc == pytest.approx(tallied(wanted, scores).roc_auc, abs=1e-12)
    assert report.accuracy == tallied(wanted, scores).accuracy


def test_the_baseline_is_the_majority_by_its_frequency() -> None:
    wanted, scores = np.array([2, 0, 2, 2, 1]), np.full((5, 4), 0.25)
    report = tallied(wanted, scores, ["a", "b", "c", "never"])
    assert report.majority == "c"
    assert report.baseline["accuracy"] == 0.6
    shares = np.tile([0.2, 0.2, 0.6, 0.0], (5, 1))
    assert report.baseline["log_loss"] == pytest.approx(
        sk.log_loss(wanted, shares, labels=range(4)), abs=1e-12
    )


def test_places_of_no_class_do_not_count() -> None:
    wanted, scores = drawn(30, 3)
    beside = np.concatenate([[-1, 3], wanted, [99]])
    wider = np.concatenate([scores[:2], scores, scores[:1]])
    assert tallied(beside, wider) == tallied(wanted, scores)
    tally = ClassTally(["a", "b"])
    tally.add(np.array([5]), np.array([[0.5, 0.5]]))
    assert tally.report() is None


def test_what_was_mixed_up_most_comes_first_also_of_many_classes() -> None:
    names = [f"c{n}" for n in range(MOST_CLASSES + 1)]
    wanted = np.array([0, 1, 1, 200, 200, 200, 4])
    guess = np.array([0, 2, 2, 7, 7, 7, 5])
    report = tallied(wanted, np.eye(len(names))[guess], names, size=3)
    assert report.confusion is None
    assert tallied(wanted[:3], np.eye(MOST_CLASSES)[guess[:3]]).confusion is not None
    assert report.mixed_up == (("c200", "c7", 3), ("c1", "c2", 2), ("c4", "c5", 1))
    few = tallied(wanted[:3], np.eye(3)[guess[:3]])
    assert few.mixed_up == (("class 1", "class 2", 2),)
    assert few.confusion == ((1, 0, 0), (0, 0, 2), (0, 0, 0))


def test_more_predictions_than_are_kept_have_no_ranking(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, scores = drawn(40, 3)
    monkeypatch.setattr(kept.Kept.__init__, "__defaults__", (119,))
    report = tallied(wanted, scores)
    assert report.roc_auc is None
    assert report.accuracy == sk.accuracy_score(wanted, scores.argmax(axis=1))
    monkeypatch.setattr(kept.Kept.__init__, "__defaults__", (120,))
    assert tallied(wanted, scores).roc_auc is not None


def test_a_probability_that_is_not_a_number_is_told_of_as_such() -> None:
    wanted, scores = drawn(9, 3)
    scores[4] = np.nan
    report = tallied(wanted, scores)
    assert report.log_loss is None
    assert report.roc_auc is None

"""Several labels of an example against scikit-learn's numbers of the same predictions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from nnctl.evaluation.labels import LabelTally


def test_every_number_is_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    there = rng.random((53, 4)) < [0.1, 0.5, 0.9, 0.4]
    scores = np.clip(0.3 * rng.standard_normal(there.shape) + there, 0, 1)
    tally = LabelTally(["a", "b", "c", "d"])
    for start in (0, 20, 40):
        tally.add(there[start : start + 20], scores[start : start + 20])
    report = tally.report()
    assert report is not None
    said = scores > 0.5
    own = [(c.precision, c.recall, c.f1, c.support) for c in report.labels]
    expected = sk.precision_recall_fscore_support(there, said, zero_division=0)
    np.testing.assert_allclose(np.array(own).T, expected, rtol=0, atol=1e-12)
    for mean, kind in ((report.macro, "macro"), (report.weighted, "weighted")):
        p, r, f, _ = sk.precision_recall_fscore_support(there, said, average=kind, zero_division=0)
        np.testing.assert_allclose((mean.precision, mean.recall, mean.f1), (p, r, f), rtol=0, atol=1e-12)
    areas = sk.roc_auc_score(there, scores, average=None)
    np.testing.assert_allclose([c.roc_auc for c in report.labels], areas, rtol=0, atol=1e-12)
    assert report.roc_auc == pytest.approx(areas.mean(), abs=1e-12)
    assert report.exact == pytest.approx(sk.accuracy_score(there, said), abs=1e-12)
    assert report.accuracy == pytest.approx((there == said).mean(), abs=1e-12)
    usual = there.mean(axis=0) > 0.5
    assert report.baseline["accuracy"] == pytest.approx((there == usual).mean(), abs=1e-12)
    assert report.places == 53


def test_nothing_counted_is_no_report() -> None:
    assert LabelTally(["a"]).report() is None


def test_one_half_is_not_there() -> None:
    tally = LabelTally(["a", "b"])
    tally.add(np.array([[True, False]]), np.array([[0.5, 0.5]]))
    report = tally.report()
    assert report is not None
    assert [c.recall for c in report.labels] == [0, 0]
    assert report.accuracy == 0.5
    assert report.exact == 0

"""Errors of numbers against scikit-learn's, in batches of unequal sizes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.dummy import DummyRegressor

from nnctl.evaluation import kept
from nnctl.evaluation.amounts import MOST_PARTS, QUANTILES, AmountReport, AmountTally

Array = np.ndarray


def drawn(places: int, width: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    wanted = 1000 + rng.standard_normal((places, width)) * np.arange(1, width + 1)
    return wanted, wanted + 0.5 * rng.standard_normal((places, width))


def tallied(wanted: Array, predicted: Array, names: list[str], scale: Array | None = None) -> AmountReport:
    tally = AmountTally(names, wanted.shape[1], scale)
    for start in range(0, len(wanted), 9):
        tally.add(wanted[start : start + 9], predicted[start : start + 9])
    report = tally.report()
    assert report is not None
    return report


@pytest.mark.parametrize("places", [2, 9, 100])
def test_every_number_of_every_column_is_scikit_learns(places: int) -> None:
    wanted, predicted = drawn(places, 3)
    report = tallied(wanted, predicted, ["a", "b", "c"])
    assert report.places == places
    for number, column in enumerate(report.columns):
        w, p = wanted[:, number], predicted[:, number]
        assert column.mae == pytest.approx(sk.mean_absolute_error(w, p), abs=1e-12)
        assert column.rmse == pytest.approx(sk.root_mean_squared_error(w, p), abs=1e-12)
        assert column.r2 == pytest.approx(sk.r2_score(w, p), abs=1e-12)
        quantiles = [np.quantile(p - w, q) for q in QUANTILES]
        np.testing.assert_allclose(list(column.residuals.values()), quantiles, rtol=0, atol=1e-12)
        mean = DummyRegressor().fit(w, w).predict(w)
        assert column.baseline is not None
        assert column.baseline.mae == pytest.approx(sk.mean_absolute_error(w, mean), abs=1e-12)
        assert column.baseline.rmse == pytest.approx(sk.root_mean_squared_error(w, mean), abs=1e-12)
    assert list(report.columns[0].residuals) == ["0", "0.05", "0.25", "0.5", "0.75", "0.95", "1"]
    assert report.mae == pytest.approx(sk.mean_absolute_error(wanted, predicted), abs=1e-12)
    assert report.rmse == pytest.approx(np.sqrt(sk.mean_squared_error(wanted, predicted)), abs=1e-12)
    assert report.r2 == pytest.approx(sk.r2_score(wanted, predicted), abs=1e-12)
    assert report.baseline["r2"] == 0


def test_no_digits_are_lost_far_from_0() -> None:
    wanted = np.array([[1e9], [1e9 + 1], [1e9 + 2], [1e9 + 3]])
    report = tallied(wanted, wanted + 0.5, ["a"])
    assert report.r2 == pytest.approx(sk.r2_score(wanted, wanted + 0.5), abs=1e-12)


def test_a_target_that_never_changes() -> None:
    still = np.full((5, 1), 3.0)
    assert tallied(still, still, ["a"]).r2 == sk.r2_score(still, still) == 1
    assert tallied(still, still + 1, ["a"]).r2 == sk.r2_score(still, still + 1) == 0


def test_scaled_errors_are_those_of_the_numbers_as_they_were_trained() -> None:
    wanted, predicted = drawn(31, 2)
    scale = np.array([4.0, -0.5])
    report = tallied(wanted, predicted, ["a", "b"], scale)
    for number, column in enumerate(report.columns):
        w, p = wanted[:, number] / scale[number], predicted[:, number] / scale[number]
        assert column.scaled is not None
        assert column.scaled.mae == pytest.approx(sk.mean_absolute_error(w, p), abs=1e-9)
        assert column.scaled.rmse == pytest.approx(sk.root_mean_squared_error(w, p), abs=1e-9)
    assert tallied(wanted, predicted, ["a", "b"]).columns[0].scaled is None


def test_columns_without_names_and_pictures_are_told_as_one() -> None:
    wanted, predicted = drawn(20, 3)
    assert tallied(wanted, predicted, []).columns == ()
    assert [c.name for c in tallied(wanted[:, :1], predicted[:, :1], []).columns] == ["0"]
    wanted, predicted = drawn(20, MOST_PARTS)
    assert len(tallied(wanted, predicted, [str(n) for n in range(MOST_PARTS)]).columns) == MOST_PARTS
    wanted, predicted = drawn(20, MOST_PARTS + 1)
    report = tallied(wanted, predicted, [str(n) for n in range(MOST_PARTS + 1)])
    assert report.columns == ()
    assert report.mae == pytest.approx(sk.mean_absolute_error(wanted, predicted), abs=1e-12)


def test_more_than_is_kept_has_no_quantiles(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, predicted = drawn(20, 1)
    monkeypatch.setattr(kept.Kept.__init__, "__defaults__", (19,))
    report = tallied(wanted, predicted, ["a"])
    assert report.columns[0].residuals == {}
    assert report.columns[0].baseline is None
    assert "mae" not in report.baseline
    assert report.rmse == pytest.approx(np.sqrt(sk.mean_squared_error(wanted, predicted)), abs=1e-12)


def test_nothing_is_no_report() -> None:
    assert AmountTally(["a"], 1).report() is None

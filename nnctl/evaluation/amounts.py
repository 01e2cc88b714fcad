"""Amounts that were wanted and predicted: errors, in the target's own unit and as it was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.evaluation.kept import Kept

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""Of the residuals, predicted less wanted."""
MOST_PARTS = 32
"""Targets of more numbers than these (pictures) are told as one."""


@record
class Errors:
    """How far predictions are from what was wanted: mean absolute error, root mean squared error."""

    mae: float
    rmse: float


@record
class AmountScore:
    """One column of an output.

    Attributes:
        mae, rmse: In its own unit.
        r2: 1 less the squared errors by those of the mean. Source: sklearn.metrics.r2_score.
        residuals: Quantiles of predicted less wanted, by their share; empty where they were too many to keep.
        scaled: `mae` and `rmse` of the numbers as they were trained; None where those are the same.
        baseline: What predicting the mean gives.
    """

    name: str
    mae: float
    rmse: float
    r2: float
    residuals: Mapping[str, float]
    scaled: Errors | None
    baseline: Errors | None


@record
class AmountReport:
    """What is to be said of an output of numbers.

    Attributes:
        places: How many examples, or places of them, were counted.
        columns: Each number's score; none where there are many, or only one that has no name of its own.
        mae, rmse, r2: Means over the columns (of the squares, for `rmse`), in their own units.
        baseline: What predicting each column's mean gives: `mae`, `rmse` and `r2`.
    """

    places: int
    columns: tuple[AmountScore, ...]
    mae: float
    rmse: float
    r2: float
    baseline: Mapping[str, float]

    kind = "numbers"


class AmountTally:
    """Adds up errors, batch by batch.

    Args:
        names: What the numbers of a place are called (D); empty where they have no names.
        width: D.
        scale: What one of each, as trained, is in its own unit (D,); None where they are not scaled.
    """

    def __init__(self, names: Sequence[str], width: int, scale: Array | None = None) -> None:
        self.names = tuple(names) or tuple(map(str, range(width)))
        self.named = bool(names)
        self.scale = None if scale is None else np.abs(scale)
        self._places = 0
        self._absolute, self._squares, self._mean, self._spread = (np.zeros(width) for _ in range(4))
        self._errors, self._wanted = Kept(), Kept()

    def add(self, wanted: Array, predicted: Array) -> None:
        """Add some places: what was wanted and predicted, each (n, D), in the columns' own units."""
        if not len(wanted):
            return
        wanted = wanted.astype(np.float64)
        errors = predicted.astype(np.float64) - wanted
        self._absolute += np.abs(errors).sum(axis=0)
        self._squares += (errors**2).sum(axis=0)
        mean = wanted.mean(axis=0)
        # Sums of squares around the mean of all so far, not around 0: no digits are lost (Chan et al. 1979).
        count, away = len(wanted), mean - self._mean
        share = count / (self._places + count)
        self._spread += ((wanted - mean) ** 2).sum(axis=0) + away**2 * self._places * share
        self._mean += away * share
        self._places += count
        self._errors.add(errors)
        self._wanted.add(wanted)

    def report(self) -> AmountReport | None:
        """What was added up; None where nothing was."""
        if not self._places:
            return None
        places, errors, wanted = self._places, self._errors.whole(), self._wanted.whole()
        mae, mse, variance = self._absolute / places, self._squares / places, self._spread / places
        r2 = np.where(self._squares == 0, 1.0, 0.0)
        np.subtract(
            1, np.divide(mse, variance, where=variance > 0, out=np.ones_like(mse)), out=r2, where=variance > 0
        )
        of_mean = None if wanted is None else np.abs(wanted - self._mean).mean(axis=0)
        baseline = {"rmse": float(np.sqrt(variance.mean())), "r2": 0.0}
        if of_mean is not None:
            baseline = {"mae": float(of_mean.mean()), **baseline}
        columns = range(len(self.names))
        if len(columns) > MOST_PARTS or (len(columns) > 1 and not self.named):
            columns = range(0)
        return AmountReport(
            places=places,
            columns=tuple(
                AmountScore(
                    name=self.names[c],
                    mae=float(mae[c]),
                    rmse=float(np.sqrt(mse[c])),
                    r2=float(r2[c]),
                    residuals=_quantiles(None if errors is None else errors[:, c]),
                    scaled=None if self.scale is None else _scaled(mae[c], mse[c], self.scale[c]),
                    baseline=None
                    if of_mean is None
                    else Errors(float(of_mean[c]), float(np.sqrt(variance[c]))),
                )
                for c in columns
            ),
            mae=float(mae.mean()),
            rmse=float(np.sqrt(mse.mean())),
            r2=float(r2.mean()),
            baseline=baseline,
        )


def _quantiles(errors: Array | None) -> dict[str, float]:
    if errors is None:
        return {}
    return {f"{q:g}": float(v) for q, v in zip(QUANTILES, np.quantile(errors, QUANTILES), strict=True)}


def _scaled(mae: float, mse: float, scale: float) -> Errors:
    return Errors(float(mae / scale), float(np.sqrt(mse) / scale))

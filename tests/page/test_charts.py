"""Charts are what the library takes, with names of strangers only among their data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nnctl.report.page import charts
from nnctl.report.page.library import VEGA_LITE
from tests.page.runs import HOSTILE

NAMES = [f"{HOSTILE}{n}" for n in range(3)]
CHARTS = {
    "log_curves": charts.log_curves(
        [
            {"run": n, "split": s, "epoch": e, "value": e / 2}
            for n in NAMES
            for s in ("training", "validation")
            for e in (1, 2)
        ],
        NAMES,
    ),
    "matrix": charts.matrix(
        [{"wanted": a, "predicted": b, "count": 1, "share": 0.5} for a in NAMES for b in NAMES], NAMES
    ),
    "class_lines": charts.class_lines(
        [{"class": n, "area": 0.5, "x": x, "y": x} for n in NAMES for x in (0.0, 1.0)],
        "recall",
        "precision",
        diagonal=True,
    ),
    "calibration": charts.calibration([{"confidence": 0.5, "accuracy": 0.25, "count": 3}]),
    "scatter": charts.scatter(
        [{"x": 1.0, "y": 2.0, "example": 3}], "wanted", "predicted", diagonal=[1.0, 2.0], level=0.0
    ),
    "histogram": charts.histogram(
        [{"low": 0.0, "high": 0.5, "count": 2}, {"low": 0.5, "high": 1.0, "count": 0}], "residual"
    ),
    "trial_values": charts.trial_values(
        [{"trial": 1, "value": 0.5, "outcome": "completed"}, {"trial": 2, "value": 0.7, "outcome": "pruned"}],
        [{"trial": 1, "best": 0.5}],
    ),
    "share_bars": charts.share_bars([{"setting": n, "share": 0.25} for n in NAMES], NAMES),
    "importance_bars": charts.importance_bars(
        [{"column": n, "mean": 0.5, "low": 0.25, "high": 1.0} for n in NAMES], NAMES
    ),
}


DATA = {("values", field) for field in ("run", "wanted", "predicted", "class", "column", "setting")}


def strange(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where in a specification something is that a stranger named."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from strange(item, (*path, key))
            yield from strange(key, (*path, "key"))
    elif isinstance(value, list):
        for item in value:
            yield from strange(item, path)
    elif isinstance(value, str) and "alert" in value:
        yield path


@pytest.mark.parametrize("name", CHARTS)
def test_it_compiles_and_draws(name: str) -> None:
    library = pytest.importorskip("vl_convert", reason="the extra nnctl[report] is not installed")
    spec = {**CHARTS[name], "width": 300}
    compiled = library.vegalite_to_vega(spec, vl_version=VEGA_LITE)
    assert compiled["marks"]
    assert {path[-2:] for path in strange(compiled)} <= {*DATA, ("scales", "domain")}
    drawn = library.vegalite_to_svg(spec, vl_version=VEGA_LITE)
    assert "NaN" not in drawn
    assert drawn.count("<path") > 1


@pytest.mark.parametrize("name", CHARTS)
def test_names_of_strangers_are_values(name: str) -> None:
    """Never keys, titles or expressions: only the data, and the order in which values stand."""
    assert {path[-2:] for path in strange(CHARTS[name])} <= {*DATA, ("scale", "domain")}


def test_every_run_has_a_colour() -> None:
    spec = charts.log_curves([], [str(n) for n in range(charts.SERIES + 1)])
    colours = spec["encoding"]["color"]["scale"]["range"]
    assert colours[0] == colours[charts.SERIES] == "var(--series-1)"
    assert len(set(colours)) == charts.SERIES

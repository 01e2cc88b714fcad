"""Charts as Vega-Lite specifications: plain data. Source: https://vega.github.io/vega-lite/docs/

Names of fields, titles and expressions are written here; what comes from a run is only ever a value. Colours
are the page's own variables, so that they follow light, dark and print without drawing anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Spec = dict[str, Any]
Row = dict[str, Any]

SERIES = 6
"""How many colours the page has for runs."""
_ACCENT, _MUTED, _INK, _PAPER = "var(--accent)", "var(--muted)", "var(--ink)", "var(--paper)"
_NEAREST = {"type": "point", "nearest": True, "on": "pointerover", "clear": "pointerout"}
_SHOWN = {"condition": {"param": "hover", "empty": False, "value": 1}, "value": 0}
_AROUND = {"zero": False, "nice": True}


def series_colour(number: int) -> str:
    """The colour of a run, by its number."""
    return f"var(--series-{number % SERIES + 1})"


def log_curves(rows: Sequence[Row], runs: Sequence[str]) -> Spec:
    """One log over epochs: a line for each run; where one is of validation, that of training is dashed.

    Args:
        rows: `run`, `split` (training or validation), `epoch`, `value`.
    """
    colour = {
        "field": "run",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(runs), "range": [series_colour(n) for n in range(len(runs))]},
    }
    measured_twice = any(row["split"] == "validation" for row in rows)
    dash = {
        "field": "split",
        "type": "nominal",
        "legend": None,
        "scale": {
            "domain": ["validation", "training"],
            "range": [[1, 0], [4, 3] if measured_twice else [1, 0]],
        },
    }
    told = [
        _told("run", "run"),
        _told("split", "of"),
        _told("epoch", "epoch"),
        _told("value", "value", "quantitative"),
    ]
    line = {"type": "line", "strokeWidth": 1.75, "point": len({row["epoch"] for row in rows}) == 1}
    points = {
        "params": [{"name": "hover", "select": _NEAREST}],
        "mark": {"type": "point", "filled": True, "size": 45, "opacity": 1},
        "encoding": {"opacity": _SHOWN, "tooltip": told},
    }
    x = {
        "field": "epoch",
        "type": "quantitative",
        "title": "epoch",
        "axis": {"tickMinStep": 1, "format": "d"},
        "scale": {"zero": False, "nice": False},
    }
    return _chart(
        rows,
        180,
        {"x": x, "y": _axis("value", None, _AROUND) | {"axis": {"format": ".4~g"}}, "color": colour},
        [{"mark": line, "encoding": {"strokeDash": dash}}, points],
    )


def matrix(rows: Sequence[Row], names: Sequence[str]) -> Spec:
    """A confusion matrix, each row shaded by its shares.

    Args:
        rows: `wanted`, `predicted`, `count`, `share`.
    """
    few = len(names) <= 12
    short = few and max(map(len, names)) < 4
    encoding = {
        "x": {
            **_listed("predicted", names),
            "title": "predicted",
            "axis": {"orient": "top", "labelAngle": 0 if short else -90, "labelLimit": 100},
        },
        "y": {**_listed("wanted", names), "title": "wanted", "axis": {"labelLimit": 100}},
        "tooltip": [
            _told("wanted", "wanted"),
            _told("predicted", "predicted"),
            _told("count", "times"),
            _told("share", "share of wanted", "quantitative", ".1%"),
        ],
    }
    shade = {
        "field": "share",
        "type": "quantitative",
        "legend": None,
        "scale": {"type": "sqrt", "domain": [0, 1], "range": [0.02, 0.95]},
    }
    cells: list[Spec] = [
        {"mark": {"type": "rect", "fill": _ACCENT, "stroke": _PAPER}, "encoding": {"fillOpacity": shade}}
    ]
    if few:
        seen = [{"calculate": "datum.count > 0 ? datum.count : ''", "as": "text"}]
        ink = {"condition": {"test": "datum.share > 0.35", "value": _PAPER}, "value": _INK}
        cells.append(
            {
                "transform": seen,
                "mark": {"type": "text", "fontSize": 11},
                "encoding": {"text": {"field": "text"}, "color": ink},
            }
        )
    return _chart(rows, max(160, (26 if few else 16) * len(names)), encoding, cells)


def class_lines(rows: Sequence[Row], x: str, y: str, diagonal: bool = False) -> Spec:
    """A curve in the unit square for each class; that under the pointer stands out.

    Args:
        rows: `class`, `x`, `y`, in the order of the line; `area`, one for each class.
        x, y: What the axes are called.
        diagonal: Whether a line from corner to corner says what guessing gives.
    """
    select = {**_NEAREST, "fields": ["class"]}
    several = len({row["class"] for row in rows}) > 1
    faint = {"condition": {"param": "hover", "empty": False, "value": 1}, "value": 0.4 if several else 1}
    told = [
        _told("class", "class"),
        _told("area", "area", "quantitative"),
        _told("x", x, "quantitative"),
        _told("y", y, "quantitative"),
    ]
    lines: list[Spec] = [_diagonal([0, 1])] if diagonal else []
    lines += [
        {
            "mark": {"type": "line", "interpolate": "linear", "strokeWidth": 1.5},
            "encoding": {"opacity": faint, "order": {"field": "order", "type": "quantitative"}},
        },
        {
            "params": [{"name": "hover", "select": select}],
            "mark": {"type": "point", "opacity": 0, "size": 30},
            "encoding": {"tooltip": told},
        },
    ]
    encoding = {
        "x": _axis("x", x, _unit()),
        "y": _axis("y", y, _unit()),
        "detail": {"field": "class"},
        "color": {"value": _ACCENT},
    }
    ordered = [{**row, "order": number} for number, row in enumerate(rows)]
    return _chart(ordered, 230, encoding, lines)


def calibration(rows: Sequence[Row]) -> Spec:
    """How often predictions of about the same probability are right.

    Args:
        rows: `confidence`, `accuracy`, `count`.
    """
    told = [
        _told("confidence", "mean probability", "quantitative"),
        _told("accuracy", "share that is right", "quantitative"),
        _told("count", "predictions"),
    ]
    encoding = {
        "x": _axis("confidence", "mean probability", _unit()),
        "y": _axis("accuracy", "share that is right", _unit()),
        "color": {"value": _ACCENT},
    }
    size = {"field": "count", "type": "quantitative", "legend": None, "scale": {"range": [25, 220]}}
    points = {
        "mark": {"type": "point", "filled": True, "opacity": 0.8},
        "encoding": {"size": size, "tooltip": told},
    }
    return _chart(
        rows, 230, encoding, [_diagonal([0, 1]), {"mark": {"type": "line", "strokeWidth": 1.25}}, points]
    )


def scatter(
    rows: Sequence[Row], x: str, y: str, *, diagonal: Sequence[float] = (), level: float | None = None
) -> Spec:
    """Places as points.

    Args:
        rows: `x`, `y`, `example`.
        diagonal: Where a line of equal numbers begins and ends.
        level: Where a level line is.
    """
    told = [_told("x", x, "quantitative"), _told("y", y, "quantitative"), _told("example", "row")]
    encoding = {"x": _axis("x", x, _AROUND), "y": _axis("y", y, _AROUND), "color": {"value": _ACCENT}}
    layers: list[Spec] = [_diagonal(diagonal)] if diagonal else []
    if level is not None:
        layers.append(
            {
                "data": {"values": [{"level": level}]},
                "mark": {"type": "rule", "strokeDash": [3, 3]},
                "encoding": {
                    "y": {"field": "level", "type": "quantitative"},
                    "x": {"value": 0},
                    "x2": {"value": "width"},
                    "color": {"value": _MUTED},
                },
            }
        )
    return _chart(
        rows,
        230,
        encoding,
        [
            *layers,
            {
                "mark": {"type": "point", "filled": True, "size": 22, "opacity": 0.5},
                "encoding": {"tooltip": told},
            },
        ],
    )


def histogram(rows: Sequence[Row], x: str) -> Spec:
    """How many fall into each part of a range.

    Args:
        rows: `low`, `high`, `count`.
    """
    told = [
        _told("low", "from", "quantitative"),
        _told("high", "to", "quantitative"),
        _told("count", "places"),
    ]
    encoding = {
        "x": _axis("low", x, {"zero": False, "nice": False}) | {"bin": {"binned": True}},
        "x2": {"field": "high"},
        "y": _axis("count", "places", {"zero": True}),
        "tooltip": told,
        "color": {"value": _ACCENT},
    }
    return _chart(rows, 230, encoding, [{"mark": {"type": "bar", "binSpacing": 1, "opacity": 0.85}}])


def importance_bars(rows: Sequence[Row], names: Sequence[str]) -> Spec:
    """By how much the loss grows: a bar for each column, a line from the least to the largest.

    Args:
        rows: `column`, `mean`, `low`, `high`.
    """
    told = [
        _told("column", "column"),
        *(
            _told(field, title, "quantitative")
            for field, title in (("mean", "mean"), ("low", "least"), ("high", "largest"))
        ),
    ]
    encoding = {
        "y": {**_listed("column", names), "title": None, "axis": {"labelLimit": 130}},
        "tooltip": told,
    }
    bar = {
        "mark": {"type": "bar", "height": {"band": 0.6}, "opacity": 0.55},
        "encoding": {"x": _axis("mean", "growth of the loss", {}), "color": {"value": _ACCENT}},
    }
    line = {
        "mark": {"type": "rule", "strokeWidth": 1.5},
        "encoding": {
            "x": _axis("low", "growth of the loss", {}),
            "x2": {"field": "high"},
            "color": {"value": _INK},
        },
    }
    return _chart(rows, 22 * len(names), encoding, [bar, line])


def trial_values(rows: Sequence[Row], best: Sequence[Row]) -> Spec:
    """A point for each trial, and the best value so far as a line.

    Args:
        rows: `trial`, `value`, `outcome`.
        best: `trial`, `best`.
    """
    told = [_told("trial", "trial"), _told("outcome", "outcome"), _told("value", "value", "quantitative")]
    y = {"title": None, "scale": _AROUND, "axis": {"format": ".4~g"}, "type": "quantitative"}
    points = {
        "mark": {"type": "point", "filled": True, "size": 45, "opacity": 0.7},
        "encoding": {"y": {"field": "value", **y}, "color": {"value": _ACCENT}, "tooltip": told},
    }
    line = {
        "data": {"values": list(best)},
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.5},
        "encoding": {"y": {"field": "best", **y}, "color": {"value": _INK}},
    }
    x = _axis("trial", "trial", {"zero": False}) | {"axis": {"tickMinStep": 1, "format": "d"}}
    return _chart(rows, 180, {"x": x}, [line, points])


def share_bars(rows: Sequence[Row], names: Sequence[str]) -> Spec:
    """Shares of a whole, a bar for each.

    Args:
        rows: `setting`, `share`.
    """
    told = [_told("setting", "setting"), _told("share", "share", "quantitative", ".1%")]
    encoding = {
        "y": {**_listed("setting", names), "title": None, "axis": {"labelLimit": 260}},
        "x": _axis("share", None, _unit()) | {"axis": {"format": ".0%"}},
        "tooltip": told,
    }
    bar = {"mark": {"type": "bar", "height": {"band": 0.6}, "opacity": 0.55, "fill": _ACCENT}}
    return _chart(rows, 22 * len(names), encoding, [bar])


def _chart(rows: Sequence[Row], height: int, encoding: Spec, layers: Sequence[Spec]) -> Spec:
    return {
        "width": "container",
        "height": height,
        "data": {"values": list(rows)},
        "encoding": encoding,
        "layer": list(layers),
    }


def _listed(field: str, names: Sequence[str]) -> Spec:
    """A field whose values stand in this order. (A list to sort by would be written into an expression.)"""
    return {"field": field, "type": "nominal", "sort": None, "scale": {"domain": list(names)}}


def _axis(field: str, title: str | None, scale: Spec) -> Spec:
    return {"field": field, "type": "quantitative", "title": title, "scale": scale}


def _unit() -> Spec:
    return {"domain": [0, 1], "nice": False}


def _told(field: str, title: str, kind: str = "nominal", form: str = ".4~g") -> Spec:
    """What a tooltip says of a field."""
    return {"field": field, "title": title, "type": kind} | (
        {"format": form} if kind == "quantitative" else {}
    )


def _diagonal(ends: Sequence[float]) -> Spec:
    """A dashed line on which both axes are equal."""
    encoding = {
        "x": {"field": "end", "type": "quantitative"},
        "y": {"field": "end", "type": "quantitative"},
        "color": {"value": _MUTED},
        "tooltip": {"value": None},
    }
    return {
        "data": {"values": [{"end": end} for end in ends]},
        "mark": {"type": "line", "strokeDash": [3, 3], "strokeWidth": 1},
        "encoding": encoding,
    }

"""How the numbers of each weight are spread."""

from __future__ import annotations

from collections.abc import Sequence

from nnctl.core.numbers import number
from nnctl.evaluation.spread import Spread
from nnctl.report.page.markup import Markup, joined, tag
from nnctl.report.page.parts import note, table
from nnctl.workflow.report import WeightShown

_MOST = 200
"""Of more weights than these the largest are shown."""
_HEIGHT = 20


def weights(found: Sequence[WeightShown]) -> Markup:
    """A row for each weight, in the order of the graph."""
    if not found:
        return Markup("")
    sizes = sorted((weight.spread.count if weight.spread else 0 for weight in found), reverse=True)
    least = sizes[_MOST - 1] if len(sizes) > _MOST else 0
    shown = [weight for weight in found if (weight.spread.count if weight.spread else 0) >= least][:_MOST]
    rows = [(_name(weight), _bars(weight.spread), _told(weight.spread)) for weight in shown]
    more = note(f"Of {len(found):,} weights the {_MOST} largest.") if len(found) > _MOST else None
    head = ("weight", "from the least to the largest", "mean ± deviation")
    return joined([table(head, rows, right={2}, class_="weights"), more])


def _name(weight: WeightShown) -> Markup:
    shape = f"({', '.join(map(str, weight.shape))})" + ("" if weight.trainable else ", not trained")
    return joined([weight.name, tag("div", shape, class_="note")])


def _bars(spread: Spread | None) -> Markup:
    """The counts of equal parts of the range, as one line around bars."""
    if spread is None:
        return Markup("")
    scale = _HEIGHT / max(spread.parts)
    line = "".join(f"V{_HEIGHT - count * scale:.1f}h1" for count in spread.parts)
    path = tag("path", d=f"M0 {_HEIGHT}{line}V{_HEIGHT}Z")
    box = f"0 0 {len(spread.parts)} {_HEIGHT}"
    return tag("svg", path, viewBox=box, preserveAspectRatio="none", class_="bars", aria_hidden="true")


def _told(spread: Spread | None) -> Markup | str:
    if spread is None:
        return "no number is finite"
    odd = f", {spread.odd:,} not finite" if spread.odd else ""
    between = tag("div", f"{number(spread.low)} to {number(spread.high)}{odd}", class_="note")
    return joined([f"{number(spread.mean)} ± {number(spread.deviation)}", between])

"""Outputs as a user reads them, in C: probabilities of logits, numbers in the data's own unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np

from nnctl.core.records import record
from nnctl.data.preprocessing import Preprocessing, TargetPrep
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.writer import Writer
from nnctl.formats.outputs import class_names, gives_logits, is_binary, target_names
from nnctl.formats.predictions.base import ShownOutput
from nnctl.graph.objective import Objective, OutputObjective
from nnctl.ops.base import Value

helper(
    "in_own_unit",
    """
/* y = x divide + shift, which have an entry for each of the last axis, or one. */
static void in_own_unit(const real *x, int count, const double *shift, const double *divide, int lanes,
                        real *y) {
    int i;
    for (i = 0; i < count; i++)
        y[i] = (real)((double)x[i] * divide[i % lanes] + shift[i % lanes]);
}
""",
)
helper(
    "logistic",
    """
static double logistic(double x) { return 1 / (1 + exp_d(-(x > -700 ? x : -700))); }
""",
)
helper(
    "two_probabilities",
    """
/* Of both classes, from the second one's probability or its logit. */
static void two_probabilities(real second, int logit, real *y) {
    const double probability = logit ? logistic((double)second) : (double)second;
    y[0] = (real)(1 - probability);
    y[1] = (real)probability;
}
""",
)
helper(
    "probabilities",
    """
/* Of logits, row by row. */
static void probabilities(const real *x, int rows, int columns, real *y) {
    int r, c;
    for (r = 0; r < rows; r++, x += columns, y += columns) {
        double top = x[0], total = 0;
        for (c = 1; c < columns; c++)
            top = (double)x[c] > top ? (double)x[c] : top;
        for (c = 0; c < columns; c++)
            total += exp_d((double)x[c] - top);
        for (c = 0; c < columns; c++)
            y[c] = (real)(exp_d((double)x[c] - top) / total);
    }
}
""",
)


@record
class Shown:
    """How an output is read.

    Attributes:
        told: Its names.
        count: The numbers of one example.
        lines: What makes them of the model's; none where they are the same.
    """

    told: ShownOutput
    count: int
    lines: tuple[str, ...]


def shown_outputs(
    w: Writer, outputs: Mapping[str, Value], preprocessing: Preprocessing, objective: Objective
) -> dict[str, Shown]:
    """How each output is read: the arithmetic of `workflow/shown.py`; lines speak of `x` and `y`."""
    called = target_names(outputs, preprocessing)
    classes = class_names(objective, preprocessing)
    by_output = {each.output: each for each in objective.outputs}
    found = {}
    for name, value in outputs.items():
        shape, target = value.shape[1:], preprocessing.targets.get(name)
        lines = list(_restored(w, target, prod(shape)))
        if name in by_output:
            shape, more = _probabilities(preprocessing, by_output[name], shape, bool(lines))
            for helper_ in ("two_probabilities", "probabilities"):
                if any(helper_ in line for line in more):
                    w.helpers.need(helper_)
            lines += more
        parts = tuple(target.columns) if target is not None and len(target.columns) > 1 else None
        told = ShownOutput(name, called[name], shape, classes.get(name), parts)
        found[name] = Shown(told, prod(shape), tuple(lines))
    return found


def _restored(w: Writer, target: TargetPrep | None, count: int) -> Iterator[str]:
    numbers = target.numbers if target is not None else None
    if numbers is None or all(p.scale == "none" for p in numbers):
        return
    w.helpers.need("in_own_unit")
    shift = np.array([s for p in numbers for s in p.shift])
    divide = np.array([d for p in numbers for d in p.divide])
    lanes = max(len(shift), len(divide))
    names = [
        w.constant(np.resize(values, lanes), f"unit {what}", ("unit", what, values.tobytes()))
        for what, values in (("shift", shift), ("divide", divide))
    ]
    yield f"in_own_unit(x, {count}, {names[0]}, {names[1]}, {lanes}, y);"


def _probabilities(
    preprocessing: Preprocessing, output: OutputObjective, shape: tuple[int, ...], restored: bool
) -> tuple[tuple[int, ...], list[str]]:
    """The shape that it has then, and the lines."""
    logits, x = gives_logits(output), "y" if restored else "x"
    if is_binary(preprocessing, output):
        return (2,), [f"two_probabilities({x}[0], {int(logits)}, y);"]
    if logits and output.target.kind in ("classes", "onehot"):
        return shape, [f"probabilities({x}, {prod(shape[:-1])}, {shape[-1]}, y);"]
    return shape, []

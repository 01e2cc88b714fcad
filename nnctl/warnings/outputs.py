"""Outputs whose numbers are not what the loss or a metric reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nnctl.core.errors import Path, Problem, warning
from nnctl.core.ranges import UNIT, Range, show_range, within
from nnctl.graph.model import CallNode
from nnctl.graph.objective import OutputObjective
from nnctl.losses.base import Target
from nnctl.metrics.base import MetricSpec
from nnctl.warnings.base import Seen
from nnctl.warnings.places import loss_path, metric_path


def softmax_of_one_unit(seen: Seen) -> Iterator[Problem]:
    """A softmax over one number is 1, whatever the number is: nothing is learned through it."""
    for node in seen.model.nodes:
        axis, shape = node.layer.softmax_axis(), node.output_shapes[0]
        if axis is None or not shape:
            continue
        if shape[axis - 1 if axis > 0 else axis] == 1:
            yield warning(
                f"'{node.name}' is a softmax of 1 unit: it is 1 whatever comes in",
                _activation_path(node),
                "sigmoid, or one unit a class",
            )


def probabilities_read_as_logits(seen: Seen) -> Iterator[Problem]:
    """A loss or metric with `from_logits` that gets probabilities squashes them a second time."""
    for output in seen.objective.outputs:
        found = seen.range_of(output.output)
        if found is None or not within(found, UNIT):
            continue
        what = f"output '{output.output}' gives {show_range(found)}, which are probabilities"
        for name, path, told in _reading_logits(seen, output):
            yield warning(
                f"{what}, but {name} reads logits",
                (*path, "from_logits") if told else path,
                f"{'from_logits: false, or ' if told else ''}no activation on the output",
            )


def cross_entropy_of_any_number(seen: Seen) -> Iterator[Problem]:
    """A loss or metric of probabilities that gets numbers which are none."""
    for output in seen.objective.outputs:
        found = seen.range_of(output.output)
        if found is None:
            continue
        what = f"output '{output.output}' gives {show_range(found)}"
        reads = output.loss.reads()
        if not _probable(found, reads):
            good = _activation(output.target)
            yield warning(
                f"{what}, but {type(output.loss).__name__} reads probabilities",
                _activation_path(seen.model.node(seen.model.outputs[output.output].name)),
                f"activation: {good}, or from_logits: true for the loss"
                if hasattr(output.loss, "from_logits")
                else f"activation: {good}",
            )
            continue
        for measured in output.metrics:
            if measured.metric.of_classes and output.target.classes is None:
                # The loss is of numbers: that classes are counted is the mistake, and said as such.
                continue
            if not _probable(found, measured.metric.reads()):
                good = _activation(output.target, measured.metric.target(output.shape))
                yield warning(
                    f"{what}, but the metric '{measured.name}' reads probabilities",
                    metric_path(seen.experiment, output, measured),
                    _for_any_number(measured.metric, found, good),
                )


_READS_ANY: tuple[tuple[str, Any, str], ...] = (
    ("from_logits", True, "true"),
    ("thresholds", 0.0, "0"),
    ("threshold", 0.0, "0"),
    ("threshold", None, "null"),
)
"""Arguments with which metrics of probabilities may read other numbers: field, value, as it is written."""


def _for_any_number(metric: MetricSpec, found: Range, activation: str) -> str:
    """What to do with a metric of probabilities where numbers of the range `found` come out."""
    for field, value, written in _READS_ANY:
        if field in type(metric).model_fields:
            told = metric.model_copy(update={field: value})
            if _probable(found, told.reads()):
                return f"{{type: {type(metric).__name__}, {field}: {written}}}"
    return f"activation: {activation}"


def _activation(*targets: Target) -> str:
    """What makes probabilities of an output for these targets: each by itself, or one for each class."""
    return "sigmoid" if all(target.kind == "numbers" for target in targets) else "softmax"


def _probable(found: Range, reads: Range) -> bool:
    """Whether numbers of the range `found` can be what is read; a probability may always be 0."""
    return within(found, reads) or within(found, UNIT)


def _reading_logits(seen: Seen, output: OutputObjective) -> Iterator[tuple[str, Path, bool]]:
    """Name and place of what reads logits, and whether it was told to."""
    loss = output.loss
    if loss.reads_logits:
        yield type(loss).__name__, loss_path(seen.experiment, output), hasattr(loss, "from_logits")
    for measured in output.metrics:
        if measured.metric.reads_logits:
            path = metric_path(seen.experiment, output, measured)
            yield f"the metric '{measured.name}'", path, hasattr(measured.metric, "from_logits")


def _activation_path(node: CallNode) -> Path:
    return (*node.path, "activation") if hasattr(node.layer, "activation") else node.path

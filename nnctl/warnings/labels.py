"""Targets that hold nothing to learn, or are not what the loss or a metric reads."""

from __future__ import annotations

from collections.abc import Iterator

from nnctl.core.errors import Path, Problem, warning
from nnctl.core.ranges import UNIT, Range, show_range, within
from nnctl.data.columns.roles import target_path
from nnctl.data.preprocessing import NumberPrep
from nnctl.graph.objective import OutputObjective
from nnctl.warnings.base import Seen
from nnctl.warnings.places import metric_path

ZERO_ONE = frozenset([0.0, 1.0])


def targets_out_of_range(seen: Seen) -> Iterator[Problem]:
    """Binary cross-entropy on targets 1 and 2, -1 and 1, or on a scaled number; its like for other losses."""
    for output in seen.objective.outputs:
        values, reads = seen.targets.get(output.output), output.loss.reads_targets()
        if values is None or within((values.low, values.high), reads):
            if values is not None and values.distinct != ZERO_ONE and _is_scaled(seen, output, reads):
                yield warning(
                    f"{type(output.loss).__name__} reads {show_range(reads)} as how sure a class is, but the "
                    f"target of '{output.output}' is a number that is scaled to them",
                    _target_path(seen, output),
                    "mse or mae for a number; no `scale` for 0 and 1",
                )
            continue
        held = " and ".join(f"{v:g}" for v in sorted(values.distinct)) if values.distinct else ""
        held = held or f"numbers from {values.low:g} to {values.high:g}"
        if _is_scaled(seen, output, None):
            way = "no `scale` for 0 and 1; mse or mae for a number"
        elif values.distinct and len(values.distinct) == 2:
            way = f"columns: {{{_column(seen, output)}: {{type: category}}}}, whose classes become 0 and 1"
        else:
            way = "mse or mae for a number; 0 and 1 for a class"
        yield warning(
            f"{type(output.loss).__name__} reads targets from {reads[0]:g} to {reads[1]:g}, but that of "
            f"'{output.output}' holds {held}",
            _target_path(seen, output),
            way,
        )


def one_class_only(seen: Seen) -> Iterator[Problem]:
    """A training split whose targets are all the same: there is nothing to learn."""
    for output in seen.objective.outputs:
        values = seen.targets.get(output.output)
        if values is None or values.only is None or values.count < 2:
            continue
        names = seen.data.class_names.get(output.output) if seen.data else None
        of_classes = output.target.classes is not None
        named = names[int(values.only)] if names and of_classes and int(values.only) < len(names) else None
        shown = f"'{named}'" if named else f"{values.only:g}"
        what = f"of class {shown}" if of_classes else f"the number {shown}"
        yield warning(
            f"every training target of '{output.output}' is {what}: there is nothing to learn",
            _target_path(seen, output),
            "a column with more than one value; a split that takes rows at random (or `stratify`)",
        )


def accuracy_of_numbers(seen: Seen) -> Iterator[Problem]:
    """Accuracy beside a regression loss asks how often a number is met exactly."""
    for output in seen.objective.outputs:
        if output.target.classes is not None:
            continue
        values = seen.targets.get(output.output)
        if values is not None and values.distinct is not None and values.distinct <= ZERO_ONE:
            continue
        found = seen.range_of(output.output)
        if values is None and found is not None and within(found, UNIT):
            continue
        for measured in output.metrics:
            if measured.metric.of_classes:
                yield warning(
                    f"the metric '{measured.name}' counts right classes, but {type(output.loss).__name__} "
                    f"and the target of '{output.output}' are of numbers",
                    metric_path(seen.experiment, output, measured),
                    "mae or rmse for numbers; a cross-entropy for classes",
                )


def _is_scaled(seen: Seen, output: OutputObjective, reads: Range | None) -> bool:
    """Whether the target is a single number that is scaled; with `reads`, by a loss of probabilities."""
    if seen.data is None or (reads is not None and reads != UNIT):
        return False
    prepared = seen.data.preprocessing.targets.get(output.output)
    preps = list(prepared.columns.values()) if prepared else []
    return any(
        isinstance(prep, NumberPrep) and not prep.shape and prep.scale in ("standard", "minmax")
        for prep in preps
    )


def _column(seen: Seen, output: OutputObjective) -> str:
    prepared = seen.data.preprocessing.targets[output.output] if seen.data else None
    return next(iter(prepared.columns)) if prepared else output.output


def _target_path(seen: Seen, output: OutputObjective) -> Path:
    data = seen.experiment.data
    column = _column(seen, output)
    if column in data.columns:
        return ("data", "columns", column)
    return ("data", "targets", output.output) if data.targets else target_path(data)

"""Expectations held against what a run turned out to be."""

from __future__ import annotations

import math
import resource
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from nnctl.core.numbers import duration, number, size
from nnctl.core.records import record
from nnctl.graph.objective import Objective
from nnctl.runs.record import Record
from nnctl.spec.language.expect import Expectation
from nnctl.workflow.expectable import Better, expectable
from nnctl.workflow.scored import Scored


@record
class Outcome:
    """An expectation, and what was found."""

    wanted: str
    found: str
    holds: bool

    def as_json(self) -> dict[str, Any]:
        """As the manifest has it."""
        return {"wanted": self.wanted, "found": self.found, "holds": self.holds}

    def line(self) -> str:
        """In one line."""
        word = "holds" if self.holds else "does not hold"
        return f"{word}: {self.wanted}, found {self.found}"


@record
class Found:
    """What is known of a run at its end.

    Attributes:
        scores: By split, with the weights that the run ends with.
        history: A row for each epoch, as `metrics.jsonl` has it.
        seconds: How long training took, over all its processes.
        memory: The most bytes that were planned or held.
        file: How large the model's file is.
    """

    weights_sha256: str
    scores: Mapping[str, Scored]
    history: Sequence[Mapping[str, Any]]
    seconds: float
    memory: int
    file: int
    parameters: int


def held() -> int:
    """The most memory that this process has held, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def outcomes(
    expected: Sequence[Expectation], objective: Objective, found: Found, recorded: Record | None
) -> list[Outcome]:
    """Each expectation with what was found.

    Args:
        recorded: What `drop_at_most` and `bits` compare with.
    """
    better = expectable(objective).better
    return [_outcome(one, better, found, recorded) for one in expected]


def _outcome(
    expected: Expectation, better: Mapping[str, Better], found: Found, recorded: Record | None
) -> Outcome:
    wanted = expected.words()
    if expected.metric is not None:
        return _of_metric(expected, wanted, better, found, recorded)
    match expected.of:
        case "bits":
            there = recorded.weights_sha256 if recorded is not None else ""
            same = found.weights_sha256 == there
            return Outcome(wanted, "the same" if same else f"others: {found.weights_sha256[:12]}", same)
        case "seconds_at_most":
            return Outcome(wanted, duration(found.seconds), found.seconds <= expected.bound)
        case "memory_at_most":
            return Outcome(wanted, size(found.memory), found.memory <= expected.bound)
        case "file_at_most":
            return Outcome(wanted, size(found.file), found.file <= expected.bound)
        case _:
            return Outcome(wanted, f"{found.parameters:,}", found.parameters <= expected.bound)


def _of_metric(
    expected: Expectation,
    wanted: str,
    better: Mapping[str, Better],
    found: Found,
    recorded: Record | None,
) -> Outcome:
    metric, bound = expected.metric or "", expected.bound
    more = better.get(metric, "max") == "max"
    if expected.by_epoch is not None:
        return _by_epoch(expected, wanted, found)
    scored = found.scores.get(expected.on)
    if scored is None:
        return Outcome(wanted, f"nothing: the {expected.on} split was not scored", False)
    if expected.of == "above_baseline":
        value, base = scored.with_baseline().get(metric, (math.nan, math.nan))
        above = value - base if more else base - value
        told = f"{number(value)}, the baseline {number(base)}: {number(above)}"
        return Outcome(wanted, told, above >= bound)
    value = scored.numbers().get(metric, math.nan)
    if expected.of == "drop_at_most":
        before = recorded.numbers.get(expected.on, {}).get(metric) if recorded is not None else None
        before = math.nan if before is None else before
        drop = before - value if more else value - before
        return Outcome(wanted, f"{number(value)}, the record {number(before)}", drop <= bound)
    return Outcome(wanted, number(value), value >= bound if expected.of == "at_least" else value <= bound)


def _by_epoch(expected: Expectation, wanted: str, found: Found) -> Outcome:
    """The best value of the epochs up to the one that is named."""
    name = f"val_{expected.metric}" if expected.on == "validation" else str(expected.metric)
    rows = [row for row in found.history if row["epoch"] < (expected.by_epoch or 0)]
    values = {row["epoch"]: row[name] for row in rows if row.get(name) is not None}
    if not values:
        return Outcome(wanted, "nothing: no epoch measured it", False)
    least = expected.of == "at_least"
    epoch = max(values, key=lambda e: values[e] if least else -values[e])
    holds = values[epoch] >= expected.bound if least else values[epoch] <= expected.bound
    return Outcome(wanted, f"{number(values[epoch])} in epoch {epoch + 1}", holds)

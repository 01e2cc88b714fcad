"""A report of any kind: as JSON, and by the names that expectations use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nnctl.evaluation.amounts import AmountReport
from nnctl.evaluation.classes import ClassReport, MeanScore
from nnctl.evaluation.labels import LabelReport

Report = ClassReport | LabelReport | AmountReport

MEANS = tuple(f"{mean}_{name}" for mean in ("macro", "weighted") for name in ("precision", "recall", "f1"))
NAMES: Mapping[str, tuple[str, ...]] = {
    "classes": ("accuracy", *MEANS, "log_loss", "roc_auc", "calibration_error"),
    "labels": ("accuracy", "exact", *MEANS, "roc_auc"),
    "numbers": ("mae", "rmse", "r2"),
}
"""What a report of each kind may have numbers of."""
WITH_BASELINE = frozenset({"accuracy", "log_loss", "mae", "rmse", "r2"})
"""Those that a baseline has, too."""
LESS_IS_BETTER = frozenset({"log_loss", "calibration_error", "mae", "rmse"})
"""Those of which less is better; of all others more is."""


def named_numbers(report: Report) -> dict[str, float]:
    """A report's numbers by name; those that mean nothing there are left out."""
    found: dict[str, float | None] = {}
    for name in NAMES[report.kind]:
        mean, _, part = name.partition("_")
        of = getattr(report, mean, None)
        found[name] = getattr(of, part) if isinstance(of, MeanScore) else getattr(report, name)
    return {name: value for name, value in found.items() if value is not None}


def told_numbers(report: Mapping[str, Any]) -> dict[str, float]:
    """`named_numbers` of a report as JSON has it; none of one that cannot be told."""
    found: dict[str, Any] = {}
    for name in NAMES.get(str(report.get("kind")), ()):
        mean, _, part = name.partition("_")
        of = report.get(mean)
        found[name] = of.get(part) if isinstance(of, Mapping) else report.get(name)
    return {name: value for name, value in found.items() if isinstance(value, int | float)}


def as_json(value: Any) -> Any:
    """A report, or a part of one, as JSON has it: records are objects, what is not finite is null."""
    if hasattr(value, "__match_args__"):
        kind = {"kind": value.kind} if hasattr(value, "kind") else {}
        return kind | {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

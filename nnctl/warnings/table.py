"""Every warning about a model, its objective and its data; those about columns: `nnctl.data.warnings`."""

from __future__ import annotations

from nnctl.core.errors import Problem
from nnctl.warnings import labels, outputs, sequences, training
from nnctl.warnings.base import ExperimentCheck, Seen

CHECKS: tuple[ExperimentCheck, ...] = (
    outputs.softmax_of_one_unit,
    outputs.probabilities_read_as_logits,
    outputs.cross_entropy_of_any_number,
    labels.targets_out_of_range,
    labels.one_class_only,
    labels.accuracy_of_numbers,
    sequences.filling_that_is_not_masked,
    training.schedule_beside_another_rate,
)


def warnings_of(seen: Seen) -> list[Problem]:
    """What all the checks say."""
    return [problem for check in CHECKS for problem in check(seen)]

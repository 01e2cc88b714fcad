"""Every warning about columns, in the order they are said."""

from __future__ import annotations

from nnctl.core.errors import Problem
from nnctl.data.warnings import columns, disk, idle, leaks, misread, series
from nnctl.data.warnings.base import DataCheck, Evidence

CHECKS: tuple[DataCheck, ...] = (
    columns.text_or_ids_as_classes,
    columns.row_numbers,
    series.pieces_of_a_series,
    series.several_series,
    leaks.leaked_target,
    idle.idle_pattern,
    disk.slow_random_order,
    misread.names_of_times_or_numbers,
)


def data_warnings(evidence: Evidence) -> tuple[Problem, ...]:
    """What all the checks say; paths are those of the whole config."""
    return tuple(problem for check in CHECKS for problem in check(evidence))

"""Data that stays on disk, in an order that reads it badly."""

from __future__ import annotations

from collections.abc import Iterator

from nnctl.core.errors import Problem, warning
from nnctl.data.feeding.in_memory import SHARE, lazy, nbytes
from nnctl.data.warnings.base import Evidence

FEW = 16
"""Chunks of fewer rows are read at random without much waste."""


def slow_random_order(evidence: Evidence) -> Iterator[Problem]:
    """Any order over large chunks: a piece of an epoch has most chunks of the file read and unpacked."""
    if evidence.spec.shuffle is not True:
        return
    for name, values in lazy(evidence.table, evidence.roles.used()).items():
        if values.chunk_rows >= FEW:
            yield warning(
                f"'{name}' takes {nbytes(values) / 2**30:.1f} GiB, over 1/{SHARE} of the memory, and is "
                f"stored in chunks of {values.chunk_rows:,} rows: any order reads each of them many times",
                evidence.column_path(name),
                "shuffle: 8192, which mixes within so many examples, or chunks of a few rows",
            )

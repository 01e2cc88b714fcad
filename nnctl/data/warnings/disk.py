"""Data that stays on disk, in an order that reads it badly."""

from __future__ import annotations

from collections.abc import Iterator

from nnctl.core.errors import Problem, warning
from nnctl.data.feeding.in_memory import SHARE, lazy, nbytes
from nnctl.data.warnings.base import Evidence

FEW = 16
"""Chunks of fewer rows are read at random without much waste."""


def slow_random_order(evidence: Evidence) -> Iterator[Problem]:
    """A random order over large chunks: each example has a chunk of many rows read and unpacked."""
    if not evidence.spec.shuffle:
        return
    for name, values in lazy(evidence.table, evidence.roles.used()).items():
        if values.chunk_rows >= FEW:
            yield warning(
                f"'{name}' takes {nbytes(values) / 2**30:.1f} GiB, over 1/{SHARE} of the memory, and is "
                f"stored in chunks of {values.chunk_rows:,} rows: in random order each example reads one",
                evidence.column_path(name),
                "chunks of a few rows (h5repack, or `chunks=` of create_dataset), or shuffle: false",
            )

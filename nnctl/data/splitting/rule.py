"""Which rows go to which split, by the config's rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnctl.core.errors import DataError
from nnctl.core.keys import Key, key
from nnctl.data.spec import DataSpec
from nnctl.data.splitting import folds, splits
from nnctl.data.splitting.grouped import grouped
from nnctl.data.splitting.stratified import stratified
from nnctl.data.table import Table, as_words


def split_rows(spec: DataSpec, table: Table, n: int, seed: int) -> splits.SplitRows:
    """The rows of each split, ascending.

    Raises:
        DataError: the table is too small, or a column that steers the split is not usable.
    """
    rule = spec.split
    if n == 0:
        raise DataError("has no rows", file=table.origin.file)
    if rule is None:
        return splits.contiguous((n, 0, 0))
    if rule.by:
        return splits.by_column(as_words(table.columns[rule.by]), rule.by, table.origin)
    draw = key(seed, "split")
    try:
        if rule.folds is not None and rule.fold is not None:
            return _fold(spec, table, n, rule.folds, rule.fold, draw)
        if rule.group:
            return grouped(n, _codes(table, rule.group), rule.validation, rule.test, draw)
        counts = splits.sizes(n, rule.validation, rule.test)
        if rule.stratify:
            return stratified(counts, _codes(table, rule.stratify, few=True), draw)
        return splits.contiguous(counts) if _by_position(spec) else splits.at_random(counts, draw)
    except ValueError as error:
        raise DataError(str(error), file=table.origin.file, column=rule.group or rule.stratify) from error


def _fold(spec: DataSpec, table: Table, n: int, count: int, fold: int, draw: Key) -> splits.SplitRows:
    """One of `count` folds (numbered from 1). Raises ValueError: there are too few rows or groups."""
    rule = spec.split
    assert rule is not None
    if rule.group:
        return folds.in_groups(_codes(table, rule.group), count, fold, rule.validation, draw)
    if rule.stratify:
        classes = _codes(table, rule.stratify, few=True)
        return folds.in_proportion(classes, count, fold, rule.validation, draw)
    if _by_position(spec):
        return folds.by_position(n, count, fold, rule.validation)
    return folds.drawn(n, count, fold, rule.validation, draw)


def _by_position(spec: DataSpec) -> bool:
    order = spec.split.order if spec.split is not None else None
    return order == "rows" or (order is None and spec.window is not None)


def check_counts(spec: DataSpec, table: Table, n: int | None, *, exact: bool) -> None:
    """Hold the portions of a split against the number of rows, before they are read.

    Args:
        n: How many rows there are; at most so many where that is not `exact`; None where it is not known.

    Raises:
        DataError: there are too few.
    """
    rule = spec.split
    if rule is None or rule.by or rule.group or rule.folds or n is None:
        return
    counts = [portion if isinstance(portion, int) else 0 for portion in (rule.validation, rule.test)]
    try:
        if exact:
            splits.sizes(n, rule.validation, rule.test)
        elif sum(counts) >= n:
            raise ValueError(f"at most {n} rows leave nothing to train on")
    except ValueError as error:
        raise DataError(str(error), file=table.origin.file) from error


def _codes(table: Table, name: str, *, few: bool = False) -> Sequence[int]:
    """A column's classes numbered in a fixed order. Raises DataError for a missing value."""
    column = table.columns[name]
    if column.shape:
        raise table.origin.error("an array cannot steer the split", column=name)
    words = as_words(column)
    distinct = len(words.vocabulary)
    if few and 2 * distinct > len(words):
        hint = "name a column of few classes"
        raise table.origin.error(
            f"has {distinct} different values in {len(words)} rows", column=name, hint=hint
        )
    if (words.codes < 0).any():
        raise table.origin.error(
            "the value is missing, but steers the split", int(np.argmax(words.codes < 0)), name
        )
    ranks = np.empty(len(words.vocabulary), dtype=np.int64)
    ranks[np.argsort(np.array(words.vocabulary), kind="stable")] = np.arange(len(words.vocabulary))
    codes: Sequence[int] = ranks[words.codes].tolist()
    return codes

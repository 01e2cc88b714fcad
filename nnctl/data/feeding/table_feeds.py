"""Applying a `Preprocessing` to a table: the arrays that batches are read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nnctl.core.visible import listed
from nnctl.data.columns import times
from nnctl.data.feeding.buckets import Buckets, Varying
from nnctl.data.feeding.dataset import Dataset, ExampleArray
from nnctl.data.feeding.feeds import (
    Coded,
    Feed,
    Joined,
    NotNegative,
    ScaledNumbers,
    Whole,
    ready,
)
from nnctl.data.feeding.hashed import Hashed
from nnctl.data.feeding.in_memory import lazy
from nnctl.data.feeding.sequences import Sequences, SideBySide, need_as_many_steps
from nnctl.data.feeding.shapes import agreed_shape, disagreement, natural_shape
from nnctl.data.feeding.texts import Texts
from nnctl.data.preprocessing import (
    CategoryPrep,
    ColumnPrep,
    HashPrep,
    Preprocessing,
    SequencePrep,
    TargetPrep,
    TextPrep,
    TimePrep,
    WeightPrep,
)
from nnctl.data.sample_weight import weight_columns
from nnctl.data.table import Numbers, Rows, Table, Words, as_words


class TableFeeds:
    """A table seen through a `Preprocessing`; `dataset` picks the examples of a split.

    Args:
        table: The columns; those with a role must be there.
        preprocessing: What was fitted on the training split.
        dtype: "float32" or "float64": the type of float arrays kept in memory.
        targets: Whether targets and sample weights are wanted (`predict` does without).

    Raises:
        DataError: a column is missing, has another shape or type than in training, or holds a value that
            nothing prepares for.
    """

    def __init__(
        self, table: Table, preprocessing: Preprocessing, dtype: str = "float32", *, targets: bool = True
    ) -> None:
        self.table, self.preprocessing, self.dtype = table, preprocessing, dtype
        used = [*(c for i in preprocessing.inputs.values() for c in i.columns), *preprocessing.lengths]
        if targets:
            used += [c for t in preprocessing.targets.values() for c in t.columns]
            used += preprocessing.target_lengths
            used += weight_columns(preprocessing.sample_weight)
        table.need(used)
        for name in used:
            if name not in table.columns:
                raise table.origin.error(
                    f"has no column '{name}'", hint=f"it has: {listed(list(table.columns))}"
                )
        self.count = table.rows(list(dict.fromkeys(used)))
        self.on_disk = bool(lazy(table, used))
        self.rows = np.arange(self.count, dtype=np.int64)
        self.inputs = {n: self._input(n) for n in preprocessing.inputs}
        self.targets = {n: self._target(n) for n in preprocessing.targets} if targets else {}
        self.weights = self._weights()

    def dataset(self, name: str, firsts: Rows) -> Dataset:
        """The examples that begin at the rows `firsts`."""
        varying = frozenset(n for n in self.inputs if self.preprocessing.varies(n))
        buckets = self._buckets(firsts, varying) if varying else None
        first = frozenset(n for n, t in self.preprocessing.targets.items() if _filled_first(t))
        return Dataset(
            name,
            firsts,
            self.inputs,
            self.targets,
            self.weights,
            self.table.origin,
            buckets,
            varying,
            first,
            self.on_disk,
        )

    def _buckets(self, rows: Rows, varying: frozenset[str]) -> Buckets:
        """The examples by the longest of their sequences."""
        steps, longest = np.zeros(len(rows), dtype=np.int64), 0
        for name in varying:
            feed = self.inputs[name].feed
            assert isinstance(feed, Varying)
            steps = np.maximum(steps, feed.steps_of(rows))
            longest = max(longest, self.inputs[name].shape[0])
        return Buckets.by_length(steps, self.preprocessing.bucket_boundaries, longest)

    def _input(self, name: str) -> ExampleArray:
        prep = self.preprocessing.inputs[name]
        window = self.preprocessing.window
        integer = prep.dtype == "int32"
        dtype = "int32" if integer else self.dtype
        feed = self._feed(prep.columns, integer, dtype, varies=None in prep.shape)
        length = window.length if window else None
        found = natural_shape(self.table, prep.columns, length)
        shape = agreed_shape(found, prep.shape)
        if shape is None:
            raise self.table.origin.error(disagreement(name, found, prep.shape, list(prep.columns)))
        origin = self.table.at(next(iter(prep.columns)))
        return ExampleArray(feed, shape, dtype, origin, 0, length or 1)

    def _target(self, name: str) -> ExampleArray:
        prep = self.preprocessing.targets[name]
        window = self.preprocessing.window
        integer = prep.kind == "ids"
        dtype = "int32" if integer else self.dtype
        feed = self._feed(prep.columns, integer, dtype)
        first = next(iter(prep.columns))
        alone = prep.columns[first] if len(prep.columns) == 1 else None
        if isinstance(alone, SequencePrep):
            shape = alone.shape
        else:
            as_read = alone is not None and prep.kind != "onehot"
            shape = self.table.columns[first].shape if as_read else (feed.width,)
        origin = self.table.at(first)
        if window is None or window.targets == "last":
            return ExampleArray(feed, shape, dtype, origin, window.last_target if window else 0)
        steps = window.length
        return ExampleArray(feed, (steps, *shape), dtype, origin, window.horizon, steps)

    def _weights(self) -> dict[str, ExampleArray]:
        """The sample weights by output; outputs that a column weighs together share its array."""
        columns = {
            output: found for output in self.targets if (found := self.preprocessing.weight_of(output))
        }
        feeds = {
            (name, prep): self._feed({name: prep}, False, self.dtype, varies=True)
            for name, prep in dict.fromkeys(columns.values())
        }
        for output, found in columns.items():
            target, weights = self.targets[output].feed, feeds[found]
            if isinstance(target, Sequences) and isinstance(weights, Sequences):
                need_as_many_steps(target, weights, self.rows)
        made = {found: self._weight(*found, feed) for found, feed in feeds.items()}
        return {output: made[found] for output, found in columns.items()}

    def _weight(self, name: str, prep: WeightPrep, feed: Feed) -> ExampleArray:
        origin, window = self.table.at(name), self.preprocessing.window
        value = prep.numbers.shape if isinstance(prep, SequencePrep) else self.table.columns[name].shape
        shape = self.preprocessing.weight_shape(prep, value)
        checked = NotNegative(feed, name, origin)
        if lazy(self.table, [name]):
            feed = checked
        else:
            checked.check(self.rows)
        if window is None or window.targets == "last":
            return ExampleArray(feed, shape, self.dtype, origin, window.last_target if window else 0)
        return ExampleArray(feed, shape, self.dtype, origin, window.horizon, window.length)

    def _feed(
        self, columns: Mapping[str, ColumnPrep], integer: bool, dtype: str, *, varies: bool = False
    ) -> Feed:
        feeds = [self._column(name, prep, integer, varies) for name, prep in columns.items()]
        table = [self.table.columns[name] for name in columns]
        sequences = [feed for feed in feeds if isinstance(feed, Sequences)]
        if len(sequences) == len(feeds) > 1:
            return SideBySide(sequences, self.rows)
        if len(feeds) == 1 and table[0].shape:
            return feeds[0]
        waits = any(isinstance(c, Numbers) and not isinstance(c.values, np.ndarray) for c in table)
        joined = feeds[0] if len(feeds) == 1 else Joined(feeds)
        cut = bool(self.preprocessing.bucket_boundaries) and isinstance(joined, Texts)
        wide = cut or any(map(_wide, columns.values()))
        return joined if waits or wide else ready(joined, self.count, self.rows, dtype)

    def _column(self, name: str, prep: ColumnPrep, integer: bool, varies: bool) -> Feed:
        column, origin = self.table.columns[name], self.table.at(name)
        if isinstance(prep, CategoryPrep | HashPrep):
            if column.shape:
                raise origin.error("holds arrays, but held words in training", column=name)
            if isinstance(prep, HashPrep):
                return Hashed(as_words(column), prep, name, origin, self.rows)
            return Coded(as_words(column), prep, name, origin, self.rows)
        if isinstance(prep, TimePrep):
            if column.shape:
                raise origin.error("holds arrays, but held times in training", column=name)
            parts = times.numbers(as_words(column), prep.parts, prep.format, name, origin)
            read = ScaledNumbers(parts, prep.numbers, name, origin, self.dtype)
            read.check(self.rows)
            return read
        if isinstance(prep, TextPrep):
            if not isinstance(column, Words):
                raise origin.error("holds numbers, but held texts in training", column=name)
            return Texts(column, prep, name, origin)
        if isinstance(prep, SequencePrep):
            return Sequences.of(self.table, name, prep, self.rows, integer=integer, dtype=self.dtype)
        if not isinstance(column, Numbers):
            row = int(np.argmax(column.codes >= 0))
            raise origin.error(f"'{column.vocabulary[column.codes[row]]}' is not a number", row, name)
        # What is prepared by the elements of the last axis needs as many; else a length may vary.
        by_element = max(len(prep.shift), len(prep.divide), len(prep.fill or ())) > 1
        same = column.shape[-1:] == prep.shape[-1:] or (varies and not by_element)
        if len(column.shape) != len(prep.shape) or not same:
            raise origin.error(
                f"one value has the shape {column.shape}, but {prep.shape} in training", column=name
            )
        feed = (
            Whole(column.values, name, origin)
            if integer
            else ScaledNumbers(column.values, prep, name, origin, self.dtype)
        )
        feed.check(self.rows)
        return feed


def _wide(prep: ColumnPrep) -> bool:
    """Whether what a column becomes would take much more memory than what it is made of.

    That is a number per token of a vocabulary, nearly all of them 0, and sequences that are filled up.
    """
    return isinstance(prep, SequencePrep) or (isinstance(prep, TextPrep) and prep.output_mode != "int")


def _filled_first(prep: TargetPrep) -> bool:
    """Whether sequences of targets are filled up before their first step."""
    return any(isinstance(c, SequencePrep) and c.padding == "pre" for c in prep.columns.values())


def restore(prep: TargetPrep, values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """Predictions (N, ...) of a scaled target in the units of the data; others unchanged."""
    numbers = prep.numbers
    if numbers is None or all(p.scale == "none" for p in numbers):
        return values
    shift = np.array([s for p in numbers for s in p.shift])
    divide = np.array([d for p in numbers for d in p.divide])
    restored: npt.NDArray[np.floating[Any]] = (values * divide + shift).astype(values.dtype)
    return restored

"""One split, ready to be read in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from nnctl.core.records import record
from nnctl.data.feeding.buckets import Buckets, Varying
from nnctl.data.feeding.feeds import Feed, Plain
from nnctl.data.table import Origin, Rows


@record
class ExampleArray:
    """One array of a batch: where its values come from and which rows an example takes.

    An example's value is the feed's rows `first + offset`, ..., `first + offset + length - 1`; `first` is the
    example's first row. Without windows, length is 1 and offset 0.
    """

    feed: Feed
    shape: tuple[int, ...]
    """The shape of one example."""
    dtype: str
    origin: Origin
    """Where the rows are: a column may have a file of its own."""
    offset: int = 0
    length: int = 1


@record
class Signature:
    """Shape and type of one model input or target, the batch axis left out; None is a width not known yet."""

    shape: tuple[int | None, ...]
    dtype: str


@record
class Dataset:
    """The examples of one split."""

    name: str
    """train, validation or test; the file's name for a file given to predict or eval."""
    rows: Rows
    """The first row of each example in its table."""
    inputs: Mapping[str, ExampleArray] = field(repr=False)
    targets: Mapping[str, ExampleArray] = field(repr=False)
    weights: Mapping[str, ExampleArray] = field(repr=False)
    """The sample weights, of examples or of their steps, by the output whose loss they weigh."""
    origin: Origin
    buckets: Buckets | None = field(repr=False)
    """Which examples a batch may hold side by side; None: any."""
    varying: frozenset[str]
    """The inputs that are filled up only as far as their bucket's length."""
    filled_first: frozenset[str]
    """The outputs whose targets are filled up before their first step (`padding: pre`)."""
    on_disk: bool
    """Whether a column is read from a disk as batches need it."""

    def __len__(self) -> int:
        return len(self.rows)

    def input_shapes(self, bucket: int | None = None) -> dict[str, tuple[int, ...]]:
        """The shape of one example of each input: in batches of a bucket, or of any."""
        shapes = {name: part.shape for name, part in self.inputs.items()}
        if bucket is not None and self.buckets is not None:
            length = self.buckets.lengths[bucket]
            for name in self.varying:
                shapes[name] = (min(length, shapes[name][0]), *shapes[name][1:])
        return shapes

    def read(self, part: ExampleArray, indices: Rows, out: npt.NDArray[Any]) -> None:
        """Write a part of the examples `indices` (n,) into the first n rows of `out`.

        Args:
            part: One of the data set's own: an input and an output may have the same name.
            indices: Example numbers from 0 to len - 1, in any order.
            out: C-contiguous, with at least n rows, of any float or integer type that holds the values.

        Raises:
            IndexError: an index is out of range.
            DataError: a value that is read lazily is missing, infinite or unknown.
        """
        self.reader(part, out[: len(indices)])(self.rows[indices])

    @staticmethod
    def reader(part: ExampleArray, out: npt.NDArray[Any]) -> Callable[[Rows], object]:
        """What writes a part of so many examples as `out` has rows into it, given their first rows (n,)."""
        offset = part.offset
        if part.length > 1:
            steps = np.arange(offset, offset + part.length, dtype=np.int64)
            of_steps = _picker(part.feed, out.reshape(len(out) * part.length, part.feed.width))
            return lambda firsts: of_steps((firsts[:, None] + steps).reshape(-1))
        read = _picker(part.feed, out.reshape(len(out), prod(out.shape[1:])))
        return (lambda firsts: read(firsts + offset)) if offset else read

    def pieces(
        self, part: ExampleArray, dtype: str, numbers: int = 1 << 22
    ) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """A part's values in all examples, about so many at a time: the first example's number, values."""
        size = max(1, min(1 << 16, numbers // max(1, prod(part.shape))))
        for start in range(0, len(self), size):
            indices = np.arange(start, min(start + size, len(self)), dtype=np.int64)
            values = np.empty((len(indices), *part.shape), dtype=dtype)
            self.read(part, indices, values)
            yield start, values

    def own_places(self, output: str, start: int, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Which places of some targets are their own, and fill no sequence up: `shape` (n, ...).

        Args:
            start: The first of these n examples.
        """
        part = self.targets[output]
        if not isinstance(part.feed, Varying) or len(shape) == 1:
            return np.ones(shape, dtype=np.bool_)
        count, most, *within = shape
        steps = part.feed.steps_of(self.rows[start : start + count] + part.offset)[:, None]
        places = np.arange(most)
        own = places >= most - steps if output in self.filled_first else places < steps
        return np.broadcast_to(own.reshape(count, most, *(1 for _ in within)), shape)

    def place(self, part: ExampleArray, index: int) -> tuple[Origin, int]:
        """The file and the row (from 0) in which the value that an example takes of a part begins."""
        return part.origin, int(self.rows[index]) + part.offset


def _picker(feed: Feed, out: npt.NDArray[Any]) -> Callable[[Rows], object]:
    """What writes a feed's values for as many rows as `out` (n, width) has into it, given the rows (n,)."""
    values = feed.plain() if isinstance(feed, Plain) else None
    if values is not None and values.dtype == out.dtype and values.shape[1:] == out.shape[1:]:
        take = values.take
        return lambda rows: take(rows, 0, out, "clip")
    return lambda rows: feed.read(rows, out)

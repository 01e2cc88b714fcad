"""Prepared columns, read by rows into a batch's buffers; the same arithmetic for every split and command."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.data.preprocessing import CategoryPrep, NumberPrep
from nnctl.data.table import Origin, Rows, Values, Words, blocks, take

Flat = npt.NDArray[Any]
"""A buffer seen as (rows, width)."""


class Feed(Protocol):
    """A source of prepared values, `width` numbers a row."""

    width: int

    def read(self, rows: Rows, out: Flat) -> None:
        """Write the rows asked for into `out` (len(rows), width), in the order asked for.

        Raises:
            DataError: a value is missing, infinite or unknown and nothing says what then.
        """

    def kept(self) -> list[Flat]:
        """The arrays that it keeps in memory."""


@runtime_checkable
class Plain(Protocol):
    """A feed whose values may need nothing but to be picked."""

    def plain(self) -> Flat | None:
        """The values (N, width) of all rows as they are read; None where something is to be done to them."""


def _as_rows(values: npt.NDArray[Any]) -> Flat | None:
    return values.reshape(len(values), -1) if len(values) and values.flags.c_contiguous else None


def _in_memory(values: Values) -> list[Flat]:
    return [values] if isinstance(values, np.ndarray) else []


class Ready:
    """An array (N, ...) that needs no preparation any more."""

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self.values = values.reshape(len(values), -1)
        self.width = self.values.shape[1]

    def kept(self) -> list[Flat]:
        return [self.values]

    def plain(self) -> Flat | None:
        return _as_rows(self.values)

    def read(self, rows: Rows, out: Flat) -> None:
        out[...] = self.values[rows]


class ScaledNumbers:
    """Numbers (N, ...) that are filled and scaled as they are read.

    The arithmetic is done in float64 and rounded once, so it does not matter when and where it is done. A
    plain division of values that float32 holds exactly, as images need it, is done in float32: by rounding
    twice from 53 bits, float64 gives the same bits (53 >= 2 * 24 + 2), more slowly.
    """

    def __init__(
        self, values: Values, prep: NumberPrep, name: str, origin: Origin, dtype: str = "float64"
    ) -> None:
        self.values, self.prep, self.name, self.origin, self.dtype = values, prep, name, origin, dtype
        self.width = prod(values.shape[1:])
        self.most = float(np.finfo(dtype).max)
        self.shift, self.divide = np.array(prep.shift), np.array(prep.divide)
        self.lazy = not isinstance(values, np.ndarray)
        self.checked = False
        small = values.dtype.kind in "uib" and values.dtype.itemsize <= 2
        divisor = self.divide[0] if len(self.divide) == 1 and not self.shift.any() else np.float64(0.1)
        self.direct = small and float(np.float32(divisor)) == divisor and divisor > 1e-30

    def check(self, rows: Rows) -> None:
        """Prepare all of `rows` once, so that whatever is wrong with them shows now."""
        if self.lazy or self.values.dtype.kind != "f":
            return
        for part, raw in blocks(self.values, rows):
            self._prepared(raw.reshape(len(part), self.width), part)
        self.checked = True

    def kept(self) -> list[Flat]:
        return _in_memory(self.values)

    def plain(self) -> Flat | None:
        return _as_rows(self.values) if isinstance(self.values, np.ndarray) and self._as_it_is() else None

    def _as_it_is(self) -> bool:
        return self.prep.identity and (self.values.dtype.kind != "f" or self.checked)

    def read(self, rows: Rows, out: Flat) -> None:
        raw = take(self.values, rows).reshape(len(rows), self.width)
        if self._as_it_is():
            out[...] = raw
        elif self.direct:
            out[...] = raw
            out /= out.dtype.type(self.divide[0])
        else:
            out[...] = self._prepared(raw, rows)

    def _prepared(self, raw: Flat, rows: Rows) -> npt.NDArray[np.float64]:
        x = self._filled(raw.astype(np.float64), rows)
        y = ((x.reshape(len(rows), -1, len(self.shift)) - self.shift) / self.divide).reshape(x.shape)
        return y if self.checked else self._representable(y, x, rows)

    def _representable(
        self, y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], rows: Rows
    ) -> npt.NDArray[np.float64]:
        """`y`, made of `x`. Raises DataError for a value that the batch's type cannot hold."""
        for values in (x, y):
            fits = np.abs(values) <= self.most
            if not fits.all():
                i, j = (int(at[0]) for at in np.nonzero(~fits))
                scaled = "" if values is x else f", scaled to {y[i, j]:g},"
                raise self.origin.error(
                    f"the value {x[i, j]:g}{scaled} is too large for {self.dtype}", int(rows[i]), self.name
                )
        return y

    def _filled(self, x: npt.NDArray[np.float64], rows: Rows) -> npt.NDArray[np.float64]:
        if np.isfinite(x).all():
            return x
        missing = np.isnan(x)
        if self.prep.fill is not None:
            fill = np.broadcast_to(np.resize(np.array(self.prep.fill), x.shape[1]), x.shape)
            x = np.where(missing, fill, x)
        bad = ~np.isfinite(x).all(axis=1)
        if bad.any():
            i = int(np.argmax(bad))
            if missing[i].any() and self.prep.fill is None:
                raise missing_value(self.origin, int(rows[i]), self.name, "mean, median, zero or a number")
            raise self.origin.error("the value is infinite", int(rows[i]), self.name)
        return x


class Coded:
    """Words as class numbers (width 1) or 0/1 vectors (width = classes)."""

    def __init__(self, words: Words, prep: CategoryPrep, name: str, origin: Origin, rows: Rows) -> None:
        places = {w: i for i, w in enumerate(prep.words)}
        other = len(prep.words) if prep.other else -1
        unknown = other if prep.unknown_other else -1
        lookup = [places.get(w, unknown) for w in words.vocabulary]
        fill = places[prep.fill] if prep.fill is not None else (other if prep.missing_other else -1)
        self.codes = np.array([*lookup, fill], dtype=np.int32)[words.codes]
        self.prep, self.width = prep, prep.width
        self._check(words, name, origin, rows)

    def _check(self, words: Words, name: str, origin: Origin, rows: Rows) -> None:
        bad = self.codes[rows] < 0
        if not bad.any():
            return
        row = int(rows[int(np.argmax(bad))])
        code = int(words.codes[row])
        if code < 0:
            raise missing_value(origin, row, name, "most_frequent, other or a word")
        known = ", ".join(f"'{w}'" for w in self.prep.words[:8]) + (
            ", ..." if len(self.prep.words) > 8 else ""
        )
        raise origin.error(
            f"'{words.vocabulary[code]}' does not occur in the training split (which has {known})",
            row,
            name,
            hint="`unknown: other` gives such words a class of their own; `stratify:` in split spreads them",
        )

    def kept(self) -> list[Flat]:
        return [self.codes]

    def read(self, rows: Rows, out: Flat) -> None:
        codes = self.codes[rows]
        if self.prep.encoding == "index":
            out[:, 0] = codes
        else:
            out[...] = 0
            out[np.arange(len(rows)), codes] = 1


class Whole:
    """Numbers (N, ...) that must be whole: class numbers, or ids for an Embedding."""

    def __init__(self, values: Values, name: str, origin: Origin) -> None:
        self.values, self.name, self.origin = values, name, origin
        self.width = prod(values.shape[1:])
        self.checked = False

    def check(self, rows: Rows) -> None:
        """Look at all of `rows` now, if they are in memory; they are not looked at again."""
        if isinstance(self.values, np.ndarray):
            for part, raw in blocks(self.values, rows):
                self._whole(raw.reshape(len(part), self.width), part)
            self.checked = True

    def kept(self) -> list[Flat]:
        return _in_memory(self.values)

    def plain(self) -> Flat | None:
        return _as_rows(self.values) if isinstance(self.values, np.ndarray) and self.checked else None

    def read(self, rows: Rows, out: Flat) -> None:
        raw = take(self.values, rows).reshape(len(rows), self.width)
        out[...] = raw if self.checked else self._whole(raw, rows)

    def _whole(self, raw: Flat, rows: Rows) -> Flat:
        if raw.dtype.kind == "b" or raw.dtype in (np.uint8, np.int8, np.uint16, np.int16, np.int32):
            return raw
        with np.errstate(invalid="ignore"):
            good = (raw == np.floor(raw)) & (raw < 2**31) & (raw >= -(2**31))
        if not good.all():
            i = int(np.argmin(good.all(axis=1)))
            if raw.dtype.kind == "f" and np.isnan(raw[i]).any():
                raise missing_value(self.origin, int(rows[i]), self.name, None)
            value = raw[i][np.argmin(good[i])]
            why = "is not a class number (a whole number)"
            if np.isfinite(value) and value == np.floor(value):
                why = f"is beyond class numbers (at most {2**31 - 1}); of {{type: category}} it is a word"
            raise self.origin.error(f"{value} {why}", int(rows[i]), self.name)
        return raw


class NotNegative:
    """Sample weights: none may be below 0."""

    def __init__(self, feed: Feed, name: str, origin: Origin) -> None:
        self.feed, self.name, self.origin, self.width = feed, name, origin, feed.width

    def kept(self) -> list[Flat]:
        return self.feed.kept()

    def read(self, rows: Rows, out: Flat) -> None:
        self.feed.read(rows, out)
        below = (out < 0).any(axis=1)
        if below.any():
            row = int(rows[int(np.argmax(below))])
            raise self.origin.error("a sample weight is negative", row, self.name)

    def check(self, rows: Rows) -> None:
        """Look at all of `rows` now."""
        step = max(1, (1 << 20) // max(1, self.width))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            self.read(part, np.empty((len(part), self.width)))


class Joined:
    """Several feeds side by side."""

    def __init__(self, parts: Sequence[Feed]) -> None:
        self.parts = parts
        self.width = sum(p.width for p in parts)

    def kept(self) -> list[Flat]:
        return [array for part in self.parts for array in part.kept()]

    def read(self, rows: Rows, out: Flat) -> None:
        at = 0
        for part in self.parts:
            part.read(rows, out[:, at : at + part.width])
            at += part.width


def ready(feed: Feed, n: int, rows: Rows, dtype: str) -> Ready:
    """The feed's values for `rows`, prepared once and kept: (n, width)."""
    values = np.zeros((n, feed.width), dtype=dtype)
    step = max(1, (1 << 20) // max(1, feed.width))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        if part[-1] - part[0] + 1 == len(part):
            feed.read(part, values[part[0] : part[-1] + 1])
        else:
            buffer = np.empty((len(part), feed.width), dtype=dtype)
            feed.read(part, buffer)
            values[part] = buffer
    return Ready(values)


def missing_value(origin: Origin, row: int, name: str, choices: str | None) -> DataError:
    """The error for a missing value that nothing stands in for."""
    hint = f"say what stands in: columns: {{{name}: {{missing: ...}}}} with {choices}" if choices else None
    return origin.error("the value is missing", row, name, hint=hint)

"""A block of a CSV file cut into fields, fields read as numbers, and equal fields told.

A field is the bytes from its start up to its stop. Of one in quotes these stand between them, unless quotes
are doubled in it: then its own quotes belong to it.
"""

from __future__ import annotations

import numpy as np

from nnctl.kernels.decimal_text import number
from nnctl.kernels.jit import inline, kernel

_NEWLINE, _RETURN, _SPACE = 10, 13, 32
_END, _MORE, _ODD = -1, -2, -3
"""What follows a field besides a delimiter: the row's end; more than is here; what is not read here."""
_HASH, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@inline
def _after(text, at, size, ends, delimiter):
    """What is at `at`, where a field may end, and where the next begins; `ends`: the file ends at `size`."""
    if at == size:
        return (_END, at) if ends else (_MORE, at)
    if text[at] == delimiter:
        return 0, at + 1
    if text[at] == _NEWLINE:
        return _END, at + 1
    if text[at] == _RETURN:
        if at + 1 == size and not ends:
            return _MORE, at
        if at + 1 < size and text[at + 1] == _NEWLINE:
            return _END, at + 2
    return _ODD, at


@inline
def _field(text, at, size, ends, delimiter, quote):
    """The field at `at`, behind blanks: start, stop, what follows, where the next begins, its line ends."""
    while at < size and text[at] == _SPACE:
        at += 1
    start, lines = at, 0
    if at == size or text[at] != quote:
        while at < size and text[at] != delimiter and text[at] != _NEWLINE and text[at] != _RETURN:
            at += 1
        what, following = _after(text, at, size, ends, delimiter)
        return start, at, what, following, lines
    doubled = False
    at += 1
    while at < size:
        byte = text[at]
        if byte == quote:
            if at + 1 < size and text[at + 1] == quote:
                doubled = True
                at += 1
            else:
                what, following = _after(text, at + 1, size, ends, delimiter)
                stop = at + 1 if doubled else at
                return start if doubled else start + 1, stop, what, following, lines
        elif byte == _NEWLINE:
            lines += 1
        elif byte == _RETURN and at + 1 < size and text[at + 1] != _NEWLINE:
            return start, at, _ODD, at, lines
        at += 1
    return start, at, _ODD if ends else _MORE, at, lines


@inline
def _number(text, at, size, ends, delimiter):
    """A number that ends a field: whether there is one, its value, then what `_field` tells of it."""
    while at < size and text[at] == _SPACE:
        at += 1
    known, value, stop = number(text, at, size)
    if not known:
        return False, 0.0, at, at, _ODD, at
    following = stop
    while following < size and text[following] == _SPACE:
        following += 1
    what, following = _after(text, following, size, ends, delimiter)
    return what == 0 or what == _END, value, at, stop, what, following


@kernel
def cut_fields(
    text, size, ends, delimiter, quote, longest, empty, words, starts, stops, values, others, largest, found
):
    """The whole rows among the first `size` bytes of `text`, as many as there is room for.

    starts, stops (R, C) are the fields' places, values (C, R) what they are as numbers. others (C, R) is 1
    for what is to be looked at, which no number is written to: all of a column whose words (C,) is 1. An
    empty field is NaN if `empty` says that it is missing. largest (C,) is the largest |value|, 0 or more.
    `ends` says that the file ends with these bytes.

    found = (rows, bytes of them, lines of them, whether what follows must be read in another way: a row of
    more or fewer than C fields, a field longer than `longest`, a quote or a return out of place).
    """
    most, width = starts.shape
    rows, at, lines, odd = 0, 0, 0, False
    for column in range(width):
        largest[column] = 0.0
    while rows < most and at < size and not odd:
        if text[at] == _NEWLINE:
            at, lines = at + 1, lines + 1
            continue
        if text[at] == _RETURN and at + 1 < size and text[at + 1] == _NEWLINE:
            at, lines = at + 2, lines + 1
            continue
        here, more, column, what = at, 1, 0, 0
        while what == 0 and column < width:
            known = words[column] == 0
            if known:
                known, value, start, stop, what, following = _number(text, here, size, ends, delimiter)
            if not known:
                start, stop, what, following, within = _field(text, here, size, ends, delimiter, quote)
                more += within
                if stop - start > longest:
                    what = _ODD
                if words[column] != 0:
                    known = False
                elif start == stop and empty:
                    known, value = True, np.nan
                elif start > 0 and text[start - 1] == quote:
                    known, value, end = number(text, start, stop)
                    known = known and end == stop
            here = following
            starts[rows, column], stops[rows, column], others[column, rows] = start, stop, not known
            if known:
                values[column, rows] = value
                largest[column] = max(largest[column], abs(value))
            column += 1
        if what == _MORE:
            break
        odd = what != _END or column < width
        if not odd:
            rows, at, lines = rows + 1, here, lines + more
    found[0], found[1], found[2], found[3] = rows, at, lines, odd


@kernel
def tell_apart(text, starts, stops, rows, column, table, codes, firsts, found):
    """codes[n] = which of the distinct fields of a column is in row rows[n]; found[0] = how many there are.

    The k-th of them is first in row rows[firsts[k]]. `table`, filled with -1, is for the search: a power
    of two, more than rows.
    """
    last = table.shape[0] - 1
    distinct = 0
    for n in range(rows.shape[0]):
        start, stop = starts[rows[n], column], stops[rows[n], column]
        value = _HASH
        for at in range(start, stop):
            value = (value ^ np.uint64(text[at])) * _PRIME
        slot = np.int64((value ^ (value >> np.uint64(32))) & np.uint64(last))
        while table[slot] >= 0:
            if _same(text, starts, stops, rows[firsts[table[slot]]], column, start, stop):
                break
            slot = (slot + 1) & last
        if table[slot] < 0:
            table[slot] = distinct
            firsts[distinct] = n
            distinct += 1
        codes[n] = table[slot]
    found[0] = distinct


@inline
def _same(text, starts, stops, row, column, start, stop):
    """Whether a row's field holds the bytes from `start` up to `stop`."""
    other = starts[row, column]
    if stops[row, column] - other != stop - start:
        return False
    for k in range(stop - start):
        if text[other + k] != text[start + k]:
            return False
    return True

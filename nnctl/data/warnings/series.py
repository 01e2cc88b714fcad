"""Windows that run from one series of rows into another."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from nnctl.core.arrays import distinct_values
from nnctl.core.errors import Problem, warning
from nnctl.data.table import Column, Numbers, Words, as_words
from nnctl.data.time_format import look_like_times, seconds
from nnctl.data.warnings.base import Evidence

_TIME_NAME = re.compile(r"t|ts|ds|((unix|time|event)[\W_]?)?(time|timestamp|date|datetime|step)")
"""Not `travel_time` or `lead_time`: those are how long something takes."""
_CLOCK_NAME = re.compile(r"hr|clock|minute|period|(time[\W_]?)?slot|(.*[\W_])?(hour|time)")
_SERIES_NAME = re.compile(
    r"(.*[\W_])?(id|series|sensor|station|store|device|unit|machine|symbol|ticker|item|customer|patient|site)"
)
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[ap]m)?", re.I)
"""Times of a day, which come back every day."""
_HOUR = 3600.0
_HALF_A_YEAR = 180 * 86400.0
_HOURS = 24
"""Smaller numbers in a column called `time` may be hours of a day, which go back each night."""


def pieces_of_a_series(evidence: Evidence) -> Iterator[Problem]:
    """A group whose rows do not follow each other: windows end wherever another group comes between."""
    windows = evidence.spec.windows
    name = windows.group if windows is not None else None
    if name is None or name not in evidence.table.columns:
        return
    words = as_words(evidence.table.columns[name])
    firsts = np.append(0, np.flatnonzero(np.diff(words.codes)) + 1)
    groups, pieces = np.unique(words.codes[firsts], return_counts=True)
    if pieces.max() > 1:
        worst = int(np.argmax(pieces))
        word = words.vocabulary[int(groups[worst])] if groups[worst] >= 0 else "(missing)"
        yield warning(
            f"the rows of series '{word}' of column '{name}' stand in {pieces[worst]} pieces: no window runs "
            "from one into the next",
            ("data", "window" if windows == evidence.spec.window else "split", "group"),
            f"rows sorted by '{name}', then by time",
        )


def several_series(evidence: Evidence) -> Iterator[Problem]:
    """Windows without a group over rows that are not one series in order of time."""
    windows = evidence.spec.windows
    if windows is None or windows.group:
        return
    columns = evidence.table.columns
    times = {n: at for n, c in columns.items() if (at := _stamps(n, c)) is not None and len(at) >= 3}
    if any(bool((np.diff(at) > 0).all()) for at in times.values()):
        # Each row has its own time, and they are in order: other times and names are features.
        return
    named = next((n for n, c in columns.items() if _names_series(n, c)), None)
    turning = None if named else next((n for n, c in columns.items() if _turns(c)), None)
    found = named or turning
    clock = any(n not in times and _CLOCK_NAME.fullmatch(n.strip().lower()) for n in columns)
    back = next(((n, how) for n, at in times.items() if (how := _not_forward(at, clock))), None)
    group = found or "COLUMN"
    if back is not None:
        name, how = back
        message = f"windows follow the rows, but the time in column '{name}' {how}"
    elif found is not None:
        message = f"windows follow the rows, but column '{found}' says that they are of several series"
    else:
        return
    way = f"window: {{group: {group}}}, with the rows sorted by it and by time"
    only_backwards = back is not None and back[1] == _REVERSED
    yield warning(message, ("data", "window"), "the oldest row first" if only_backwards else way)


_REVERSED = "runs backwards"


def _not_forward(stamps: npt.NDArray[np.float64], clock: bool) -> str | None:
    """How times fail to be one series' own: they stand still, or go back.

    Args:
        clock: Another column says the time of day, so that a date may well stand still.
    """
    steps = np.diff(stamps)
    if bool((steps < 0).all()):
        return _REVERSED
    if bool((steps < 0).any()):
        return "goes back"
    # A few rows of one time may be an hour that a clock was put back by, or events of one second.
    still = 2 * int((steps == 0).sum()) >= len(steps)
    return "stands still from row to row" if still and not clock else None


def _stamps(name: str, column: Column) -> npt.NDArray[np.float64] | None:
    """What can be compared as times: dates in words, or numbers in a column called so."""
    if isinstance(column, Words):
        words = column.vocabulary
        if (column.codes < 0).any() or not look_like_times(words):
            return None
        return _without_clock_changes(np.array([seconds(word) for word in words])[column.codes])
    values = column.values
    if column.shape or not isinstance(values, np.ndarray) or not _TIME_NAME.fullmatch(name.strip().lower()):
        return None
    if values.dtype.kind == "f" and np.isnan(values).any():
        return None
    if "time" in name.lower() and (values < _HOURS).all():
        return None
    return values.astype(np.float64)


def _without_clock_changes(stamps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Local times of one series, without the hour by which clocks are put back once a year."""
    back = np.flatnonzero(np.diff(stamps) < 0)
    changes = all(stamps[i] - stamps[i + 1] <= _HOUR for i in back)
    rare = bool((np.diff(stamps[back]) > _HALF_A_YEAR).all())
    return np.maximum.accumulate(stamps) if len(back) and changes and rare else stamps


def _names_series(name: str, column: Column) -> bool:
    """Whether a column is called what numbers or names series, and has few values for many rows."""
    if column.shape or not _SERIES_NAME.fullmatch(name.strip().lower()):
        return False
    if isinstance(column, Numbers) and not (isinstance(column.values, np.ndarray) and column.integer):
        return False
    codes = as_words(column).codes
    return 2 <= len(distinct_values(codes)) <= len(codes) // 2


def _turns(column: Column) -> bool:
    """Whether words take strict turns (a, b, c, a, b, c), as those of interleaved series do."""
    if not isinstance(column, Words) or set(map(str.lower, column.vocabulary)) <= _CALENDAR:
        return False
    if all(map(_CLOCK.fullmatch, column.vocabulary)):
        return False
    codes, period = column.codes, len(column.vocabulary)
    if (
        period < 2
        or period in _OF_CALENDARS
        or len(codes) < 3 * period
        or len(distinct_values(codes[:period])) != period
    ):
        return False
    return bool((codes[period:] == codes[:-period]).all())


_OF_CALENDARS = (7, 12)
"""So many words in turns are as likely days or months, in whatever language."""
_CALENDAR = frozenset(
    """
    monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun
    january february march april may june july august september october november december
    jan feb mar apr jun jul aug sep sept oct nov dec q1 q2 q3 q4 am pm day night
    spring summer autumn fall winter morning noon afternoon evening weekday weekend
    """.split()  # noqa: SIM905
)
"""Words that take turns in one series as well."""

"""A time as text: read by ISO 8601 or a format, without locale, and taken apart into numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from nnctl.core.records import record

TimePart = Literal["year", "month", "day", "weekday", "hour", "minute", "second", "day_of_year", "epoch"]

ISO = "ISO 8601, e.g. 2024-05-17, 2024-05-17T08:30 or 2024-05-17 08:30:15.25Z"
_ISO = re.compile(
    r"(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"
    r"(?:[T ](?P<H>\d\d):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?)?\s?(?P<z>Z|[+-]\d\d:?\d\d)?)?",
    re.A,
)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DIRECTIVES = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d{2})",
    "m": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})",
    "M": r"(?P<M>\d{1,2})",
    "S": r"(?P<S>\d{1,2})",
    "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp][Mm])",
    "b": rf"(?P<b>{'|'.join(m[:3] for m in _MONTHS)})",
    "B": rf"(?P<B>{'|'.join(_MONTHS)})",
    "z": r"(?P<z>Z|[+-]\d\d:?\d\d)",
    "%": "%",
}


@record
class Time:
    """A time on the clock that it was written by; `seconds` and `offset` (from UTC) in seconds."""

    at: datetime
    seconds: float
    offset: int

    @property
    def epoch(self) -> float:
        """Seconds since 1970 began in Greenwich; a time without an offset is taken for one there."""
        days = self.at.toordinal() - 719163
        whole = days * 86400 + self.at.hour * 3600 + self.at.minute * 60 - self.offset
        return whole + self.seconds


PARTS: dict[str, Callable[[Time], float]] = {
    "year": lambda t: t.at.year,
    "month": lambda t: t.at.month,
    "day": lambda t: t.at.day,
    "weekday": lambda t: t.at.weekday(),
    "hour": lambda t: t.at.hour,
    "minute": lambda t: t.at.minute,
    "second": lambda t: t.seconds,
    "day_of_year": lambda t: t.at.timetuple().tm_yday,
    "epoch": lambda t: t.epoch,
}


def pattern(form: str | None) -> re.Pattern[str]:
    """What a time looks like: by a format of strptime's directives, or ISO 8601.

    Raises:
        ValueError: a directive is unknown, or stands there twice.
    """
    if form is None:
        return _ISO
    pieces = re.split(r"%(.?)", form)
    made = [re.escape(pieces[0])]
    for directive, text in zip(pieces[1::2], pieces[2::2], strict=True):
        if directive not in _DIRECTIVES:
            known = ", ".join(f"%{d}" for d in _DIRECTIVES)
            raise ValueError(f"'%{directive}' is none of {known}")
        made += [_DIRECTIVES[directive], re.escape(text)]
    try:
        return re.compile("".join(made), re.I | re.A)
    except re.error:
        raise ValueError("a directive stands there twice") from None


def parse(text: str, form: re.Pattern[str]) -> Time | None:
    """The time that `text` says, None if it says none."""
    found = form.fullmatch(text)
    if found is None:
        return None
    said = {name: value for name, value in found.groupdict().items() if value is not None}
    try:
        at = datetime(_year(said), _month(said), int(said.get("d", 1)), _hour(said), int(said.get("M", 0)))
    except ValueError:
        return None
    second = int(said.get("S", 0))
    fraction = said.get("f", "0")
    return Time(at, second + int(fraction) / 10 ** len(fraction), _offset(said)) if second < 60 else None


def _year(said: dict[str, str]) -> int:
    if "y" in said:
        short = int(said["y"])
        return short + (2000 if short < 69 else 1900)
    return int(said.get("Y", 1970))


def _month(said: dict[str, str]) -> int:
    name = said.get("B", said.get("b", "")).lower()
    if name:
        return next(i for i, month in enumerate(_MONTHS, 1) if month.startswith(name))
    return int(said.get("m", 1))


def _hour(said: dict[str, str]) -> int:
    if "I" not in said:
        return int(said.get("H", 0))
    hour = int(said["I"])
    if not 1 <= hour <= 12:
        raise ValueError("an hour of a twelve-hour clock is 1 to 12")
    return hour % 12 + (12 if said.get("p", "am").lower() == "pm" else 0)


def _offset(said: dict[str, str]) -> int:
    written = said.get("z", "Z").upper().replace(":", "")
    if written == "Z":
        return 0
    return (1 if written[0] == "+" else -1) * (int(written[1:3]) * 3600 + int(written[3:5]) * 60)


def look_like_times(words: Sequence[str]) -> bool:
    """Whether all the words are times by ISO 8601, and there are some."""
    looks = pattern(None)
    return bool(words) and all(parse(word, looks) is not None for word in words)


def seconds(text: str) -> float:
    """Since 1970, of a time by ISO 8601; NaN for what is none."""
    found = parse(text, pattern(None))
    return math.nan if found is None else found.epoch

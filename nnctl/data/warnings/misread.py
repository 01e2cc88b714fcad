"""Times, and numbers with commas, that enter as names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nnctl.core.errors import Problem, warning
from nnctl.data.columns.patterns import column_spec
from nnctl.data.preprocessing import CategoryPrep
from nnctl.data.reading.numerals import numbers_in_words
from nnctl.data.time_format import look_like_times
from nnctl.data.warnings.base import Evidence

_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})( \d{1,2}:\d\d(:\d\d)?)?")


def names_of_times_or_numbers(evidence: Evidence) -> Iterator[Problem]:
    """A column that nobody declared: each time or number would be a class, and no other is known."""
    for role in evidence.preprocessing.inputs.values():
        for name, prep in role.columns.items():
            if isinstance(prep, CategoryPrep) and (found := meant(evidence, name, prep)) is not None:
                what, way = found
                yield warning(
                    f"column '{name}' holds {what}, and enters as a category of {len(prep.words)} classes",
                    evidence.column_path(name),
                    way,
                )


def meant(evidence: Evidence, name: str, prep: CategoryPrep) -> tuple[str, str] | None:
    """(what the words of an undeclared input really are, how to say so), or None."""
    if column_spec(evidence.spec, name).kind is not None:
        return None
    if not any(name in columns for columns in evidence.roles.inputs.values()):
        return None
    parts = "parts: [month, weekday, hour], scale: standard"
    if look_like_times(prep.words):
        return "times", f"columns: {{{name}: {{type: time, {parts}}}}}"
    form = _format(prep.words)
    if form is not None:
        return "times", f'columns: {{{name}: {{type: time, format: "{form}", {parts}}}}}'
    return numbers_in_words(prep.words)


def _format(words: Sequence[str]) -> str | None:
    """The format of times such as 17.05.2024 8:30, if one fits all; the day first where both could be."""
    found = [_DATE.fullmatch(word) for word in words]
    if not found or not all(found):
        return None
    matches = [match for match in found if match]
    marks, clocks = {m[2] for m in matches}, {_clock(m) for m in matches}
    if len(marks) > 1 or len(clocks) > 1:
        return None
    first, second = (max(int(m[group]) for m in matches) for group in (1, 3))
    if first > 12 and second > 12:
        return None
    day, month = ("%m", "%d") if second > 12 else ("%d", "%m")
    return f"{day}{min(marks)}{month}{min(marks)}%Y{min(clocks)}"


def _clock(match: re.Match[str]) -> str:
    return "" if not match[5] else " %H:%M:%S" if match[6] else " %H:%M"

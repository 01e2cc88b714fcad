"""Columns of times as numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from nnctl.data.table import Origin, Words
from nnctl.data.time_format import ISO, PARTS, TimePart, parse, pattern


def numbers(
    words: Words, parts: Iterable[TimePart], form: str | None, name: str, origin: Origin
) -> npt.NDArray[np.float64]:
    """The parts (N, len(parts)) of a column of times; NaN where the value is missing.

    Raises:
        DataError: a word is no such time.
    """
    chosen, looks = [PARTS[part] for part in parts], pattern(form)
    table = np.full((len(words.vocabulary) + 1, len(chosen)), np.nan)
    for code, word in enumerate(words.vocabulary):
        time = parse(word, looks)
        if time is None:
            at = np.flatnonzero(words.codes == code)
            if not len(at):
                continue
            hint = f"expected {ISO}; or say `format:`" if form is None else f"the format is {form}"
            raise origin.error(f"'{word}' is no time", int(at[0]), name, hint=hint)
        table[code] = [part(time) for part in chosen]
    return table[words.codes]

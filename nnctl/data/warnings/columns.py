"""Columns that cannot mean what the config takes them for."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from nnctl.core.arrays import distinct_values
from nnctl.core.errors import Problem, warning
from nnctl.data.columns.sequences import look_like_sequences
from nnctl.data.columns.texts import look_like_texts
from nnctl.data.preprocessing import CategoryPrep, InputPrep, NumberPrep, TargetPrep
from nnctl.data.table import Numbers, as_words
from nnctl.data.warnings.base import Evidence
from nnctl.data.warnings.misread import meant

FEWEST = 20
"""Of fewer rows nothing is said: there, all values may well differ."""

ALMOST_ALL = 0.9
"""A column whose values differ in so many of the rows names rows, not classes."""

_CAMEL_ID = re.compile(r".*[a-z](Id|ID|Index|Idx|Key|Nr|No|Number)")
"""PassengerId, customerID."""
_ID = re.compile(r"(.*[\W_])?(id|ids|uuid|guid|index|idx|key|row|rownum|rownames|unnamed: 0|nr|no|number)")


def text_or_ids_as_classes(evidence: Evidence) -> Iterator[Problem]:
    """A category of which nearly every row has its own: what is learned of a class is never used again."""
    stored = evidence.preprocessing
    prepared: list[InputPrep | TargetPrep] = [*stored.inputs.values(), *stored.targets.values()]
    count = len(evidence.rows)
    for name, prep in {n: p for role in prepared for n, p in role.columns.items()}.items():
        if not isinstance(prep, CategoryPrep) or count < FEWEST or meant(evidence, name, prep) is not None:
            continue
        words = as_words(evidence.table.columns[name])
        present = distinct_values(words.codes[evidence.rows])
        cells = [words.vocabulary[code] for code in present[present >= 0].tolist()]
        if look_like_sequences(cells) and 2 * len(cells) > count:
            yield warning(
                f"column '{name}' holds sequences of numbers ({len(cells)} different ones in {count} rows), "
                "and enters as a category: each is a class of its own",
                evidence.column_path(name),
                f"columns: {{{name}: {{type: sequence, ...}}}}, or data.inputs without it",
            )
        elif look_like_texts(cells) and 2 * len(cells) > count:
            yield warning(
                f"column '{name}' holds text ({len(cells)} different ones in {count} rows), "
                "and enters as a category: each text is a class of its own",
                evidence.column_path(name),
                f"columns: {{{name}: {{type: text, ...}}}}, or data.inputs without it",
            )
        elif len(cells) >= ALMOST_ALL * count and evidence.whole:
            yield warning(
                f"column '{name}' has {len(cells)} classes in {count} training rows: it names rows, "
                "and says nothing about others",
                evidence.column_path(name),
                "{type: number} for what is a number, or data.inputs without it",
            )


def row_numbers(evidence: Evidence) -> Iterator[Problem]:
    """A column that counts the rows, by name and by value, among the numbers that are learned from."""
    for role in evidence.preprocessing.inputs.values():
        for name, prep in role.columns.items():
            column = evidence.table.columns[name]
            if not (isinstance(prep, NumberPrep) and isinstance(column, Numbers)):
                continue
            if column.shape or not isinstance(column.values, np.ndarray) or len(column) < FEWEST:
                continue
            if _names_rows(name) and bool((np.diff(column.values) == 1).all()):
                yield warning(
                    f"column '{name}' counts the rows, and enters as a number",
                    evidence.column_path(name),
                    "data.inputs without it",
                )


def _names_rows(name: str) -> bool:
    """Whether a column is called as ids and row numbers are."""
    name = name.strip()
    return bool(_ID.fullmatch(name.lower() or "id") or _CAMEL_ID.fullmatch(name))

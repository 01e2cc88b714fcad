"""Long lists of cases: an even sample of each kind is tried every day, the others are marked slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

import pytest

C = TypeVar("C")


def a_day(cases: Sequence[C], kind: Callable[[C], str], most: int) -> list[C]:
    """Of each kind an even sample of `most` cases, its last one among them, in their order."""
    counts, seen = Counter(map(kind, cases)), Counter[str]()
    found = []
    for case in cases:
        count, at = counts[kind(case)], seen[kind(case)]
        seen[kind(case)] += 1
        if count <= most or (at + 1) * most // count != at * most // count:
            found.append(case)
    return found


def everyday(values: Iterable[C], names: Collection[str], name: Callable[[C], str] = str) -> list[Any]:
    """The values as parameters by name: those that `names` has not are marked slow."""
    return [
        pytest.param(value, id=name(value), marks=() if name(value) in names else pytest.mark.slow)
        for value in values
    ]


def sampled(cases: Sequence[Any], kind: Callable[[Any], str], most: int) -> list[Any]:
    """The cases, tuples of arguments, as parameters: those of no everyday sample are marked slow."""
    kept = {id(case) for case in a_day(cases, kind, most)}
    return [pytest.param(*case, marks=() if id(case) in kept else pytest.mark.slow) for case in cases]

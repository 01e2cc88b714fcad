"""Sizes that know what they were computed from: a batch and lengths that an ONNX file leaves open.

An op graph has every axis known. It is composed here of whole numbers that carry a polynomial of the axes of
inputs: to all arithmetic they are ints, so that no layer and no op knows of them, and a shape that comes out
says how it follows from the inputs' shapes.
"""

from __future__ import annotations

from typing import Any

from nnctl.core.errors import ShapeError
from nnctl.core.records import record


@record
class OpenAxis:
    """An axis of an input whose size a file leaves open."""

    input: str
    axis: int


@record
class Quotient:
    """floor(of / by), where that is no polynomial."""

    of: Terms
    by: Terms


Atom = OpenAxis | Quotient
Monomial = tuple[Atom, ...]
"""A product, its factors in order; the empty one is 1."""
Terms = tuple[tuple[Monomial, int], ...]
"""A polynomial: monomials with their factors, the highest first; none of the factors is 0."""


class Size(int):
    """A whole number and the polynomial that it is a value of."""

    terms: Terms

    def __float__(self) -> float:
        raise ShapeError("it computes with a length that an ONNX file leaves open")

    def __add__(self, other: Any) -> Any:
        return _sum(self, other, 1)

    def __radd__(self, other: Any) -> Any:
        return _sum(other, self, 1)

    def __sub__(self, other: Any) -> Any:
        return _sum(self, other, -1)

    def __rsub__(self, other: Any) -> Any:
        return _sum(other, self, -1)

    def __neg__(self) -> Any:
        return self * -1

    def __mul__(self, other: Any) -> Any:
        return _product(self, other)

    def __rmul__(self, other: Any) -> Any:
        return _product(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _quotient(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _quotient(other, self)

    def __mod__(self, other: Any) -> Any:
        return self - self // other * other if isinstance(other, int) else int(self) % other


def open_axis(input: str, axis: int, value: int) -> Size:
    """An axis of an input, of this size for now."""
    return _sized(value, (((OpenAxis(input, axis),), 1),))


def terms_of(size: int) -> Terms:
    """The polynomial; that of a plain number is a constant."""
    if isinstance(size, Size):
        return size.terms
    return (((), int(size)),) if size else ()


def is_open(size: int) -> bool:
    """Whether it follows from axes that are left open."""
    return isinstance(size, Size)


def same(a: int, b: int) -> bool:
    """Whether two sizes are equal whatever open axes are."""
    return terms_of(a) == terms_of(b)


def _sized(value: int, terms: Terms) -> Size:
    made = Size(value)
    made.terms = terms
    return made


def _made(value: int, terms: dict[Monomial, int]) -> int:
    """The number: a plain one where it follows from nothing."""
    left = {monomial: factor for monomial, factor in terms.items() if factor}
    if not left.keys() - {()}:
        return value
    return _sized(value, tuple(sorted(left.items(), key=lambda term: _rank(term[0]), reverse=True)))


def _rank(monomial: Monomial) -> tuple[int, list[str]]:
    """The order of monomials: by their degree, then by their factors."""
    return len(monomial), [repr(atom) for atom in monomial]


def _sum(a: Any, b: Any, sign: int) -> Any:
    if not isinstance(a, int) or not isinstance(b, int):
        return NotImplemented
    terms = dict(terms_of(a))
    for monomial, factor in terms_of(b):
        terms[monomial] = terms.get(monomial, 0) + sign * factor
    return _made(int(a) + sign * int(b), terms)


def _product(a: Any, b: Any) -> Any:
    if not isinstance(a, int) or not isinstance(b, int):
        return NotImplemented
    terms: dict[Monomial, int] = {}
    for left, one in terms_of(a):
        for right, other in terms_of(b):
            both = _times(left, right)
            terms[both] = terms.get(both, 0) + one * other
    return _made(int(a) * int(b), terms)


def _times(left: Monomial, right: Monomial) -> Monomial:
    return tuple(sorted((*left, *right), key=repr))


def _quotient(a: Any, b: Any) -> Any:
    if not isinstance(a, int) or not isinstance(b, int):
        return NotImplemented
    value = int(a) // int(b)
    exact = _divided(dict(terms_of(a)), terms_of(b))
    if exact is not None:
        return _made(value, exact)
    return _made(value, {(Quotient(terms_of(a), terms_of(b)),): 1})


def _divided(terms: dict[Monomial, int], by: Terms) -> dict[Monomial, int] | None:
    """The polynomial that gives `terms` when multiplied by `by`; None where there is none."""
    (lead, factor), made = by[0], dict[Monomial, int]()
    while terms := {monomial: n for monomial, n in terms.items() if n}:
        highest = max(terms, key=_rank)
        rest = _without(highest, lead)
        if rest is None or terms[highest] % factor:
            return None
        made[rest] = terms[highest] // factor
        for monomial, n in by:
            both = _times(monomial, rest)
            terms[both] = terms.get(both, 0) - n * made[rest]
    return made


def _without(monomial: Monomial, factors: Monomial) -> Monomial | None:
    """The product without these factors; None where it has not all of them."""
    left = list(monomial)
    for factor in factors:
        if factor not in left:
            return None
        left.remove(factor)
    return tuple(left)

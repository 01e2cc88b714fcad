"""Reading the equation of an EinsumDense: which axis is which, and what is summed."""

from __future__ import annotations

import re
from typing import Literal

from nnctl.core.records import record

_FORM = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


@record
class Equation:
    """`x,kernel->y` in letters, and on which side of x and y further axes may stand ("..." there)."""

    x: str
    kernel: str
    y: str
    dots: Literal["left", "right"] | None

    def further(self, rank: int) -> list[str]:
        """The labels of the axes that "..." stands for in an x of `rank` axes."""
        count = rank - len(self.x) if self.dots else 0
        return [str(i) for i in range(count)]

    def with_dots(self, letters: str, rank: int) -> list[str]:
        """The labels of all axes of x or y, whose letters these are."""
        more = self.further(rank)
        return [*more, *letters] if self.dots == "left" else [*letters, *more]


def parse(text: str) -> Equation:
    """The equation that `text` writes.

    Raises:
        ValueError: it is none that can be computed, and why.
    """
    found = _FORM.fullmatch(text.replace(" ", ""))
    if found is None:
        raise ValueError("expected an equation such as 'ab,bc->ac', '...b,bc->...c' or 'ab...,bc->ac...'")
    before, x, behind, kernel, start, y, end = found.groups()
    if (before is None) != (start is None) or (behind is None) != (end is None) or (before and behind):
        raise ValueError("'...' stands on the same side of the input and of the output, and on one only")
    for letters in (x, kernel, y):
        if len(set(letters)) < len(letters):
            raise ValueError(f"an axis occurs twice in '{letters}'")
    for axis in y:
        if axis not in x + kernel:
            raise ValueError(f"the output's axis '{axis}' is neither the input's nor the kernel's")
    for axis in kernel:
        if axis not in x + y:
            raise ValueError(f"the kernel's axis '{axis}' is neither the input's nor the output's")
    if not before and (x[0] != y[0] or x[0] in kernel):
        raise ValueError(
            f"the input's first axis '{x[0]}' is the batch: the output's first, none of the kernel's"
        )
    return Equation(x, kernel, y, "left" if before else ("right" if behind else None))

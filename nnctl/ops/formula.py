"""What an op holds of a formula: the function, and the numbers that it takes beside its variables."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_ARITHMETIC = ("BINARY_OP", "UNARY_NEGATIVE", "CALL")


@dataclass(frozen=True)
class Formula:
    """A function of numbers that kernels are made of (`kernels/formula.py`), and its fixed arguments.

    Attributes:
        function: Takes its variables, then `numbers`.
    """

    function: Callable[..., Any]
    numbers: tuple[float, ...] = ()

    def typed(self, dtype: Any) -> tuple[Any, ...]:
        """The numbers as scalars of a float type, as kernels take them."""
        return tuple(np.dtype(dtype).type(number) for number in self.numbers)

    @property
    def operations(self) -> int:
        """The arithmetic in it: + - * / and calls."""
        return sum(i.opname in _ARITHMETIC for i in dis.get_instructions(self.function))

    def __str__(self) -> str:
        name = self.function.__qualname__
        return f"{name}({', '.join(map(repr, self.numbers))})" if self.numbers else name


def formula(function: Callable[..., Any], variables: int, known: Mapping[str, float]) -> Formula:
    """`function` with the arguments that follow its `variables` variables looked up by name.

    Raises:
        TypeError: it takes an argument that has no number.
    """
    names = list(inspect.signature(function).parameters)[variables:]
    missing = [name for name in names if name not in known]
    if missing:
        raise TypeError(f"{function.__qualname__} takes '{missing[0]}', which no field is called")
    return Formula(function, tuple(float(known[name]) for name in names))

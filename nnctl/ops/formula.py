"""What an op holds of a formula: the function, and the numbers that it takes beside its variables."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnctl.core.errors import FormulaError
from nnctl.core.records import record
from nnctl.core.spec import Spec
from nnctl.kernels.formula_text import check

_ARITHMETIC = ("BINARY_OP", "UNARY_NEGATIVE", "CALL")


@record
class Formula:
    """A function of numbers that kernels are made of (`kernels/formula_text.py`), and its fixed arguments.

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

    @property
    def calls(self) -> bool:
        """Whether it calls other functions."""
        return any(i.opname.startswith("CALL") for i in dis.get_instructions(self.function))

    def __str__(self) -> str:
        name = self.function.__qualname__
        return f"{name}({', '.join(map(repr, self.numbers))})" if self.numbers else name


def formula(
    function: Callable[..., Any], variables: int, spec: Spec, derived: Mapping[str, float] | None = None
) -> Formula:
    """`function` with the arguments that follow its `variables` variables: the spec's fields of those names.

    Args:
        derived: Numbers that are no fields, or take a field's place.

    A plugin's function is read at once, so that `check` finds what no kernel can be made of.

    Raises:
        FormulaError: it is no formula, or takes an argument that has no number.
    """
    known = {name: getattr(spec, name) for name in type(spec).model_fields} | dict(derived or {})
    if not function.__module__.startswith("nnctl."):
        check(function)
    names = list(inspect.signature(function).parameters)[variables:]
    for name in names:
        if not isinstance(known.get(name), int | float):
            message = f"{function.__qualname__} takes '{name}', but no field of numbers is called so"
            raise FormulaError(message, function.__code__.co_filename, function.__code__.co_firstlineno)
    return Formula(function, tuple(float(known[name]) for name in names))

"""What an activation of each element is: a formula of its value, and one of its slope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from nnctl.activations.base import ActivationFunction
from nnctl.core.ranges import Range
from nnctl.ops.activation import Activation
from nnctl.ops.base import Value
from nnctl.ops.formula import formula


class Elementwise(ActivationFunction):
    """y = value(x) for each element x.

    A subclass gives static methods that are formulas (`nnctl/kernels/formula_text.py`): `value(x)`, and
    `slope(x)`, the derivative at x, or `slope_by_output(y)`, the derivative where y came out, or both.
    Arguments after the first are the fields of those names.
    """

    between: ClassVar[Range]
    """Between what the outputs lie, whatever x is."""

    value: ClassVar[Any]
    slope: ClassVar[Any]
    slope_by_output: ClassVar[Any] = None

    def value_range(self, x: Range | None) -> Range | None:
        return self.between

    def derived(self) -> Mapping[str, float]:
        """Arguments of the formulas that are no fields, or take a field's place, by name."""
        return {}

    def output_tells(self) -> bool:
        """Whether `slope_by_output` is right for these fields. Then x need not be kept."""
        return self.slope_by_output is not None

    def clips(self) -> Range | None:
        """The bounds of a function that keeps x between them and does nothing else."""
        return None

    def apply(self, x: Value) -> Value:
        tells, derived = self.output_tells(), self.derived()
        slope = formula(self.slope_by_output if tells else self.slope, 1, self, derived)
        value = formula(self.value, 1, self, derived)
        return x.graph.add1(Activation(value, slope, tells, bounds=self.clips()), x)

"""Every formula that a registered class gives, by name."""

from __future__ import annotations

from nnctl.activations.base import activations
from nnctl.activations.elementwise import Elementwise
from nnctl.ops.activation import RELU, SIGMOID
from nnctl.ops.base import Graph
from nnctl.ops.formula import Formula


def of_activations() -> dict[str, Formula]:
    """Values and slopes, with the numbers of the defaults."""
    found = [RELU.value, RELU.slope, SIGMOID.value, SIGMOID.slope]
    for name in activations.names():
        cls = activations.get(name)
        assert cls is not None
        node = cls().apply(Graph("float32").input("x", (2,))).node
        found += [v for v in vars(node.op).values() if isinstance(v, Formula)] if node is not None else []
        if issubclass(cls, Elementwise):
            numbers = tuple(cls().numbers().values())
            given = (cls.value, cls.slope, cls.slope_by_output)
            found += [Formula(f, numbers) for f in given if f is not None]
    return {f.function.__qualname__: f for f in found}

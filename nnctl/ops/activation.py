"""Elementwise activations: one op by code, its gradient from the input or the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import ClassVar

from nnctl.core.arrays import Array
from nnctl.kernels import codes
from nnctl.ops.base import KernelCall, Node, Op, TensorType, Value
from nnctl.ops.parallel import widened


@dataclass(frozen=True)
class Activation(Op):
    """y = f(x). Codes and what a, b, c mean: kernels.codes, kernels.activation."""

    code: int
    a: float = 0.0
    b: float = inf
    c: float = 0.0
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    @property
    def plain(self) -> bool:
        """Whether the code alone says what it is: then producers may absorb it."""
        return (self.a, self.b, self.c) == (0.0, inf, 0.0)

    @property
    def from_output(self) -> bool:
        """Whether the gradient can be told from the output."""
        if self.code == codes.RELU:
            return self.plain
        if self.code in (codes.LEAKY_RELU, codes.ELU):
            # Else a negative input gives a positive output.
            return self.a >= 0
        return self.code not in codes.NEEDS_INPUT

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        return (inputs[0],)

    def grad(self, node: Node, *dys: Value | None) -> Sequence[Value | None]:
        (dy,) = dys
        assert dy is not None
        seen = node.outputs[0] if self.from_output else node.inputs[0]
        code = codes.ELU_FROM_INPUT if self.code == codes.ELU and not self.from_output else self.code
        return (dy.graph.add1(ActivationGrad(code, self.a, self.b, self.c), dy, seen),)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        x, y = inputs[0].reshape(-1), outputs[0].reshape(-1)
        args = (x, self.code, self.a, self.b, self.c, y)
        return (KernelCall(widened("activation.activation", y.size, threads), args),)


@dataclass(frozen=True)
class ActivationGrad(Op):
    """dx = f'(x) dy from (dy, v): v is the output, or the input where the output does not tell."""

    code: int
    a: float = 0.0
    b: float = inf
    c: float = 0.0
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    @property
    def plain(self) -> bool:
        """Whether the code alone says what it is: then producers of dy may absorb it."""
        return (self.a, self.b, self.c) == (0.0, inf, 0.0)

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        dy, v = inputs
        if dy != v:
            raise ValueError(f"the gradient is {dy}, the value {v}")
        return (dy,)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        dy, v = (x.reshape(-1) for x in inputs)
        dx = outputs[0].reshape(-1)
        args = (v, dy, self.code, self.a, self.b, self.c, dx)
        return (KernelCall(widened("activation.activation_grad", dx.size, threads), args),)


def activation(x: Value, name: str, *, a: float = 0.0, b: float = inf, c: float = 0.0) -> Value:
    """f(x) by name (kernels.codes.ACTIVATION_CODES); a, b, c as kernels.activation says."""
    code = codes.ACTIVATION_CODES[name]
    if code == codes.LINEAR:
        return x
    return x.graph.add1(Activation(code, float(a), float(b), float(c)), x)

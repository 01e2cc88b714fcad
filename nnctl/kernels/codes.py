"""The numbers by which kernels know activations; plain ints, importable without numba."""

from __future__ import annotations

LINEAR = 0
RELU = 1
SIGMOID = 2
TANH = 3
LEAKY_RELU = 4
ELU = 5
SELU = 6
HARD_SIGMOID = 7
SOFTPLUS = 8
SOFTSIGN = 9
SILU = 10
GELU = 11
GELU_TANH = 12
EXPONENTIAL = 13
ELU_FROM_INPUT = 14
"""The gradient of an elu whose output does not tell the input's sign; no activation of its own."""

ACTIVATION_CODES: dict[str, int] = {
    "linear": LINEAR,
    "relu": RELU,
    "sigmoid": SIGMOID,
    "tanh": TANH,
    "leaky_relu": LEAKY_RELU,
    "elu": ELU,
    "selu": SELU,
    "hard_sigmoid": HARD_SIGMOID,
    "softplus": SOFTPLUS,
    "softsign": SOFTSIGN,
    "silu": SILU,
    "gelu": GELU,
    "gelu_tanh": GELU_TANH,
    "exponential": EXPONENTIAL,
}

NEEDS_INPUT = frozenset({SILU, GELU, GELU_TANH})
"""Activations whose gradient is computed from the input; the others need the output only.

A relu with a slope, a largest value or a threshold also passes its input, and so does what is not monotone
because its slope or alpha is negative: the output's sign is then not the input's.
"""

# Elementwise arithmetic of two arrays
ADD, SUBTRACT, MULTIPLY, DIVIDE, MAXIMUM, MINIMUM = range(6)

# Elementwise functions of one array
NEGATE, ABSOLUTE, SIGN, SQUARE, SQRT, RSQRT, RECIPROCAL, EXP, LOG, LOG1P = range(10)

# What a reduction adds up
SUM, SUM_OF_SQUARES, SUM_OF_ABSOLUTES = range(3)

# Losses of two arrays of the same shape, a term an element
SQUARED_ERROR, ABSOLUTE_ERROR, ABSOLUTE_PERCENTAGE_ERROR, SQUARED_LOGARITHMIC_ERROR = range(4)
HUBER, HINGE, SQUARED_HINGE, BINARY_CROSSENTROPY, KL_DIVERGENCE = range(4, 9)

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946

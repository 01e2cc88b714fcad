"""The numbers by which kernels know activations; plain ints, importable without numba."""

from __future__ import annotations

# What recurrences apply in a step
LINEAR, RELU, SIGMOID, TANH, HARD_SIGMOID = range(5)

ACTIVATION_CODES: dict[str, int] = {
    "linear": LINEAR,
    "relu": RELU,
    "sigmoid": SIGMOID,
    "tanh": TANH,
    "hard_sigmoid": HARD_SIGMOID,
}

# Elementwise arithmetic of two arrays
ADD, SUBTRACT, MULTIPLY, DIVIDE, MAXIMUM, MINIMUM = range(6)

# Elementwise functions of one array
NEGATE, ABSOLUTE, SIGN, SQUARE, SQRT, RSQRT, RECIPROCAL, EXP, LOG, LOG1P = range(10)

# What a reduction adds up
SUM, SUM_OF_SQUARES, SUM_OF_ABSOLUTES = range(3)

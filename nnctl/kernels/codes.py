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

# Losses of two arrays of the same shape, a term an element
SQUARED_ERROR, ABSOLUTE_ERROR, ABSOLUTE_PERCENTAGE_ERROR, SQUARED_LOGARITHMIC_ERROR = range(4)
HUBER, HINGE, SQUARED_HINGE, BINARY_CROSSENTROPY, KL_DIVERGENCE = range(4, 9)

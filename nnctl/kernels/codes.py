"""The numbers by which kernels know what they are to do; plain ints, importable without numba."""

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

# What says of a product's matrix B that it is packed: else it is 1 where B is transposed
PACKED = 2

# Elementwise arithmetic of two arrays
ADD, SUBTRACT, MULTIPLY, DIVIDE, MAXIMUM, MINIMUM = range(6)

# Elementwise functions of one array
NEGATE, ABSOLUTE, SIGN, SQUARE, SQRT, RSQRT, RECIPROCAL, EXP, LOG, LOG1P = range(10)

# What a reduction adds up
SUM, SUM_OF_SQUARES, SUM_OF_ABSOLUTES = range(3)

# How an image goes on beyond its edges
FILL_CONSTANT, FILL_NEAREST, FILL_REFLECT, FILL_WRAP, FILL_MIRROR = range(5)

FILL_CODES: dict[str, int] = {
    "constant": FILL_CONSTANT,
    "nearest": FILL_NEAREST,
    "reflect": FILL_REFLECT,
    "wrap": FILL_WRAP,
    "mirror": FILL_MIRROR,
}

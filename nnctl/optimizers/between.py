"""What lies between gradients and steps: gathering gradients of several batches, averaging weights.

Formulas (`nnctl/kernels/formula_text.py`) of one pass each over all weights.
"""

from __future__ import annotations

GATHERED, AVERAGE = "gradient_accumulator", "average"
"""The slots for them, called as Keras's."""


def gathered(w: float, g: float, total: float, rate: float) -> tuple[float, float]:
    """One more gradient; the weight stays."""
    return w, total + g


def mean_of_gathered(
    w: float, g: float, mean: float, total: float, rate: float, gradient_accumulation_steps: float
) -> tuple[float, float, float]:
    """The mean of this gradient and those before, which takes the gradient's place; none is left then."""
    return w, (g + total) / gradient_accumulation_steps, 0


def averaged(w: float, g: float, average: float, momentum: float, overwrite: float) -> tuple[float, float]:
    """The moving average with the weight as it is now; the average in its place where it is time for that."""
    mean = momentum * average + (1 - momentum) * w
    return mean if overwrite > 0 else w, mean

"""Muon: matrices take steps whose singular values are all about 1; everything else is left to AdamW."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, NonNegativeFloat, NonNegativeInt
from pydantic_core import PydanticCustomError

from nnctl.core.real import power_int
from nnctl.optimizers import adam
from nnctl.optimizers.base import FlatUpdate, register
from nnctl.optimizers.gradient import GradientOptimizer

if TYPE_CHECKING:
    from nnctl.core.arrays import Array
    from nnctl.optimizers.in_keras import KeptWeight


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise PydanticCustomError(
            "pattern", "'{text}' is no pattern: {why}", {"text": text, "why": str(error)}
        ) from None
    return text


@register
class Muon(GradientOptimizer):
    """m = momentum m + g; w -= learning_rate rms_rate sqrt(max(R, C)) NS(g + momentum m), w a matrix (R, C).

    NS takes x / |x| through x = a x + (b A + c A A) x, A = x x^T, `ns_steps` times, which brings all singular
    values near 1. Weights of another number of axes and those that are excluded take AdamW's step.
    Source: keras.optimizers.Muon; Jordan et al. (2024); Liu et al., "Muon is scalable" (2025).
    """

    weight_decay: NonNegativeFloat | None = 0.004
    """Each step first takes weight_decay * learning_rate * weight off every matrix."""
    adam_beta_1: float = Field(default=0.9, ge=0.0, lt=1.0)
    """`beta_1` of AdamW."""
    adam_beta_2: float = Field(default=0.999, ge=0.0, lt=1.0)
    """`beta_2` of AdamW."""
    adam_weight_decay: NonNegativeFloat | None = 0.004
    """`weight_decay` of AdamW."""
    epsilon: NonNegativeFloat = 1e-7
    """`epsilon` of AdamW."""
    exclude_layers: list[Annotated[str, AfterValidator(_pattern)]] | None = None
    """Regular expressions: a weight in whose name (`layer/weight`) one is found is left to AdamW."""
    exclude_embeddings: bool = True
    """Whether weights with `embedding` in their name are left to AdamW."""
    muon_a: float = 3.4445
    """a of the iteration."""
    muon_b: float = -4.775
    """b of the iteration."""
    muon_c: float = 2.0315
    """c of the iteration."""
    adam_lr_ratio: NonNegativeFloat = 1.0
    """AdamW's learning rate, in units of this one's."""
    momentum: float = Field(default=0.95, ge=0.0, le=1.0)
    """How much of the gradients' sum stays each step."""
    ns_steps: NonNegativeInt = 5
    """How often the iteration is done."""
    nesterov: bool = True
    """Look ahead along the momentum."""
    rms_rate: NonNegativeFloat | None = 0.2
    """The root mean square of a matrix's step, in units of the learning rate; null: steps are not scaled."""

    def slots(self) -> Mapping[str, float]:
        return dict.fromkeys(["momentum", "velocity"], 0.0)

    def hyper(self, step: int, learning_rate: float) -> Sequence[float]:
        known_1, known_2 = (1.0 - power_int(b, step + 1) for b in (self.adam_beta_1, self.adam_beta_2))
        rate = learning_rate * self.adam_lr_ratio
        return (learning_rate, rate * math.sqrt(known_2) / known_1)

    def derived(self) -> Mapping[str, float]:
        return {"new_1": 1.0 - self.adam_beta_1, "new_2": 1.0 - self.adam_beta_2}

    def orthogonal(self, name: str, shape: tuple[int, ...]) -> bool:
        """Whether a weight takes Muon's step, and not AdamW's."""
        if len(shape) != 2 or (self.exclude_embeddings and "embedding" in name.lower()):
            return False
        return not any(re.search(pattern, name) for pattern in self.exclude_layers or ())

    def keras_slot(self, slot: str, of: KeptWeight) -> Array | None:
        if slot == "velocity" and self.orthogonal(of.name, of.values.shape):
            return None
        return of.slots[slot]

    def step(self, flat: FlatUpdate) -> None:
        from nnctl.ops.muon import orthogonal_step

        matrices, others = {}, []
        for name, shape, span in zip(flat.names, flat.shapes, pairwise(flat.starts), strict=True):
            if self.orthogonal(name, shape):
                matrices[span] = shape
            else:
                others.append(span)
        momentum, velocity = flat.slots["momentum"], flat.slots["velocity"]
        decay = self.adam_weight_decay or 0.0
        self.one_pass(flat, adam.after, [momentum, velocity], (0, 2), decay, others)
        # The direction takes the gradient's place: the formula's first slot.
        rule = ahead if self.nesterov else along
        decay = self.weight_decay or 0.0
        self.one_pass(flat, rule, [flat.gradients, momentum], (0, 1), decay, list(matrices))
        numbers = (self.muon_a, self.muon_b, self.muon_c)
        for (start, _), (rows, columns) in matrices.items():
            size = 1.0 if self.rms_rate is None else math.sqrt(max(rows, columns)) * self.rms_rate
            place = (start, rows, columns)
            orthogonal_step(flat.weights, flat.gradients, flat.hyper, place, numbers, self.ns_steps, size)


def along(w: float, g: float, u: float, m: float, rate: float, momentum: float) -> tuple[float, float, float]:
    """The sum of gradients, which also is the direction."""
    total = m + (g + m * (momentum - 1))
    return w, total, total


def ahead(w: float, g: float, u: float, m: float, rate: float, momentum: float) -> tuple[float, float, float]:
    """The sum of gradients, and the direction that looks ahead along it."""
    total = m + (g + m * (momentum - 1))
    return w, g + momentum * total, total

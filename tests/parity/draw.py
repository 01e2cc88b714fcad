"""Other values for the arguments of a class, drawn from what their types allow."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from nnctl.activations.base import activations
from nnctl.core.spec import OneOf, Spec
from nnctl.layers.sizes import Sizes
from nnctl.regularizers.base import regularizers

KEPT = frozenset(
    ["name", "type", "trainable", "training", "seed", "data_format", "unroll", "dtype", "reverse"]
)
"""Arguments that are not drawn: what they mean is no number, or is the same for every value."""

KEEP = object()
"""Drawn where a type does not say which values there are."""


def varied(draw: random.Random, cls: type[Spec], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a class with some of them drawn anew; whether they fit together is not asked."""
    made = dict(fields)
    for name, field in cls.model_fields.items():
        if name not in KEPT and draw.random() < 0.35:
            found = value(draw, field.annotation, field.metadata)
            if found is not KEEP:
                made[name] = found
    return made


def value(draw: random.Random, kind: Any, metadata: Sequence[Any] = ()) -> Any:
    """A value of a field's type, KEEP if the type is none that can be drawn from."""
    if get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        return value(draw, kind, [*metadata, *more])
    for known in metadata:
        if isinstance(known, Sizes):
            least = known.least
            return [draw.randint(least, least + 2) for _ in range(known.rank)]
        if isinstance(known, OneOf):
            return _member(draw, known)
    if get_origin(kind) in (Union, UnionType):
        choices = [part for part in get_args(kind) if part is not NoneType]
        if len(choices) < len(get_args(kind)) and draw.random() < 0.3:
            return None
        return value(draw, draw.choice(choices), metadata)
    if get_origin(kind) is Literal:
        return draw.choice(get_args(kind))
    if kind is bool:
        return draw.random() < 0.5
    if kind in (int, float):
        return _number(draw, kind, metadata)
    return KEEP


def _number(draw: random.Random, kind: Any, metadata: Sequence[Any]) -> Any:
    """A number within the bounds, near the lower one; KEEP for a whole number without one."""
    constraints = [c for m in metadata for c in (*getattr(m, "metadata", ()), m)]
    above = max((getattr(c, "gt", -math.inf) for c in constraints), default=-math.inf)
    least = max((getattr(c, "ge", -math.inf) for c in constraints), default=-math.inf)
    below = min((getattr(c, "lt", math.inf) for c in constraints), default=math.inf)
    most = min((getattr(c, "le", math.inf) for c in constraints), default=math.inf)
    low, high = max(above, least), min(below, most)
    if kind is int:
        if math.isinf(low):
            return KEEP
        start = int(low) + (above >= least)
        return draw.randint(start, int(min(high, start + 4)))
    low = low if math.isfinite(low) else -1.5
    high = min(high, low + 3)
    return round(low + (high - low) * draw.uniform(0.02, 0.98), 4)


def _member(draw: random.Random, field: OneOf) -> Any:
    """A member of a family: an activation or a regularizer; of others there is no drawing."""
    if field.registry is activations:
        # Keras's sparsemax is another function (`docs/keras_differences.md`).
        name = draw.choice([name for name in activations.names() if name != "sparsemax"])
        cls = activations.get(name)
        assert cls is not None
        return {"type": name, **varied(draw, cls, {})}
    if field.registry is regularizers:
        return {"type": "L1L2", "l1": round(draw.uniform(0, 0.1), 4), "l2": round(draw.uniform(0, 0.1), 4)}
    return KEEP


def lengths(draw: random.Random, shapes: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """The shapes with other lengths: axes that were equally long stay so, and 1 stays 1."""
    if draw.random() < 0.4:
        return [tuple(shape) for shape in shapes]
    old = sorted({length for shape in shapes for length in shape if length > 1})
    new = {length: max(2, length + draw.randint(-2, 3)) for length in old}
    return [tuple(new.get(length, length) for length in shape) for shape in shapes]

"""Holding what fills a weight, holds it in check or adds to the loss against the weight's shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nnctl.core.errors import Path, Problem, ShapeError
from nnctl.core.foreign import is_foreign, raised
from nnctl.layers.base import Layer, Weight


def weight_problems(layer: Layer, name: str, weights: Mapping[str, Weight], path: Path) -> Iterator[Problem]:
    """What is wrong with what fills and holds a layer's weights, at the fields where it stands."""
    for key, weight in weights.items():
        for part in (weight.initializer, weight.constraint, weight.regularizer):
            check = getattr(part, "check_shape", None)
            if check is None:
                continue
            at = (*path, *(_written(layer, part) or ()))
            what = f"the {key} of layer '{name}'"
            try:
                check(weight.shape)
            except ShapeError as error:
                yield Problem(f"{what}: {error}", (*at, *error.path), expected=error.expected)
            except Exception as error:
                if not is_foreign(part):
                    raise
                yield Problem(f"{what}: {raised(part, error)}", at)


def _written(layer: Layer, part: Any) -> Path | None:
    """The field, below the layer, that holds `part` or what it is made of (an LSTM's bias); None for none."""
    made_of = (part, getattr(part, "others", None))
    for field in type(layer).model_fields:
        given = getattr(layer, field)
        if given is not None and any(given is inner for inner in made_of):
            return (field,)
        below = _written(given, part) if isinstance(given, Layer) else None
        if below is not None:
            return (field, *below)
    return None

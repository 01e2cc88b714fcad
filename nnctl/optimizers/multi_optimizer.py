"""Several optimizers, each for the layers that its pattern names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import Problem, nearest
from nnctl.core.layer_patterns import listed, matches
from nnctl.core.spec import OneOf
from nnctl.optimizers.base import OptimizerSpec, Part, optimizers, register


def _single(optimizer: Any) -> Any:
    if isinstance(optimizer, MultiOptimizer):
        raise PydanticCustomError("nested_optimizer", "a MultiOptimizer cannot be inside another one")
    return optimizer


_Single = Annotated[Any, OneOf(optimizers), AfterValidator(_single)]


@register
class MultiOptimizer(OptimizerSpec):
    """Each weight is updated by the optimizer whose pattern names its layer; the others by the default.

    An optimizer clips, decays, averages and counts its own weights only. Learning rates are those of the
    optimizers: callbacks cannot set them, and the logs have the default's.
    Source: keras.optimizers.MultiOptimizer, keras.optimizers.OptimizerMap.
    """

    has_rate: ClassVar[bool] = False

    optimizer_map: dict[str, _Single] = {}
    """Optimizers by the name or pattern of layers (`conv*`, `encoder/*`; a nested model's name stands for its
    layers) or of weights (`*/bias`). What names a weight or its layer outright comes before patterns; of
    these only one may match."""
    default_optimizer: _Single = "rmsprop"
    """The optimizer of weights that nothing in `optimizer_map` matches."""

    @model_validator(mode="after")
    def _steps_together(self) -> Self:
        every = {getattr(o, "gradient_accumulation_steps", None) for o in self._all()}
        if len(every) > 1:
            raise PydanticCustomError(
                "accumulation", "'gradient_accumulation_steps' must be the same in all optimizers"
            )
        return self

    def _all(self) -> list[Any]:
        return [*self.optimizer_map.values(), self.default_optimizer]

    def _keys(self, weight: str) -> list[str]:
        """What in the map names a weight: one entry, none, or patterns that contradict each other."""
        for name in (weight, weight.rpartition("/")[0]):
            if name in self.optimizer_map:
                return [name]
        return [pattern for pattern in self.optimizer_map if matches(weight, pattern)]

    def parts(self, names: Sequence[str]) -> tuple[Part, ...]:
        shared: dict[str | None, list[str]] = {key: [] for key in (*self.optimizer_map, None)}
        for name in names:
            shared[next(iter(self._keys(name)), None)].append(name)
        default = shared.pop(None)
        found = [
            Part(self.optimizer_map[str(key)], tuple(own), ("optimizer_map", str(key)))
            for key, own in shared.items()
        ]
        found.append(Part(self.default_optimizer, tuple(default), ("default_optimizer",)))
        return tuple(part for part in found if part.names)

    def problems(self, names: Sequence[str]) -> list[Problem]:
        found = []
        chosen = {name: self._keys(name) for name in names}
        layers = list(dict.fromkeys(name.rpartition("/")[0] for name in names))
        for pattern in self.optimizer_map:
            path = ("optimizer_map", pattern)
            twice = [name for name, keys in chosen.items() if len(keys) > 1 and keys[-1] == pattern]
            if twice:
                message = f"'{twice[0]}' fits {listed(chosen[twice[0]])}, but one optimizer updates it"
                found.append(Problem(message, path, "patterns of which one fits each weight", at_key=True))
            elif not any(matches(name, pattern) for name in names):
                expected = f"one of {listed(layers)}, or a pattern"
                message, near = f"the model has no layer '{pattern}' with weights", nearest(pattern, layers)
                found.append(Problem(message, path, expected, near, at_key=True))
        return found

    def rate(self, step: int) -> float:
        rate: float = self.default_optimizer.rate(step)
        return rate

    def steps_after(self, batch: int) -> bool:
        steps: bool = self.default_optimizer.steps_after(batch)
        return steps

    @property
    def final_slot(self) -> str | None:
        return next((o.final_slot for o in self._all() if o.final_slot is not None), None)

"""`training.class_weight`: weights of classes, of the only output or by output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

Factor = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A finite number, 0 or more."""

OfClasses = Literal["balanced"] | Annotated[dict[str, Factor], Field(min_length=1)]
"""What an example, or a step, counts by its class, of one output."""


def goes_by_output(given: Any) -> bool:
    """Whether a mapping's keys are outputs, and no classes: whether its values are no numbers."""
    return isinstance(given, Mapping) and any(isinstance(part, str | Mapping) for part in given.values())


def _one_kind(given: dict[str, Any]) -> dict[str, Any]:
    if goes_by_output(given) and not all(isinstance(part, str | Mapping) for part in given.values()):
        raise PydanticCustomError(
            "class_weight", "some of it is by class and some by output; give one or the other"
        )
    return given


ClassWeight = (
    Literal["balanced"]
    | Annotated[dict[str, Factor | OfClasses], Field(min_length=1), AfterValidator(_one_kind)]
)
"""Weights of the only output's classes, or by output."""


def by_output(given: Any, outputs: Sequence[str]) -> Mapping[str, Any]:
    """What `class_weight` says of each output: where it names none, the same of all."""
    if given is None:
        return {}
    return given if goes_by_output(given) else dict.fromkeys(outputs, given)

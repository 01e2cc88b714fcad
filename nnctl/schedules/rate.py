"""A learning rate as a config gives it: a number or a schedule."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from nnctl.core.spec import OneOf
from nnctl.schedules.base import ScheduleSpec, schedules


class _NumberOrSchedule(OneOf):
    """A number that is not negative, the name of a schedule, or a mapping with `type`."""

    also = "a number, 0 or more"

    def resolve(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return super().resolve(value)
        if not (math.isfinite(value) and value >= 0):
            raise PydanticCustomError("learning_rate", "a learning rate is a finite number, not below 0")
        return float(value)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "anyOf": [{"type": "number", "minimum": 0}, super().__get_pydantic_json_schema__(schema, handler)]
        }


LearningRate = Annotated[Any, _NumberOrSchedule(schedules)]
"""A field that takes a number, or a schedule's name or mapping."""


def rate_at(rate: float | ScheduleSpec, step: int) -> float:
    """The learning rate of update `step`, counted from 0."""
    return rate.at(step) if isinstance(rate, ScheduleSpec) else float(rate)

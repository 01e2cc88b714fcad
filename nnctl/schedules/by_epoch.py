"""A learning rate by epochs: a schedule, or a table of the epochs from which on a rate holds."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from nnctl.core.spec import OneOf, Spec
from nnctl.schedules.base import schedules
from nnctl.schedules.piecewise import PiecewiseConstantDecay


class _TableOrSchedule(OneOf):
    """A mapping from epochs to rates, the name of a schedule, or a mapping with `type`."""

    also = "a table such as {0: 0.1, 10: 0.01}"

    def resolve(self, value: Any) -> Spec:
        if isinstance(value, dict) and value and all(str(key).isdecimal() for key in value):
            return _table({int(key): rate for key, rate in value.items()})
        return super().resolve(value)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        table = {
            "type": "object",
            "propertyNames": {"pattern": "^[0-9]+$"},
            "additionalProperties": {"type": "number", "minimum": 0},
            "minProperties": 2,
        }
        return {"anyOf": [table, super().__get_pydantic_json_schema__(schema, handler)]}


def _table(rates: dict[int, Any]) -> PiecewiseConstantDecay:
    """What holds from each of these epochs on, as the schedule that says up to which epoch."""
    if 0 not in rates or len(rates) < 2:
        raise PydanticCustomError(
            "table", "a table says the rate of epoch 0 and from which epoch on another holds"
        )
    for epoch, rate in rates.items():
        number = isinstance(rate, int | float) and not isinstance(rate, bool)
        if not (number and math.isfinite(rate) and rate >= 0):
            raise PydanticCustomError(
                "table", "the rate of epoch {epoch} is no finite number, 0 or more", {"epoch": epoch}
            )
    first, *others = sorted(rates)
    values = [float(rates[epoch]) for epoch in (first, *others)]
    return PiecewiseConstantDecay(boundaries=[float(epoch - 1) for epoch in others], values=values)


ByEpoch = Annotated[Any, _TableOrSchedule(schedules)]
"""A field that takes a table of epochs, counted from 0, or a schedule's name or mapping."""

"""Fields that take one whole number or one a spatial axis: `kernel_size: 3` is `[3, 3]`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


class Sizes:
    """Annotation of a tuple field of `rank` whole numbers, each at least `least`."""

    def __init__(self, rank: int, least: int = 1) -> None:
        self.rank = rank
        self.least = least

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        number = {"type": "integer", "minimum": self.least}
        several = {"type": "array", "items": number, "minItems": self.rank, "maxItems": self.rank}
        return {"anyOf": [number, several]}

    def read(self, value: Any) -> tuple[int, ...]:
        """The sizes that `value` (a number or a list of `rank` numbers) stands for.

        Raises:
            PydanticCustomError: it is neither.
        """
        sizes = tuple(value) if isinstance(value, list | tuple) else (value,) * self.rank
        if len(sizes) != self.rank or not all(self._fits(n) for n in sizes):
            raise PydanticCustomError(
                "sizes",
                "expected a whole number from {least} up, or a list of {rank}",
                {"least": self.least, "rank": self.rank},
            )
        return sizes

    def _fits(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= self.least


Single = Annotated[tuple[int], Sizes(1)]
"""One size, at least 1, for layers over one spatial axis."""
Pair = Annotated[tuple[int, int], Sizes(2)]
"""Height and width, each at least 1."""
Triple = Annotated[tuple[int, int, int], Sizes(3)]
"""Depth, height and width, each at least 1."""
PairFromZero = Annotated[tuple[int, int], Sizes(2, least=0)]
"""Two counts, each at least 0."""
SingleFromZero = Annotated[tuple[int], Sizes(1, least=0)]
"""One count, at least 0."""
TripleFromZero = Annotated[tuple[int, int, int], Sizes(3, least=0)]
"""Three counts, each at least 0."""


def _along(axes: int) -> Callable[[Any], Any]:
    """What makes a number for each axis of one number."""
    return lambda value: (value,) * axes if isinstance(value, int) else value


_Two = tuple[PairFromZero, PairFromZero]
_Three = tuple[PairFromZero, PairFromZero, PairFromZero]

AroundTwo = Annotated[_Two, BeforeValidator(_along(2), json_schema_input_type=int | _Two)]
"""(before, after) for each of two axes. Keras's short forms: 1 is [1, 1], and [1, 2] is [[1, 1], [2, 2]]."""
AroundThree = Annotated[_Three, BeforeValidator(_along(3), json_schema_input_type=int | _Three)]
"""(before, after) for each of three axes, with the same short forms."""

"""A model's prediction as one C99 file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from nnctl.formats.exports.base import (
    CLASS_NAMES,
    PREDICTION,
    PREPARATION,
    WEIGHTS,
    ExportFormat,
    TrainedModel,
    register,
)


@register
class c(ExportFormat):
    """The prediction of one example, with the bits that `nnctl predict` gives; needs only a C library."""

    opened_by = "a C99 compiler"
    ending = ".c"
    layers: ClassVar[Mapping[str, str]] = {}
    keeps = (PREDICTION, WEIGHTS, PREPARATION, CLASS_NAMES)

    def kept(self, model: TrainedModel) -> tuple[str, ...]:
        from nnctl.formats.c.trained import columns_of_model

        prepared = not isinstance(columns_of_model(model), str)
        return tuple(part for part in self.keeps if prepared or part != PREPARATION)

    def pieces(self, model: TrainedModel) -> list[bytes]:
        from nnctl.formats.c.trained import c_file

        text = "\n".join(c_file(model).lines())
        return [f"{text}\n".encode()]

    def hint(self, model: TrainedModel, file: str) -> str:
        from nnctl.formats.c.trained import columns_of_model

        columns = columns_of_model(model)
        compiler = f"cc -std=c99 -O3 -march=native -c {file}"
        hint = f"compile it with {compiler}; the comment at its top says how to use it"
        if isinstance(columns, str):
            hint += f"; inputs are taken as nnctl prepares them, since {columns}"
        return hint

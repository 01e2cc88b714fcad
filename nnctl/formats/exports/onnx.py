"""A whole model for what runs ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from nnctl.core.visible import listed
from nnctl.formats.exports.base import (
    CLASS_NAMES,
    PREDICTION,
    PREPARATION,
    WEIGHTS,
    ExportFormat,
    TrainedModel,
    register,
)

if TYPE_CHECKING:
    from nnctl.formats.onnx.preparation import GivenInput


@register
class onnx(ExportFormat):
    """A model in ONNX's operators, with its weights."""

    opened_by = "ONNX Runtime, and what else reads ONNX"
    ending = ".onnx"
    layers: ClassVar[Mapping[str, str]] = {
        "ContrastLimitedAdaptiveHistogramEqualization": "there is no operator for histograms",
        "Hashing": "there is no operator for hashes",
        "HashedCrossing": "there is no operator for hashes",
    }
    package: ClassVar[str | None] = "onnx"
    keeps = (PREDICTION, WEIGHTS, PREPARATION, CLASS_NAMES)

    def kept(self, model: TrainedModel) -> tuple[str, ...]:
        from nnctl.formats.onnx.preparation import planned_inputs

        prepared = all(plan.why is None for plan in planned_inputs(model).values())
        return tuple(part for part in self.keeps if prepared or part != PREPARATION)

    def pieces(self, model: TrainedModel) -> list[bytes]:
        from nnctl.formats.onnx.model import onnx_file

        return [onnx_file(model)]

    def hint(self, model: TrainedModel, file: str) -> str:
        from nnctl.formats.onnx.preparation import planned_inputs

        planned = planned_inputs(model)
        taken = [told(given) for plan in planned.values() for given in plan.given]
        left = [
            f"'{name}' takes what training prepared ({plan.why})"
            for name, plan in planned.items()
            if plan.why is not None
        ]
        return "; ".join([f"it takes {', '.join(dict.fromkeys(taken))}", *left])


def told(given: GivenInput) -> str:
    """An input in words."""
    if not given.columns:
        return f"'{given.name}'"
    kind = "texts" if given.dtype == "str" else given.dtype
    columns = "" if given.columns == (given.name,) else f" of {listed(given.columns)}"
    return f"'{given.name}' ({kind}{columns})"

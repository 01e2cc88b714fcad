"""What a format of predictions is: a file that grows block by block, chosen by its ending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nnctl.core.errors import ConfigError, Problem
from nnctl.core.records import record
from nnctl.core.registry import Registry

if TYPE_CHECKING:
    from nnctl.core.arrays import Array
    from nnctl.storage.growing import GrowingFile

formats: Registry[PredictionFormat] = Registry("prediction format", "nnctl.formats.predictions")
register = formats.register


@record
class ShownOutput:
    """How one output is shown.

    Attributes:
        output: The model's name for it.
        name: What it is called: the target that it was trained towards.
        shape: The shape of one example.
        classes: The classes it tells apart; one number each, along the last axis.
        parts: What its numbers are called, where the target has several columns.
    """

    output: str
    name: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] | None = None
    parts: tuple[str, ...] | None = None

    @property
    def likeliest(self) -> tuple[str, ...]:
        """The classes of which one is named beside the numbers; none where an example has several."""
        return self.classes if self.classes is not None and len(self.shape) == 1 else ()

    @property
    def labels(self) -> list[str]:
        """A name for each number."""
        width = prod(self.shape)
        if self.likeliest:
            return [f"{self.name}_{c}" for c in self.likeliest]
        if self.parts is not None and len(self.parts) == width:
            return list(self.parts)
        return [self.name] if width == 1 else [f"{self.name}_{i}" for i in range(width)]

    @property
    def columns(self) -> list[str]:
        """The columns of a CSV: for classes, the likeliest one stands first."""
        return [self.name, *self.labels] if self.likeliest else self.labels


@dataclass
class PredictionFormat:
    """A file of predictions; its class's name is the ending that chooses it.

    The first line of a subclass's docstring says what a file holds.

    Attributes:
        file: What is written to.
        shown: The outputs, in order.
        kept: The names of what is carried over from the input, in order.
    """

    bare: ClassVar[bool] = False
    """Whether it holds what the model gives as it gives it: logits stay, and classes have no names."""

    file: GrowingFile
    shown: Sequence[ShownOutput]
    kept: Sequence[str]

    @classmethod
    def names(cls, shown: Sequence[ShownOutput]) -> set[str]:
        """The names that a file gives to predictions, so that what is carried over needs others."""
        return {each.name for each in shown}

    def __post_init__(self) -> None:
        """Write what stands at the start.

        Raises:
            ConfigError: a file of this format cannot hold what it is asked to.
        """

    def add(self, outputs: Mapping[str, Array], kept: Mapping[str, Sequence[Any]]) -> None:
        """Append a block of N examples.

        Args:
            outputs: (N, ...) by the model's output.
            kept: Columns that are carried over, text or numbers (N,) by name.
        """
        raise NotImplementedError

    def finish(self) -> None:
        """Write what stands at the end, or needs to be known at the start."""


def endings(names: Sequence[str]) -> list[str]:
    """The endings of the formats called `names`."""
    return [f".{name}" for name in names]


def format_of(path: Path) -> type[PredictionFormat]:
    """The format that the ending of `path` chooses. Raises ConfigError where none does."""
    found = formats.get(path.suffix[1:])
    if found is None:
        message = f"cannot tell what to write by the ending of '{path}'"
        raise ConfigError(Problem(message, expected=", ".join(endings(formats.names()))))
    return found

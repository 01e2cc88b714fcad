"""What a format to import is: how its files are told from others, and what a model's file gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.core.registry import Registry
from nnctl.formats.keras.reading.found import Findings

if TYPE_CHECKING:
    from nnctl.graph.model import LayerGraph
    from nnctl.spec.language.model import ModelSpec

imports: Registry[ImportFormat] = Registry("import format", "nnctl.formats.imports")
register = imports.register

HEAD = 4096
"""The bytes that a file's format is told by."""

Weights = Mapping[str, Array]


@record
class Opened:
    """A file that is read.

    Attributes:
        path: As the user named it.
        file: The same, open; whoever opened it closes it.
        head: Its first bytes.
        size: In bytes.
        stack: What is closed before the file is: readers that go through it.
    """

    path: Path
    file: BinaryIO
    head: bytes
    size: int
    stack: ExitStack


@record
class ArrayInfo:
    """An array in a file: its path there, its type and shape. Nothing of it is read."""

    path: str
    dtype: str
    shape: tuple[int, ...]


@record
class Imported:
    """What a file holds of a model.

    Attributes:
        made_by: What wrote it, and how.
        name: What the model is called there.
        model: None where the file holds weights alone.
        training: Parts of a `training` section, as plain data.
        dtype: What it computes in.
        weights: Reads them, by full name and as the type that is asked for, for the model that was built of
            this one (or of another file's); None where the file has none. What does not fit is told to the
            findings it is given.
        arrays: Every array that is in the file.
        layers: Of what each layer of the model is in the file, by its path in the model; for whoever reads
            weights from another file.
    """

    made_by: str
    name: str = "model"
    model: ModelSpec | None = None
    training: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    weights: Callable[[ModelSpec, LayerGraph, str, Findings], Weights] | None = None
    arrays: tuple[ArrayInfo, ...] = ()
    layers: Mapping[str, Any] = field(default_factory=dict)


class ImportFormat:
    """A format that `nnctl import` reads; the first line of a subclass's docstring says what a file holds."""

    written_by: ClassVar[str]
    """What writes such files, for the documentation."""
    ending: ClassVar[str]
    """What names of files usually end in."""
    layers: ClassVar[Mapping[str, str] | None] = None
    """What a format that has layers by name does not bring over, by layer; None: it has none by name."""
    package: ClassVar[str | None] = None
    """A package that reading needs and nnctl does not: the extra of nnctl that brings it has its name."""

    def recognises(self, opened: Opened) -> bool:
        """Whether the file is of this format; asked of each in turn."""
        raise NotImplementedError

    def read(self, opened: Opened, findings: Findings, layers: Mapping[str, Any]) -> Imported:
        """What the file holds. Its arrays are read later, by `Imported.weights`.

        Args:
            findings: Told of all that does not come over.
            layers: `Imported.layers` of the model whose weights these are, where that is another file.

        Raises:
            RunError: it is damaged, or more than is read.
        """
        raise NotImplementedError

"""A Keras model as its config has it: layers with their calls, of whichever version wrote it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nnctl.formats.keras.scopes import Tensor
from nnctl.layers.base import layers


def public_name(kind: str) -> str:
    """What Keras calls a class in public: a legacy file has the name in its source."""
    return next((cls.__name__ for cls in layers.classes() if cls.in_keras.class_name == kind), kind)


@dataclass
class Call:
    """One call of a layer.

    Attributes:
        reads: The tensors that come in by place, lists taken apart.
        nested: Whether they came as one list.
        tensors: Those that come in by name.
        values: Everything else that was given by name.
        constants: What stood among the tensors and is none, by its place.
    """

    reads: list[Tensor] = field(default_factory=list)
    nested: bool = False
    tensors: dict[str, list[Tensor]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    constants: dict[int, Any] = field(default_factory=dict)

    def all(self) -> list[Tensor]:
        """Every tensor that it reads."""
        return [*self.reads, *(tensor for given in self.tensors.values() for tensor in given)]


@dataclass
class Part:
    """A layer, an operation, an input or a nested model.

    Attributes:
        kind: The class that the file names.
        place: Where in the file it stands, as messages say it.
        module: The module that the file names, never imported; "" where it names none.
        registered: Under what name a class of the user's own is registered.
        entries: Of a file that nnctl wrote: name and place of the entry that each call was.
        called: The class that the file names, where another stands in its place.
        first: Whether its channels come first in the file (`channels`).
        number: Its place in the model's list of layers.
        unmasked: The calls, by their names here, that are not given a mask although one is an argument.
        inner: What is in a nested model.
    """

    kind: str
    name: str
    config: dict[str, Any]
    place: str
    calls: list[Call] = field(default_factory=list)
    module: str = ""
    registered: str | None = None
    entries: list[tuple[str, int]] = field(default_factory=list)
    called: str = ""
    first: bool = False
    number: int = 0
    unmasked: set[str] = field(default_factory=set)
    inner: Chart | None = None


@dataclass
class Chart:
    """A model: its parts by name in the file's order, what comes in and what goes out.

    Attributes:
        chain: Whether it is a Sequential: each part reads the one before it.
        version: Of the Keras that wrote it: 1, 2 or 3.
    """

    name: str
    chain: bool
    trainable: bool
    place: str
    version: int
    parts: dict[str, Part] = field(default_factory=dict)
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)

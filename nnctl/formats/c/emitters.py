"""What writes each kind of op in C; modules of `formats/c/ops` register it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING

from nnctl.core.errors import ConfigError, Problem
from nnctl.core.records import record
from nnctl.ops.base import Node, Op

if TYPE_CHECKING:
    from nnctl.formats.c.writer import Writer

Emit = Callable[["Writer", Node], None]
Room = Callable[[Node], int]


@record
class Emitter:
    """How an op is written.

    Attributes:
        emit: Writes a node's lines.
        room: Elements of the model's float type that it needs for itself meanwhile.
    """

    emit: Emit
    room: Room


_EMITTERS: dict[type[Op], Emitter] = {}
_PACKAGE = "nnctl.formats.c.ops"


def _none(node: Node) -> int:
    return 0


def emits(*ops: type[Op], room: Room = _none) -> Callable[[Emit], Emit]:
    """Decorate the function that writes nodes of these ops."""

    def register(emit: Emit) -> Emit:
        _EMITTERS.update({op: Emitter(emit, room) for op in ops})
        return emit

    return register


def emitter_of(node: Node) -> Emitter:
    """What writes a node.

    Raises:
        ConfigError: nothing does; the layer is named.
    """
    if not _EMITTERS:
        package = importlib.import_module(_PACKAGE)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{_PACKAGE}.{module.name}")
    found = _EMITTERS.get(type(node.op))
    if found is None:
        raise refused(node, f"its {type(node.op).__name__} is not written in C")
    return found


def refused(node: Node, why: str) -> ConfigError:
    """The error of a node that C cannot have."""
    return ConfigError(Problem(f"--format c cannot write the layer '{node.origin}': {why}"))

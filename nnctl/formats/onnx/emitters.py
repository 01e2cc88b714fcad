"""Which emitter writes an op: one for each class, registered in the modules `emit_*`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

import nnctl.formats.onnx
from nnctl.formats.onnx.writer import Writer
from nnctl.ops.base import Node, Op

Emitter = Callable[[Writer, Node], None]
"""Adds to the graph what a node makes, and gives the node's outputs names."""

_emitters: dict[type[Op], Emitter] = {}


def emits(*ops: type[Op]) -> Callable[[Emitter], Emitter]:
    """Decorator: the emitter of these classes of ops."""

    def register(emitter: Emitter) -> Emitter:
        _emitters.update(dict.fromkeys(ops, emitter))
        return emitter

    return register


class NoOperator(Exception):
    """What a node does has no operators in ONNX; the message says why."""


def emit(writer: Writer, node: Node) -> None:
    """Write a node.

    Raises:
        NoOperator: it cannot be written.
    """
    emitter = _all().get(type(node.op))
    if emitter is None:
        raise NoOperator(f"there are no operators for {type(node.op).__name__} in ONNX")
    writer.origin = node.origin
    emitter(writer, node)


@cache
def _all() -> dict[type[Op], Emitter]:
    for module in pkgutil.iter_modules(nnctl.formats.onnx.__path__):
        if module.name.startswith("emit_"):
            importlib.import_module(f"nnctl.formats.onnx.{module.name}")
    return _emitters

"""Numbers of classes, bins and places in vocabularies."""

from __future__ import annotations

import numpy as np

from nnctl.formats.onnx.emitters import NoOperator, emits
from nnctl.formats.onnx.formulas import arctan2
from nnctl.formats.onnx.types import element_type
from nnctl.formats.onnx.writer import Writer
from nnctl.ops.angle import Angle
from nnctl.ops.base import Node
from nnctl.ops.categories import Bins, CountRows
from nnctl.ops.hashing import Bucket, Cross, Hash, LookUp
from nnctl.ops.histograms import EqualizeTiles


@emits(CountRows)
def count_rows(w: Writer, node: Node) -> None:
    """How often each of 0 .. depth - 1 is in a row (R, T), by weights if there are any."""
    op, (numbers, *weights), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, CountRows)
    column = w.seen(numbers, (*numbers.shape, 1))
    found = w.node("Equal", column, w.constant(np.arange(op.depth, dtype=np.int64)))
    counts = w.node("Cast", found, to=element_type(op.dtype))
    if weights:
        counts = w.node("Mul", counts, w.seen(weights[0], (*numbers.shape, 1)))
    w.give(y, w.node("ReduceMax" if op.once else "ReduceSum", counts, w.ints(1), keepdims=0))


@emits(Bins)
def bins(w: Writer, node: Node) -> None:
    """How many of the boundaries are at most x."""
    (x, boundaries), (y,) = node.inputs, node.outputs
    reached = w.node("GreaterOrEqual", w.seen(x, (*x.shape, 1)), w.plain(boundaries))
    ones = w.node("Cast", reached, to=element_type("int64"))
    w.give(y, w.node("ReduceSum", ones, w.ints(len(x.shape)), keepdims=0))


@emits(Angle)
def angle(w: Writer, node: Node) -> None:
    """The angle of points."""
    w.give(node.outputs[0], arctan2(w, *map(w.plain, node.inputs)))


@emits(LookUp)
def look_up(w: Writer, node: Node) -> None:
    """Places of known tokens, else a bin of the number."""
    op, (x, tokens, places), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, LookUp)
    name = w.plain(x)
    keys, values = w.array(tokens), w.array(places)
    if keys is None or values is None:
        raise NoOperator("its vocabulary is not fixed")
    found = _bin(w, name, op.others)
    if keys.size:
        known = w.node(
            "LabelEncoder", name, domain="ai.onnx.ml",
            keys_int64s=keys.tolist(), values_int64s=values.tolist(), default_int64=-1,
        )  # fmt: skip
        missing = w.node("Less", known, w.number(0, "int64"))
        found = w.node("Where", missing, found, known)
    w.give(y, _masked(w, name, op.masked, op.masked_place, found))


@emits(Hash)
def hash_(w: Writer, node: Node) -> None:
    """A bin of each number."""
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, Hash)
    name = w.plain(x)
    w.give(y, _masked(w, name, op.masked, 0, _bin(w, name, op.bucket)))


def _bin(w: Writer, name: str, bucket: Bucket) -> str:
    if bucket.by != "remainder":
        raise NoOperator("it hashes the digits of numbers, for which ONNX has no operator")
    rest = w.node("Mod", name, w.number(bucket.bins, "int64"))
    return w.node("Add", rest, w.number(bucket.first, "int64")) if bucket.first else rest


def _masked(w: Writer, x: str, masked: int | None, place: int, found: str) -> str:
    if masked is None:
        return found
    at = w.node("Equal", x, w.number(masked, "int64"))
    return w.node("Where", at, w.number(place, "int64"), found)


@emits(Cross)
def cross(w: Writer, node: Node) -> None:
    """Refused."""
    raise NoOperator("it hashes the digits of numbers, for which ONNX has no operator")


@emits(EqualizeTiles)
def equalize_tiles(w: Writer, node: Node) -> None:
    """Refused."""
    raise NoOperator("it counts shades in histograms, for which ONNX has no operator")

"""What an ONNX graph is written into: nodes in order, constants, and the tensor that each value is.

A value may be there in several forms, and is brought into the one that a reader asks for: in its own shape
(`plain`), with its channels before its spatial axes, as ONNX's convolutions have them (`first`), with axes of
length 1 where it only repeats (`loose`). Views cost nothing until their shape is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.formats.onnx.sizes import OpenAxis, Quotient, Terms, is_open, same, terms_of
from nnctl.ops.base import Graph, Node, Value
from nnctl.ops.elementwise import Fill
from nnctl.ops.shape import Copy, Reshape
from nnctl.ops.sums import Spread

Shape = tuple[int, ...]


@record
class Written:
    """One node: an operator of a domain with its attributes, the names of what it reads and makes."""

    name: str
    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


class Writer:
    """A graph in the making.

    Args:
        source: What is written.
        taken: Names that nodes and tensors cannot have.

    Attributes:
        nodes: In order.
        constants: Arrays by name.
        arrays: Values that are known when a file is written: weights, constants, and what follows from them.
        weights: Those that are weights.
        inputs: The tensor that each of the model's inputs is.
        origin: What the names of nodes begin with from now on.
    """

    def __init__(self, source: Graph, taken: Sequence[str] = ()) -> None:
        self.source = source
        self.dtype = source.dtype
        self.nodes: list[Written] = []
        self.constants: dict[str, Array] = {}
        self.arrays: dict[Value, Array] = {}
        self.weights: set[Value] = set()
        self.inputs: dict[str, str] = {}
        self.origin = ""
        self._taken = set(taken)
        self._plain: dict[Value, list[tuple[Shape, str]]] = {}
        self._first: dict[Value, list[tuple[Shape, str]]] = {}
        self._turned: dict[tuple[Value, int], str] = {}
        self._known: dict[tuple[Any, ...], str] = {}
        self._shapes: dict[str, str] = {}
        self._sizes: dict[Terms, str] = {}

    # Nodes and constants.

    def name(self, wanted: str) -> str:
        """A name that nothing has yet."""
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output; its name."""
        return self.nodes_outputs(operator, 1, *inputs, domain=domain, **attributes)[0]

    def nodes_outputs(
        self, operator: str, count: int, *inputs: str, domain: str = "", **attributes: Any
    ) -> tuple[str, ...]:
        """Add a node; the names of its outputs. An input that is "" is none."""
        name = self.name(f"{self.origin}/{operator}" if self.origin else operator)
        outputs = (name, *(self.name(f"{name}:{i}") for i in range(1, count)))
        self.nodes.append(Written(name, operator, domain, tuple(inputs), outputs, attributes))
        return outputs

    def constant(self, array: Any, wanted: str = "") -> str:
        """The name of a constant; equal ones are one, but for those that want a name."""
        array = np.asarray(array)
        key = (array.dtype.str, array.shape, array.tobytes()) if array.size <= 64 else (id(array),)
        if not wanted and key in self._known:
            return self._known[key]
        name = self.name(wanted or f"constant_{len(self.constants)}")
        self.constants[name] = array
        if not wanted:
            self._known[key] = name
        return name

    def number(self, value: float, dtype: str | None = None) -> str:
        """A scalar of the graph's float type, or of another."""
        return self.constant(np.array(value, dtype or self.dtype))

    def ints(self, *values: int) -> str:
        """A vector of int64."""
        return self.constant(np.array(values, np.int64))

    # Sizes that are left open.

    def size(self, size: int) -> str:
        """A size as a vector of one int64."""
        terms = terms_of(size)
        if not is_open(size):
            return self.ints(int(size))
        if terms not in self._sizes:
            self._sizes[terms] = self._polynomial(terms)
        return self._sizes[terms]

    def shape(self, shape: Shape) -> str:
        """A shape as a vector of int64."""
        if not any(map(is_open, shape)):
            return self.ints(*map(int, shape))
        return self.node("Concat", *map(self.size, shape), axis=0)

    def _polynomial(self, terms: Terms) -> str:
        summands = []
        for monomial, factor in terms:
            factors = [self._atom(atom) for atom in monomial]
            if factor != 1 or not factors:
                factors.append(self.ints(factor))
            summands.append(reduce(lambda x, y: self.node("Mul", x, y), factors))
        return reduce(lambda x, y: self.node("Add", x, y), summands)

    def _atom(self, atom: OpenAxis | Quotient) -> str:
        if isinstance(atom, OpenAxis):
            key = f"{atom.input}[{atom.axis}]"
            if key not in self._shapes:
                self._shapes[key] = self.node(
                    "Shape", self.inputs[atom.input], start=atom.axis, end=atom.axis + 1
                )
            return self._shapes[key]
        # ONNX cuts fractions off. Sizes are not negative, so that what is to be rounded down is negative in
        # the form -(n // -d) alone, which rounds up: all factors are negative then.
        of, by = dict(atom.of), self._polynomial(atom.by)
        if any(factor > 0 for factor in of.values()):
            return self.node("Div", self._polynomial(atom.of), by)
        turned = self._polynomial(tuple((monomial, -factor) for monomial, factor in atom.of))
        above = self.node("Add", turned, self.node("Sub", by, self.ints(1)))
        return self.node("Neg", self.node("Div", above, by))

    # Values.

    def give(self, value: Value, name: str) -> None:
        """What is called `name` is the value in its own shape."""
        self._plain.setdefault(root(value), []).append((value.shape, name))

    def give_seen(self, value: Value, shape: Shape, name: str) -> None:
        """What is called `name` is the value seen in another shape."""
        self._plain.setdefault(root(value), []).append((shape, name))

    def give_first(self, value: Value, name: str) -> None:
        """What is called `name` is the value (B, *spatial, C) as (B, C, *spatial)."""
        self._first.setdefault(root(value), []).append((value.shape, name))

    def named(self, value: Value) -> str:
        """The name of the weight that a value is a view of; "" where it is of none."""
        whole = root(value)
        return (whole.name or "") if whole in self.weights else ""

    def give_turned(self, value: Value, axis: int, name: str) -> None:
        """What is called `name` is the value with an axis from its end to its start."""
        self._turned[value, axis] = name
        ends = (self.ints(-1), self.ints(-(2**63) + 1), self.ints(axis), self.ints(-1))
        self.give(value, self.node("Slice", name, *ends))

    def turned_over(self, value: Value, axis: int) -> str | None:
        """The value with an axis from its end to its start, where it is there so."""
        return self._turned.get((value, axis))

    def has(self, value: Value) -> bool:
        """Whether the value is there in any form."""
        whole = root(value)
        return bool(self._plain.get(whole) or self._first.get(whole))

    def array(self, value: Value) -> Array | None:
        """The value, where it is known when the file is written."""
        whole = root(value)
        if whole not in self.arrays or any(map(is_open, value.shape)):
            return None
        return self.arrays[whole].reshape(value.shape)

    def plain(self, value: Value) -> str:
        """The value in its own shape."""
        return self.seen(value, value.shape)

    def seen(self, value: Value, shape: Shape) -> str:
        """The value as it lies in memory, seen in a shape."""
        whole = root(value)
        forms = self._plain.setdefault(whole, [])
        for have, name in forms:
            if _alike(have, shape):
                return name
        if whole in self.arrays and not any(map(is_open, shape)):
            name = self.constant(_stored(self.arrays[whole].reshape(shape)), self.named(value))
        else:
            if not forms:
                forms.append(self._made(whole))
            name = self.reshaped(forms[0][1], forms[0][0], shape)
        if not any(_alike(have, shape) for have, _ in forms):
            forms.append((shape, name))
        return name

    def _made(self, whole: Value) -> tuple[Shape, str]:
        """The first plain form of a value: of one with its channels first, or of one that repeats another."""
        if whole in self._first:
            shape, name = self._first[whole][0]
            return shape, self.node("Transpose", name, perm=channels_last(len(shape)))
        loose = self._narrow(whole)
        assert loose is not None, f"nothing has made {whole}"
        name = self.node("Expand", self._loose(*loose), self.shape(whole.shape))
        return whole.shape, name

    def first(self, value: Value) -> str:
        """The value (B, *spatial, C) as (B, C, *spatial)."""
        forms = self._first.get(root(value), [])
        for have, name in forms:
            if _alike(have, value.shape):
                return name
        for have, name in forms:
            if _alike(_spread_axes(have), _spread_axes(value.shape)) and same(have[-1], value.shape[-1]):
                made = self.reshaped(name, turned(have), turned(value.shape))
                self.give_first(value, made)
                return made
        made = self.node("Transpose", self.plain(value), perm=channels_first(len(value.shape)))
        self.give_first(value, made)
        return made

    def is_whole(self, value: Value) -> bool:
        """Whether the value repeats nothing."""
        return self._narrow(value) is None

    def in_place(self, node: Node, made: Callable[[str], str]) -> None:
        """Give a node's only output what `made` makes of its first input, element by element, in any form."""
        x, (y,) = node.inputs[0], node.outputs
        if self.has_first(x):
            self.give_first(y, made(self.first(x)))
        else:
            self.give(y, made(self.plain(x)))

    def has_first(self, value: Value) -> bool:
        """Whether the value is there with its channels first, and not as it is."""
        whole = root(value)
        return (
            whole in self._first
            and any(_alike(have, value.shape) for have, _ in self._first[whole])
            and not self._plain.get(whole)
        )

    def loose(self, value: Value) -> str:
        """The value, or what broadcasts to it."""
        found = self._narrow(value)
        return self.plain(value) if found is None else self._loose(*found)

    def loose_first(self, value: Value) -> str | None:
        """What broadcasts to the value (B, *spatial, C) as (B, C, *spatial); None where nothing does."""
        found = self._narrow(value)
        if found is None:
            return None
        shape = found[1]
        if not shape:
            return self._loose(*found)
        if any(n != 1 for n in shape[1:-1]):
            return None
        return self._loose(found[0], turned(shape))

    def _loose(self, source: Value | float, shape: Shape, dtype: str = "") -> str:
        if isinstance(source, Value):
            return self.seen(source, shape)
        return self.number(source, dtype)

    def _narrow(self, value: Value) -> tuple[Any, ...] | None:
        """What a value repeats, and the shape in which that broadcasts to it; None: it repeats nothing."""
        if value in self.arrays or value.node is None:
            return None
        op = value.node.op
        if isinstance(op, Fill):
            return op.value, (), value.dtype
        if isinstance(op, Spread) and op.scale == 1.0:
            (x,) = value.node.inputs
            source, shape, *rest = self._narrow(x) or (x, x.shape)
            ones = (1,) * (op.last - op.first + 1)
            return (source, (*shape[: op.first], *ones, *shape[op.first :]) if shape else (), *rest)
        if isinstance(op, Reshape):
            found = self._narrow(value.node.inputs[0])
            shape = None if found is None else _carried(found[1], value.node.inputs[0].shape, value.shape)
            return None if found is None or shape is None else (found[0], shape, *found[2:])
        return None

    def reshaped(self, name: str, have: Shape, shape: Shape) -> str:
        """What is called `name`, of the shape `have`, in another."""
        if _alike(have, shape):
            return name
        kept = [same(n, have[axis]) if axis < len(have) else False for axis, n in enumerate(shape)]
        unknown = [axis for axis, n in enumerate(shape) if is_open(n) and not kept[axis]]
        if 0 in map(int, (*have, *shape)) or len(unknown) > 1:
            return self.node("Reshape", name, self.shape(shape))
        target = [
            0 if kept[a] and is_open(n) else -1 if a in unknown else int(n) for a, n in enumerate(shape)
        ]
        return self.node("Reshape", name, self.ints(*target))


def root(value: Value) -> Value:
    """The value whose memory a view is."""
    while value.node is not None and isinstance(value.node.op, Reshape | Copy):
        value = value.node.inputs[0]
    return value


def channels_first(rank: int) -> list[int]:
    """How axes (B, *spatial, C) go to (B, C, *spatial)."""
    return [0, rank - 1, *range(1, rank - 1)]


def channels_last(rank: int) -> list[int]:
    """How axes (B, C, *spatial) go to (B, *spatial, C)."""
    return [0, *range(2, rank), 1]


def turned(shape: Shape) -> Shape:
    """A shape (B, *spatial, C) as (B, C, *spatial)."""
    return tuple(shape[axis] for axis in channels_first(len(shape)))


def _alike(a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and all(map(same, a, b))


def _spread_axes(shape: Shape) -> Shape:
    """The axes of a shape (B, *spatial, C) but for the channels and spatial ones of length 1."""
    return (shape[0], *(n for n in shape[1:-1] if is_open(n) or n != 1))


def _carried(loose: Shape, have: Shape, shape: Shape) -> Shape | None:
    """A shape that broadcasts to `have`, for a view of it that only has other axes of length 1; else None."""
    if not loose:
        return ()
    wide = [(n, small) for n, small in zip(have, loose, strict=True) if is_open(n) or n != 1]
    rest, made = iter(wide), []
    for n in shape:
        if not is_open(n) and n == 1:
            made.append(1)
            continue
        own = next(rest, None)
        if own is None or not same(own[0], n):
            return None
        made.append(own[1])
    return tuple(made) if next(rest, None) is None else None


def _stored(array: Array) -> Array:
    """An array as the file has it: masks are truth values."""
    return array.astype(bool) if array.dtype == np.uint8 else array

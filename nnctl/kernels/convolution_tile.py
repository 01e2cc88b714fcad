"""The register tile under every convolution: sums over rows of an image that are read in place.

One LLVM function does the forward pass and both gradients. It differs from the tile of the
matrix product in its addressing: each row of the tile starts at an offset from a table, and
the axis summed over is cut into runs (kernel taps, or rows of pixels) whose offsets come
from a table too, so no im2col matrix is ever written.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nnctl.kernels.simd import (
    Bounds,
    fma_function,
    lane_mask,
    library_function,
    load,
    masked_load,
    masked_store,
    no_unrolling,
    splat,
    store,
    vector_bytes,
    vector_pointer,
)

FROM_ZERO = 1
ADD = 2
GATE = 4
EACH = 8

# 32 registers hold 8 rows of two 64-byte vectors, 16 registers hold 6 rows of one (as two halves);
# there a tile of two vectors is two tiles. Without fma instructions every lane is a call, so the
# code is kept small.
TILE_ROWS = {64: 8, 32: 6, 16: 1}[vector_bytes()]
TILE_VECTORS = 2 if vector_bytes() == 64 else 1
VECTOR_BYTES = 64
HALVES = vector_bytes() == 32
"""Whether half a vector of columns is a tile of its own: a whole one takes half as long again there."""
WHOLE_BYTES = VECTOR_BYTES // 2 if HALVES else VECTOR_BYTES
"""Columns of so many bytes are stored without a mask."""

_I64 = ir.IntType(64)
_ARGUMENTS = (
    "x", "rows", "count", "runs", "w_runs", "run_count", "run_length", "x_step",
    "w", "w_step", "start", "bounds", "gate", "out", "places", "columns", "mode",
)  # fmt: skip


def _int(value: int) -> Any:
    return ir.Constant(_I64, value)


def _pointers(element: Any) -> dict[str, Any]:
    """The arguments that are addresses, and what they point to."""
    number, table = element.as_pointer(), _I64.as_pointer()
    kinds = dict.fromkeys(("x", "w", "start", "bounds", "gate", "out"), number)
    return kinds | dict.fromkeys(("rows", "runs", "w_runs", "places"), table)


class _TileWriter:
    """Writes the LLVM function of one tile: `height` rows by `vectors` vectors of some bytes."""

    def __init__(self, element: Any, height: int, vectors: int, vector: int = VECTOR_BYTES) -> None:
        self.height, self.vectors = height, vectors
        self.itemsize = 8 if element == ir.DoubleType() else 4
        self.vector = ir.VectorType(element, vector // self.itemsize)
        self.zero = ir.Constant(self.vector, None)

    def __call__(self, builder: Any, *arguments: Any) -> None:
        """Fill the function that `builder` is at the start of."""
        self.builder, self.arguments = builder, dict(zip(_ARGUMENTS, arguments, strict=True))
        bases = [builder.gep(self.arguments["x"], [at]) for at in self._offsets(self.arguments["rows"])]
        self._finish(self._clip(self._sum_runs(bases, self._starting_values())))

    def _at(self, pointer: Any, number: int) -> Any:
        """Pointer to vector `number` from `pointer` on."""
        return vector_pointer(self.builder, pointer, _int(number * self.vector.count), self.vector)

    def _offsets(self, table: Any) -> list[Any]:
        """The first `height` entries of a table; past `count` the last valid one again."""
        b, last = self.builder, self.builder.sub(self.arguments["count"], _int(1))
        found = []
        for i in range(self.height):
            row = b.select(b.icmp_signed("<", _int(i), last), _int(i), last)
            found.append(b.load(b.gep(table, [row])))
        return found

    def _starting_values(self) -> list[Any]:
        """The start vector (a bias) for every row, a vector for each row, or zeros."""
        b, a = self.builder, self.arguments
        given, same, each, ready = (b.append_basic_block(name) for name in ("given", "same", "each", "ready"))
        ways = [(b.block, [self.zero] * self.vectors * self.height)]
        b.cbranch(self._has(FROM_ZERO), ready, given)
        b.position_at_end(given)
        b.cbranch(self._has(EACH), each, same)
        b.position_at_end(same)
        ways.append((same, [self._load(a["start"], j) for j in range(self.vectors)] * self.height))
        b.branch(ready)
        b.position_at_end(each)
        rows = [b.gep(a["start"], [place]) for place in self._offsets(a["places"])]
        ways.append((each, [self._load(row, j) for row in rows for j in range(self.vectors)]))
        b.branch(ready)
        b.position_at_end(ready)
        phis = [b.phi(self.vector) for _ in range(self.vectors * self.height)]
        for block, values in ways:
            for phi, value in zip(phis, values, strict=True):
                phi.add_incoming(value, block)
        return phis

    def _load(self, pointer: Any, number: int) -> Any:
        """Vector `number` from `pointer` on."""
        return load(self.builder, self._at(pointer, number), self.itemsize)

    def _has(self, flag: int) -> Any:
        b = self.builder
        return b.icmp_signed("!=", b.and_(self.arguments["mode"], _int(flag)), _int(0))

    def _sum_runs(self, bases: list[Any], sums: list[Any]) -> list[Any]:
        """Two loops: over the runs, and along a run; every sum stays in a register."""
        b, a = self.builder, self.arguments
        before = b.block
        outer, enter, inner, leave, done = (
            b.append_basic_block(name) for name in ("run", "enter", "step", "leave", "done")
        )
        b.branch(outer)
        b.position_at_end(outer)
        run = b.phi(_I64)
        outer_sums = [b.phi(self.vector) for _ in sums]
        for phi, value in zip([run, *outer_sums], [_int(0), *sums], strict=True):
            phi.add_incoming(value, before)
        b.cbranch(b.icmp_signed("<", run, a["run_count"]), enter, done)
        b.position_at_end(enter)
        start = b.load(b.gep(a["runs"], [run]))
        w_start = b.gep(a["w"], [b.mul(b.load(b.gep(a["w_runs"], [run])), a["w_step"])])
        b.branch(inner)

        b.position_at_end(inner)
        left, index, w = b.phi(_I64), b.phi(_I64), b.phi(a["w"].type)
        inner_sums = [b.phi(self.vector) for _ in sums]
        entering = [a["run_length"], start, w_start, *outer_sums]
        after = self._step(bases, index, w, inner_sums)
        less = b.sub(left, _int(1))
        stepped = [less, b.add(index, a["x_step"]), b.gep(w, [a["w_step"]]), *after]
        for phi, first, later in zip([left, index, w, *inner_sums], entering, stepped, strict=True):
            phi.add_incoming(first, enter)
            phi.add_incoming(later, inner)
        no_unrolling(b, b.cbranch(b.icmp_signed(">", less, _int(0)), inner, leave))

        b.position_at_end(leave)
        leaving = [b.add(run, _int(1)), *after]
        for phi, value in zip([run, *outer_sums], leaving, strict=True):
            phi.add_incoming(value, leave)
        no_unrolling(b, b.branch(outer))
        b.position_at_end(done)
        return outer_sums

    def _step(self, bases: list[Any], index: Any, w: Any, sums: list[Any]) -> list[Any]:
        """One element of the summed axis: a broadcast a row, a fused multiply-add a sum."""
        b, multiply_add = self.builder, fma_function(self.builder, self.vector)
        panel = [self._load(w, j) for j in range(self.vectors)]
        after = []
        self._prefetch(bases[0], index)
        for i, base in enumerate(bases):
            factor = splat(b, load(b, b.gep(base, [index]), self.itemsize), self.vector)
            for j in range(self.vectors):
                after.append(b.call(multiply_add, [factor, panel[j], sums[i * self.vectors + j]]))
        return after

    def _prefetch(self, base: Any, index: Any) -> None:
        """Where rows are neighbouring channels, the next tile's begin one cache line further."""
        b, byte, number = self.builder, ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        fetch = cgutils.get_or_insert_function(b.module, kind, "llvm.prefetch.p0")
        ahead = b.gep(base, [b.add(index, _int(VECTOR_BYTES // self.itemsize))])
        b.call(fetch, [b.bitcast(ahead, byte), number(0), number(3), number(1)])

    def _clip(self, sums: list[Any]) -> list[Any]:
        bounds = Bounds(self.builder, self.arguments["bounds"], self.vector)
        return [bounds.clip(value) for value in sums]

    def _finish(self, sums: list[Any]) -> None:
        """Store whole vectors, add whole vectors to what is there, or store some columns."""
        b, a = self.builder, self.arguments
        places = self._offsets(a["places"])
        outs = [b.gep(a["out"], [offset]) for offset in places]
        sums = self._gated(places, sums)
        full = b.icmp_signed(">=", a["columns"], _int(self.vectors * self.vector.count))
        with b.if_else(full) as (whole, part):
            with whole, b.if_else(self._has(ADD)) as (add, store):
                with add:
                    self._store(outs, sums, add=True)
                with store:
                    self._store(outs, sums, add=False)
            with part:
                self._store_columns(outs, sums)

    def _gated(self, places: list[Any], sums: list[Any]) -> list[Any]:
        """With GATE: 0 where the gate is not positive."""
        b, a, count = self.builder, self.arguments, self.vector.count
        before = b.block
        gated = []
        with b.if_then(self._has(GATE)):
            for i, place in enumerate(places):
                base = b.gep(a["gate"], [place])
                for j in range(self.vectors):
                    mask = lane_mask(b, b.sub(a["columns"], _int(j * count)), self.vector)
                    gate = masked_load(b, self._at(base, j), mask, self.vector)
                    positive = b.fcmp_ordered(">", gate, self.zero)
                    gated.append(b.select(positive, sums[i * self.vectors + j], self.zero))
            inside = b.block
        phis = []
        for plain, value in zip(sums, gated, strict=True):
            phi = b.phi(self.vector)
            phi.add_incoming(plain, before)
            phi.add_incoming(value, inside)
            phis.append(phi)
        return phis

    def _store(self, outs: list[Any], sums: list[Any], *, add: bool) -> None:
        b = self.builder
        for i, out in enumerate(outs):
            for j in range(self.vectors):
                value, place = sums[i * self.vectors + j], self._at(out, j)
                if add:
                    value = b.fadd(self._load(out, j), value)
                store(b, value, place, self.itemsize)

    def _store_columns(self, outs: list[Any], sums: list[Any]) -> None:
        b, count = self.builder, self.vector.count
        for j in range(self.vectors):
            mask = lane_mask(b, b.sub(self.arguments["columns"], _int(j * count)), self.vector)
            for i, out in enumerate(outs):
                masked_store(b, sums[i * self.vectors + j], self._at(out, j), mask)


def _move_right(builder: Any, given: dict[str, Any], columns: int, itemsize: int) -> None:
    """The same tile, some columns further."""
    for name in ("w", "start", "gate", "out"):
        given[name] = builder.add(given[name], _int(columns * itemsize))
    given["columns"] = builder.sub(given["columns"], _int(columns))


def _make(vectors: int) -> Any:
    @intrinsic
    def tile(
        typingctx: Any, like: Any, x: Any, rows: Any, count: Any, runs: Any, w_runs: Any, run_count: Any,
        run_length: Any, x_step: Any, w: Any, w_step: Any, start: Any, bounds: Any, gate: Any,
        out: Any, places: Any, columns: Any, mode: Any,
    ) -> Any:  # fmt: skip
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            element = context.get_value_type(like.dtype)
            kinds = [_pointers(element).get(name, _I64) for name in _ARGUMENTS]
            across, given = min(vectors, TILE_VECTORS), dict(zip(_ARGUMENTS, args[1:], strict=True))

            def call(vector: int) -> None:
                written = _TileWriter(element, TILE_ROWS, across, vector)
                name = f"nnctl_convolution_tile_{element}_{TILE_ROWS}x{across}x{vector}"
                builder.call(library_function(builder.module, name, kinds, written), [
                    given[name] if kind == _I64 else builder.inttoptr(given[name], kind)
                    for name, kind in zip(_ARGUMENTS, kinds, strict=True)
                ])  # fmt: skip

            itemsize = int(like.dtype.bitwidth) // 8
            for number in range(0, vectors, across):
                if number:
                    _move_right(builder, given, across * VECTOR_BYTES // itemsize, itemsize)
                if not HALVES:
                    call(VECTOR_BYTES)
                    continue
                few = builder.icmp_signed("<=", given["columns"], _int(WHOLE_BYTES // itemsize))
                with builder.if_else(few) as (half, whole):
                    with half:
                        call(WHOLE_BYTES)
                    with whole:
                        call(VECTOR_BYTES)
            return context.get_dummy_value()

        return types.void(like, *[types.int64] * len(_ARGUMENTS)), codegen

    return tile


tile_wide = _make(2)
"""Sums for up to TILE_ROWS rows and two vectors of 64 bytes.

`tile(like, x, rows, count, runs, w_runs, run_count, run_length, x_step, w, w_step, start, bounds, gate, out,
places, columns, mode)`: `like` is any array of the dtype; x, w, start, bounds, gate, out, and the int64
tables rows, runs, w_runs and places are addresses. Row i < count (later ones repeat the last)
starts at `x[rows[i]]`; its sum runs, ascending, over runs r < run_count and steps k < run_length of
`x[rows[i] + runs[r] + k*x_step] * w[(w_runs[r] + k)*w_step + j]`, begins with `start[j]` (with
FROM_ZERO: 0; with EACH: `start[places[i] + j]`, whole vectors only) and goes, kept between
the two numbers at `bounds` unless that is 0, to `out[places[i] + j]` for j < columns. With GATE it
becomes 0 where `gate[places[i] + j]` is not positive. With ADD (whole vectors, or WHOLE_BYTES of
columns) it is added to what is there.
"""

tile_narrow = _make(1)
"""The same for one vector."""

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

from nnctl.kernels.simd import fma_function, vector_bytes

RELU = 1
FROM_ZERO = 2
ADD = 4

# Rows of a tile two 64-byte vectors wide: 16 sums in 32 registers, 12 (as 4 half vectors a row)
# in 16. Without fma instructions every lane is a call, so the code is kept small.
TILE_ROWS = {64: 8, 32: 3, 16: 1}[vector_bytes()]
VECTOR_BYTES = 64

_I1 = ir.IntType(1)
_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
_ARGUMENTS = (
    "x", "rows", "count", "runs", "run_count", "run_length", "x_step",
    "w", "w_step", "start", "out", "places", "columns", "mode",
)  # fmt: skip


def _int(value: int) -> Any:
    return ir.Constant(_I64, value)


def _vector_at(builder: Any, pointer: Any, index: int, vector: Any) -> Any:
    place = builder.gep(pointer, [_int(index * vector.count)])
    return builder.bitcast(place, vector.as_pointer())


def _load(builder: Any, pointer: Any, itemsize: int) -> Any:
    loaded = builder.load(pointer)
    loaded.align = itemsize
    return loaded


def _splat(builder: Any, scalar: Any, vector: Any) -> Any:
    undefined = ir.Constant(vector, ir.Undefined)
    single = builder.insert_element(undefined, scalar, ir.Constant(_I32, 0))
    return builder.shuffle_vector(
        single, undefined, ir.Constant(ir.VectorType(_I32, vector.count), None)
    )


class _TileWriter:
    """Writes the LLVM function of one tile: `height` rows by `vectors` vectors."""

    def __init__(self, module: Any, element: Any, height: int, vectors: int) -> None:
        self.height, self.vectors = height, vectors
        self.itemsize = 8 if element == ir.DoubleType() else 4
        self.vector = ir.VectorType(element, VECTOR_BYTES // self.itemsize)
        number, data = element.as_pointer(), _I64.as_pointer()
        kinds = {"x": number, "w": number, "start": number, "out": number}
        kinds |= {"rows": data, "runs": data, "places": data}
        signature = ir.FunctionType(
            ir.VoidType(), [kinds.get(name, _I64) for name in _ARGUMENTS]
        )
        name = f"nnctl_convolution_tile_{element}_{height}x{vectors}"
        self.function = module.globals.get(name)
        if self.function is None:
            self.function = ir.Function(module, signature, name)
            self.function.linkage = "internal"
            self.function.attributes.add("noinline")
            self.arguments = dict(zip(_ARGUMENTS, self.function.args, strict=True))
            self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
            self._write()

    def _offsets(self, table: Any) -> list[Any]:
        """The first `height` entries of a table; past `count` the last valid one again."""
        b, last = self.builder, self.builder.sub(self.arguments["count"], _int(1))
        found = []
        for i in range(self.height):
            row = b.select(b.icmp_signed("<", _int(i), last), _int(i), last)
            found.append(b.load(b.gep(table, [row])))
        return found

    def _write(self) -> None:
        b, a = self.builder, self.arguments
        bases = [b.gep(a["x"], [offset]) for offset in self._offsets(a["rows"])]
        self.zero = ir.Constant(self.vector, None)
        sums = self._starting_values()
        sums = self._sum_runs(bases, sums)
        sums = self._clip(sums)
        self._finish(sums)
        b.ret_void()

    def _starting_values(self) -> list[Any]:
        """The start vector (a bias) for every row, or zeros."""
        b, a = self.builder, self.arguments
        entry, given, ready = b.block, b.append_basic_block("given"), b.append_basic_block("ready")
        b.cbranch(self._has(FROM_ZERO), ready, given)
        b.position_at_end(given)
        loaded = [
            _load(b, _vector_at(b, a["start"], j, self.vector), self.itemsize)
            for j in range(self.vectors)
        ]
        b.branch(ready)
        b.position_at_end(ready)
        phis = []
        for value in loaded:
            phi = b.phi(self.vector)
            phi.add_incoming(self.zero, entry)
            phi.add_incoming(value, given)
            phis.append(phi)
        return phis * self.height

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
        run, w_outer = b.phi(_I64), b.phi(a["w"].type)
        outer_sums = [b.phi(self.vector) for _ in sums]
        for phi, value in zip([run, w_outer, *outer_sums], [_int(0), a["w"], *sums], strict=True):
            phi.add_incoming(value, before)
        b.cbranch(b.icmp_signed("<", run, a["run_count"]), enter, done)
        b.position_at_end(enter)
        start = b.load(b.gep(a["runs"], [run]))
        b.branch(inner)

        b.position_at_end(inner)
        left, index, w = b.phi(_I64), b.phi(_I64), b.phi(a["w"].type)
        inner_sums = [b.phi(self.vector) for _ in sums]
        entering = [a["run_length"], start, w_outer, *outer_sums]
        after = self._step(bases, index, w, inner_sums)
        less = b.sub(left, _int(1))
        stepped = [less, b.add(index, a["x_step"]), b.gep(w, [a["w_step"]]), *after]
        for phi, first, later in zip([left, index, w, *inner_sums], entering, stepped, strict=True):
            phi.add_incoming(first, enter)
            phi.add_incoming(later, inner)
        b.cbranch(b.icmp_signed(">", less, _int(0)), inner, leave)

        b.position_at_end(leave)
        leaving = [b.add(run, _int(1)), stepped[2], *after]
        for phi, value in zip([run, w_outer, *outer_sums], leaving, strict=True):
            phi.add_incoming(value, leave)
        b.branch(outer)
        b.position_at_end(done)
        return outer_sums

    def _step(self, bases: list[Any], index: Any, w: Any, sums: list[Any]) -> list[Any]:
        """One element of the summed axis: a broadcast a row, a fused multiply-add a sum."""
        b, multiply_add = self.builder, fma_function(self.builder, self.vector)
        panel = [
            _load(b, _vector_at(b, w, j, self.vector), self.itemsize) for j in range(self.vectors)
        ]
        after = []
        for i, base in enumerate(bases):
            factor = _splat(b, _load(b, b.gep(base, [index]), self.itemsize), self.vector)
            for j in range(self.vectors):
                after.append(b.call(multiply_add, [factor, panel[j], sums[i * self.vectors + j]]))
        return after

    def _clip(self, sums: list[Any]) -> list[Any]:
        """Relu where the mode asks for it: nothing is below the floor; a NaN stays."""
        b = self.builder
        element = self.vector.element
        low = b.select(
            self._has(RELU), ir.Constant(element, 0.0), ir.Constant(element, float("-inf"))
        )
        floor = _splat(b, low, self.vector)
        return [b.select(b.fcmp_ordered("<", value, floor), floor, value) for value in sums]

    def _finish(self, sums: list[Any]) -> None:
        """Store whole vectors, add whole vectors to what is there, or store some columns."""
        b, a = self.builder, self.arguments
        outs = [b.gep(a["out"], [offset]) for offset in self._offsets(a["places"])]
        full = b.icmp_signed(">=", a["columns"], _int(self.vectors * self.vector.count))
        with b.if_else(full) as (whole, part):
            with whole, b.if_else(self._has(ADD)) as (add, store):
                with add:
                    self._store(outs, sums, add=True)
                with store:
                    self._store(outs, sums, add=False)
            with part:
                self._store_columns(outs, sums)

    def _store(self, outs: list[Any], sums: list[Any], *, add: bool) -> None:
        b = self.builder
        for i, out in enumerate(outs):
            for j in range(self.vectors):
                value, place = sums[i * self.vectors + j], _vector_at(b, out, j, self.vector)
                if add:
                    value = b.fadd(_load(b, place, self.itemsize), value)
                b.store(value, place).align = self.itemsize

    def _store_columns(self, outs: list[Any], sums: list[Any]) -> None:
        b, count = self.builder, self.vector.count
        mask_type = ir.VectorType(_I1, count)
        kind = f"v{count}f{8 * self.itemsize}"
        signature = ir.FunctionType(
            ir.VoidType(), [self.vector, self.vector.as_pointer(), _I32, mask_type]
        )
        store = cgutils.get_or_insert_function(
            b.module, signature, f"llvm.masked.store.{kind}.p0{kind}"
        )
        lanes = ir.VectorType(_I64, count)
        limit = _splat(b, self.arguments["columns"], lanes)
        for j in range(self.vectors):
            numbers = ir.Constant(lanes, list(range(j * count, (j + 1) * count)))
            mask = b.icmp_signed("<", numbers, limit)
            for i, out in enumerate(outs):
                place = _vector_at(b, out, j, self.vector)
                value = sums[i * self.vectors + j]
                b.call(store, [value, place, ir.Constant(_I32, self.itemsize), mask])


def _make(vectors: int) -> Any:
    @intrinsic  # type: ignore[untyped-decorator]
    def tile(
        typingctx: Any, x: Any, x_at: Any, table: Any, rows_at: Any, count: Any, runs_at: Any,
        run_count: Any, run_length: Any, x_step: Any, w: Any, w_at: Any, w_step: Any,
        start: Any, start_at: Any, out: Any, out_at: Any, places_at: Any, columns: Any, mode: Any,
    ) -> Any:  # fmt: skip
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            def data(n: int, offset: Any) -> Any:
                array = context.make_array(signature.args[n])(context, builder, args[n])
                return builder.gep(array.data, [offset])

            element = context.get_data_type(signature.args[0].dtype)
            written = _TileWriter(builder.module, element, TILE_ROWS, vectors)
            builder.call(written.function, [
                data(0, args[1]), data(2, args[3]), args[4], data(2, args[5]), *args[6:9],
                data(9, args[10]), args[11], data(12, args[13]), data(14, args[15]),
                data(2, args[16]), args[17], args[18],
            ])  # fmt: skip
            return context.get_dummy_value()

        i = types.int64
        return types.void(
            x, i, table, i, i, i, i, i, i, w, i, i, start, i, out, i, i, i, i
        ), codegen

    tile.__doc__ = f"""Sums for up to TILE_ROWS rows and {vectors} vectors of 64 bytes.

    `tile(x, x_at, table, rows_at, count, runs_at, run_count, run_length, x_step, w, w_at, w_step,
    start, start_at, out, out_at, places_at, columns, mode)`: row i < count starts at
    `x[x_at + table[rows_at + i]]`; its sum runs, ascending, over runs r < run_count and steps
    k < run_length of `x[... + table[runs_at + r] + k*x_step] * w[w_at + (r*run_length + k)*w_step + j]`,
    begins with `start[start_at + j]` (with FROM_ZERO: 0), and goes, clipped below at 0 with
    RELU, to `out[out_at + table[places_at + i] + j]` for j < columns. With ADD (whole vectors
    only) it is added to what is there.
    """
    return tile


tile_wide = _make(2)
tile_narrow = _make(1)

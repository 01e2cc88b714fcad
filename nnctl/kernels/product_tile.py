"""The register tile under matrix products and recurrences: a row of tiles over packed panels of B.

One LLVM function sums over k and finishes the sums while they are in registers: adds what is there, a bias,
takes the larger of a bound, shuts the gate, stores. Whole tiles are read and written in whole vectors; only
the last columns are masked, as masks are slow on CPUs that have none of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from nnctl.kernels.simd import (
    data_pointer,
    fma_function,
    lane_mask,
    lanes_of,
    library_function,
    load,
    masked_load,
    masked_store,
    no_unrolling,
    prefetch,
    splat,
    store,
    vector_pointer,
)

STEPS = 8
"""Steps of k for each row that is asked for ahead."""

_I64 = ir.IntType(64)
_ARGUMENTS = (
    "a", "a_row", "a_k", "rows", "panel", "depth", "columns",
    "older", "older_row", "bias", "low", "gate", "gate_row", "out", "out_row", "ahead", "ahead_row",
)  # fmt: skip


def _int(value: int) -> Any:
    return ir.Constant(_I64, value)


class _RowWriter:
    """Writes the LLVM function: tiles of `height` rows by `vectors` vectors, side by side."""

    def __init__(self, vector: Any, height: int, vectors: int) -> None:
        self.vector, self.height, self.vectors = vector, height, vectors
        self.width = vectors * vector.count
        self.itemsize = 8 if vector.element == ir.DoubleType() else 4
        self.zero = ir.Constant(vector, None)

    def kinds(self) -> list[Any]:
        """The types of the function's arguments."""
        number = self.vector.element
        pointers = dict.fromkeys(("a", "panel", "older", "bias", "gate", "out", "ahead"), number.as_pointer())
        return [(pointers | {"low": number}).get(name, _I64) for name in _ARGUMENTS]

    def __call__(self, builder: Any, *arguments: Any) -> None:
        """Fill the function that `builder` is at the start of: a loop over panels."""
        b, a = builder, dict(zip(_ARGUMENTS, arguments, strict=True))
        self.builder, self.arguments = b, a
        a_rows = self._rows(a["a"], a["a_row"])
        before, tile, end = b.block, b.append_basic_block("tile"), b.append_basic_block("end")
        b.branch(tile)
        b.position_at_end(tile)
        j, panel = b.phi(_I64), b.phi(a["panel"].type)
        for row in self._rows(b.gep(a["out"], [j]), a["out_row"]):
            prefetch(b, row, 3)
        panel_end, sums = self._sums(a_rows, panel, b.gep(a["ahead"], [j]))
        left = b.sub(a["columns"], j)
        with b.if_else(b.icmp_signed(">=", left, _int(self.width))) as (whole, part):
            with whole:
                self._finish(sums, j, None)
            with part:
                first = [b.sub(left, _int(v * self.vector.count)) for v in range(self.vectors)]
                self._finish(sums, j, [lane_mask(b, count, self.vector) for count in first])
        further = b.add(j, _int(self.width))
        following = b.gep(panel_end, [_int(self.vector.count * self.width)])
        for phi, first, later in ((j, _int(0), further), (panel, a["panel"], following)):
            phi.add_incoming(first, before)
            phi.add_incoming(later, b.block)
        no_unrolling(b, b.cbranch(b.icmp_signed("<", further, a["columns"]), tile, end))
        b.position_at_end(end)

    def _rows(self, base: Any, stride: Any) -> list[Any]:
        """Pointers to the rows of the tile; a row past the last one is the last one again."""
        b, last = self.builder, self.builder.sub(self.arguments["rows"], _int(1))
        found = []
        for i in range(self.height):
            row = b.select(b.icmp_signed("<", _int(i), last), _int(i), last)
            found.append(b.gep(base, [b.mul(row, stride)]))
        return found

    def _vectors(self, pointer: Any) -> list[Any]:
        """Pointers to a row's vectors."""
        places = [_int(v * self.vector.count) for v in range(self.vectors)]
        return [vector_pointer(self.builder, pointer, place, self.vector) for place in places]

    def _sums(self, a_rows: list[Any], panel: Any, ahead: Any) -> tuple[Any, list[Any]]:
        """The loop over k with every sum in a register (a phi node); also where the panel ends.

        Before each STEPS of k it asks for a row that is packed next.
        """
        b, a = self.builder, self.arguments
        before = b.block
        outer, enter, inner, leave, done = (
            b.append_basic_block(name) for name in ("k", "enter", "step", "leave", "done")
        )
        b.branch(outer)
        b.position_at_end(outer)
        row_ahead = b.phi(ahead.type)
        outer_phis = [b.phi(_I64), b.phi(_I64), b.phi(panel.type)]
        outer_phis += [b.phi(self.vector) for _ in range(self.height * self.vectors)]
        b.cbranch(b.icmp_signed("<", outer_phis[0], a["depth"]), enter, done)
        b.position_at_end(enter)
        for line in range(0, self.width * self.itemsize, 64):
            prefetch(b, b.gep(row_ahead, [_int(line // self.itemsize)]), 2)
        further = b.add(outer_phis[0], _int(STEPS))
        stop = b.select(b.icmp_signed("<", further, a["depth"]), further, a["depth"])
        b.branch(inner)

        b.position_at_end(inner)
        phis = [b.phi(phi.type) for phi in outer_phis]
        after = self._step(a_rows, *phis[:3], phis[3:])
        for phi, first, later in zip(phis, outer_phis, after, strict=True):
            phi.add_incoming(first, enter)
            phi.add_incoming(later, inner)
        no_unrolling(b, b.cbranch(b.icmp_signed("<", after[0], stop), inner, leave))

        b.position_at_end(leave)
        starts = [ahead, _int(0), _int(0), panel, *[self.zero] * (len(phis) - 3)]
        later_ahead = b.gep(row_ahead, [a["ahead_row"]])
        for phi, first, later in zip([row_ahead, *outer_phis], starts, [later_ahead, *after], strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, leave)
        no_unrolling(b, b.branch(outer))
        b.position_at_end(done)
        return outer_phis[2], outer_phis[3:]

    def _step(self, a_rows: list[Any], k: Any, at: Any, row: Any, sums: list[Any]) -> list[Any]:
        """One k: a broadcast a row, a fused multiply-add a sum. The next k, its places, the sums."""
        b, fused = self.builder, fma_function(self.builder, self.vector)
        loaded = [load(b, place, self.itemsize) for place in self._vectors(row)]
        after = [b.add(k, _int(1)), b.add(at, self.arguments["a_k"]), b.gep(row, [_int(self.width)])]
        for i, a_row in enumerate(a_rows):
            factor = splat(b, load(b, b.gep(a_row, [at]), self.itemsize), self.vector)
            for v, vector in enumerate(loaded):
                after.append(b.call(fused, [factor, vector, sums[i * self.vectors + v]]))
        return after

    def _finish(self, sums: list[Any], j: Any, masks: list[Any] | None) -> None:
        """Add older numbers and the bias, take the larger of `low`, shut the gate, store."""
        b, a = self.builder, self.arguments
        sums = self._either(
            "older",
            lambda: self._added(self._read("older", j, masks), sums),
            # As if zeros were added: no -0. (LLVM would make one addition of two, and spill.)
            lambda: [b.select(b.fcmp_ordered("==", s, self.zero), self.zero, s) for s in sums],
        )
        start = b.gep(a["bias"], [j])
        bias = self._either("bias", lambda: self._read_row(start, masks), lambda: [self.zero] * self.vectors)
        sums = self._added(sums, bias * self.height)
        low, outs = splat(b, a["low"], self.vector), self._rows(b.gep(a["out"], [j]), a["out_row"])
        sums = [b.select(b.fcmp_ordered("<", s, low), low, s) for s in sums]
        sums = self._either("gate", lambda: self._gated(sums, self._read("gate", j, masks)), lambda: sums)
        for i, out in enumerate(outs):
            for v, place in enumerate(self._vectors(out)):
                value = sums[i * self.vectors + v]
                if masks:
                    masked_store(b, value, place, masks[v])
                else:
                    store(b, value, place, self.itemsize)

    def _either(
        self, name: str, given: Callable[[], list[Any]], absent: Callable[[], list[Any]]
    ) -> list[Any]:
        """Vectors made by `given` where the address is not 0, otherwise by `absent`."""
        b = self.builder
        found = []
        with b.if_else(b.icmp_unsigned("!=", b.ptrtoint(self.arguments[name], _I64), _int(0))) as branches:
            for branch, make in zip(branches, (given, absent), strict=True):
                with branch:
                    found.append((make(), b.block))
        phis = [b.phi(self.vector) for _ in found[0][0]]
        for vectors, block in found:
            for phi, vector in zip(phis, vectors, strict=True):
                phi.add_incoming(vector, block)
        return phis

    def _read(self, name: str, j: Any, masks: list[Any] | None) -> list[Any]:
        """The vectors from column j on of all rows."""
        start = self.builder.gep(self.arguments[name], [j])
        rows = self._rows(start, self.arguments[f"{name}_row"])
        return [vector for row in rows for vector in self._read_row(row, masks)]

    def _read_row(self, pointer: Any, masks: list[Any] | None) -> list[Any]:
        places = self._vectors(pointer)
        if masks is None:
            return [load(self.builder, place, self.itemsize) for place in places]
        both = zip(places, masks, strict=True)
        return [masked_load(self.builder, place, mask, self.vector) for place, mask in both]

    def _added(self, first: list[Any], second: list[Any]) -> list[Any]:
        return [self.builder.fadd(x, y) for x, y in zip(first, second, strict=True)]

    def _gated(self, sums: list[Any], gates: list[Any]) -> list[Any]:
        """0 where the gate is not positive."""
        b, zero = self.builder, self.zero
        both = zip(gates, sums, strict=True)
        return [b.select(b.fcmp_ordered(">", gate, zero), value, zero) for gate, value in both]


def make_row(height: int, vectors: int) -> Any:
    """Products of `height` rows of A with panels that are `vectors` vectors wide, as a function for kernels.

    `row(a, a_row, a_k, rows, packed, panel, depth, columns, older, older_row, bias, low, gate, gate_row, out,
    place, out_row, ahead, ahead_row)`: a, older, bias, gate and ahead are addresses, of which older, bias and
    gate may be 0: absent. Panels lie in `packed` from `panel` on as `panels.pack_b` leaves them. For i < rows
    and j < columns

        out[place + i*out_row + j] = gate(max(older + sum + bias, low))

    where the sum over k < depth of `a[i*a_row + k*a_k]` times row k of the panels ascends by fused
    multiply-adds from zero, and gate makes 0 of what has a gate that is not positive. A NaN passes through
    the maximum. a is read in place: `a_k = 1` for A as it is stored, `a_row = 1` for its transpose.

    Rows of `ahead`, as wide as the columns and ahead_row apart, are asked for meanwhile, one each STEPS of k:
    what is packed next is in the second-level cache then.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def row(
        typingctx: Any, a: Any, a_row: Any, a_k: Any, rows: Any, packed: Any, panel: Any, depth: Any,
        columns: Any, older: Any, older_row: Any, bias: Any, low: Any, gate: Any, gate_row: Any, out: Any,
        place: Any, out_row: Any, ahead: Any, ahead_row: Any,
    ) -> Any:  # fmt: skip
        i, lanes = types.int64, lanes_of(packed, out)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            vector = ir.VectorType(context.get_value_type(out.dtype), lanes)
            written = _RowWriter(vector, height, vectors)
            panels, outs = (
                data_pointer(context, builder, signature.args[n], args[n], args[n + 1]) for n in (4, 14)
            )
            a, older, bias, gate, ahead = (builder.inttoptr(args[n], panels.type) for n in (0, 8, 10, 12, 17))
            name = f"nnctl_product_{vector.element}_{height}x{vectors}x{lanes}"
            function = library_function(builder.module, name, written.kinds(), written)
            builder.call(function, [
                a, *args[1:4], panels, *args[6:8], older, args[9], bias, args[11], gate, args[13], outs,
                args[16], ahead, args[18],
            ])  # fmt: skip
            return context.get_dummy_value()

        return types.void(i, i, i, i, packed, i, i, i, i, i, i, out.dtype, i, i, out, i, i, i, i), codegen

    return row

"""Whole numbers as bins of their hashes, as numbers of crosses, as places in a vocabulary."""

from __future__ import annotations

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.elementwise import cast


@record
class Bucket:
    """A bin of [first, first + bins) for each number.

    Attributes:
        by: "remainder" of the number itself, or "hash" of its decimal digits.
        salt: The key of SipHash; None for FarmHash.
    """

    bins: int
    by: str
    salt: tuple[int, int] | None = None
    first: int = 0

    def call(self, x: Array, y: Array) -> KernelCall:
        """What writes the bins of x (N,) to y (N,)."""
        if self.by == "remainder":
            return KernelCall("hashing.remainders", (x, self.bins, self.first, y))
        k0, k1 = np.array(self.salt or (0, 0), np.uint64)
        return KernelCall("hashing.hash_bins", (x, self.salt is not None, k0, k1, self.bins, self.first, y))


class _OfNumbers(Op):
    """An int64 of x's shape for each whole number of x."""

    def infer(self, *inputs: TensorType) -> Types:
        if any(x.dtype != "int64" or x.shape != inputs[0].shape for x in inputs[: self._read(len(inputs))]):
            raise ValueError(f"{type(self).__name__} of {inputs}")
        return (TensorType(inputs[0].shape, "int64"),)

    def _read(self, count: int) -> int:
        """How many of the inputs are such numbers."""
        return 1

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        return (None,) * len(node.inputs)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0


@record
class Hash(_OfNumbers):
    """y = the bucket of x; 0 where x is `masked`."""

    bucket: Bucket
    masked: int | None = None

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, y = inputs[0].reshape(-1), outputs[0].reshape(-1)
        calls = [self.bucket.call(x, y)]
        if self.masked is not None:
            calls.append(KernelCall("hashing.put_where", (x, self.masked, 0, y)))
        return tuple(calls)


@record
class Cross(_OfNumbers):
    """y = one of `bins` numbers for what the inputs, all of one shape, are at a place together."""

    bins: int

    def _read(self, count: int) -> int:
        return count

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        y, last = outputs[0].reshape(-1), len(inputs) - 1
        return tuple(
            KernelCall("hashing.cross", (x.reshape(-1), at > 0, self.bins if at == last else 0, y))
            for at, x in enumerate(inputs)
        )


@record
class LookUp(_OfNumbers):
    """y = places (V,) where x is one of the rising tokens (V,), else the bucket of x.

    Attributes:
        masked: What has the place `masked_place` in any case; None for nothing.
    """

    others: Bucket
    masked: int | None = None
    masked_place: int = 0

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, tokens, places = inputs
        x, y = x.reshape(-1), outputs[0].reshape(-1)
        calls = [self.others.call(x, y), KernelCall("hashing.look_up", (x, tokens, places, y))]
        if self.masked is not None:
            calls.append(KernelCall("hashing.put_where", (x, self.masked, self.masked_place, y)))
        return tuple(calls)


def hashed(x: Value, bucket: Bucket, masked: int | None = None) -> Value:
    """The bucket of each number; fractions are cut off."""
    return x.graph.add1(Hash(bucket, masked), cast(x, "int64"))


def crossed(inputs: tuple[Value, ...], bins: int) -> Value:
    """A number of [0, bins) for what the inputs are together."""
    return inputs[0].graph.add1(Cross(bins), *(cast(x, "int64") for x in inputs))


def looked_up(x: Value, tokens: Value, places: Value, op: LookUp) -> Value:
    """The place of each number among tokens."""
    return x.graph.add1(op, cast(x, "int64"), tokens, places)

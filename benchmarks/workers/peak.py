"""What the machine can do at the most: fused multiply-adds a second, bytes from memory a second. Prints JSON.

`python -m benchmarks.workers.peak`: a loop of independent fmas in registers, on one core and on all,
and a = b + c * s over arrays that no cache holds. The best of many bursts counts: a peak is what nothing
disturbs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from nnctl.kernels.simd import fma_function, vector_bytes

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
CHAINS = 10
"""Sums that do not wait for each other: an fma takes 4 or 5 cycles, and two begin in each."""
ROUNDS = 1_000_000
BURSTS = 20
ELEMENTS = 1 << 25
"""Of an array, 128 MB: all three are far larger than a cache."""
LANES = vector_bytes() // 4


@intrinsic
def _fmas(typingctx: Any, rounds: Any, factor: Any) -> Any:
    """The sum over lanes and chains of x <- x * factor + factor, `rounds` times."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(ir.FloatType(), LANES)
        count, scalar = args
        one = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        lane = builder.insert_element(
            ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0)
        )
        factors = builder.shuffle_vector(lane, ir.Constant(vector, ir.Undefined), one)
        fma = fma_function(builder, vector)
        before = builder.block
        body, after = (builder.append_basic_block(name) for name in ("fmas", "done"))
        builder.branch(body)
        builder.position_at_end(body)
        turn = builder.phi(count.type)
        turn.add_incoming(ir.Constant(count.type, 0), before)
        sums = [builder.phi(vector) for _ in range(CHAINS)]
        made = [builder.call(fma, [x, factors, factors]) for x in sums]
        for number, (x, y) in enumerate(zip(sums, made, strict=True)):
            x.add_incoming(ir.Constant(vector, [float(number)] * LANES), before)
            x.add_incoming(y, body)
        following = builder.add(turn, ir.Constant(count.type, 1))
        turn.add_incoming(following, body)
        builder.cbranch(builder.icmp_signed("<", following, count), body, after)
        builder.position_at_end(after)
        total = made[0]
        for y in made[1:]:
            total = builder.fadd(total, y)
        return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

    return types.float32(rounds, factor), codegen


@njit(nogil=True)
def multiply_adds(rounds: int, factor: np.float32) -> float:
    """Do rounds * CHAINS * LANES fused multiply-adds; a number that needs them all."""
    return _fmas(rounds, factor)


@njit(nogil=True)
def stream(a: np.ndarray, b: np.ndarray, c: np.ndarray, s: np.float32) -> None:
    """a = b + c * s for arrays (N,)."""
    for i in range(a.size):
        a[i] = b[i] + c[i] * s


def best(work: Callable[[int], Any], threads: int, bursts: int) -> float:
    """The fewest seconds that all of `threads` threads together need for a call each, over some bursts."""
    with ThreadPoolExecutor(threads) as pool:
        taken = []
        for _ in range(bursts):
            start = time.perf_counter()
            list(pool.map(work, range(threads)))
            taken.append(time.perf_counter() - start)
    return min(taken)


def gflops(threads: int) -> float:
    """The best rate of fused multiply-adds, two operations each."""
    half = np.float32(0.5)
    multiply_adds(1, half)
    seconds = best(lambda _: multiply_adds(ROUNDS, half), threads, BURSTS)
    return 2 * threads * ROUNDS * CHAINS * LANES / seconds / 1e9


def gigabytes(threads: int, elements: int = ELEMENTS) -> float:
    """The best rate of `stream`: three arrays, each counted once."""
    a, b, c = (np.ones(elements, np.float32) for _ in range(3))
    cut = [slice(elements * n // threads, elements * (n + 1) // threads) for n in range(threads)]
    scale = np.float32(0.5)
    stream(a[:1], b[:1], c[:1], scale)
    seconds = best(lambda n: stream(a[cut[n]], b[cut[n]], c[cut[n]], scale), threads, BURSTS // 2)
    return 12 * elements / seconds / 1e9


if __name__ == "__main__":
    found = {"gflops": gflops(THREADS), "gflops_one": gflops(1), "gigabytes": gigabytes(THREADS)}
    print(json.dumps({name: round(value, 1) for name, value in found.items()}))

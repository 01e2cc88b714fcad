"""Calls laid out once: each kernel is given what Python would have given it."""

from __future__ import annotations

import platform
from typing import Any

import numba
import numpy as np
import pytest

from nnctl.kernels import chain
from nnctl.kernels.chain import Chain, Entries, joined, runner
from nnctl.kernels.jit import kernel
from nnctl.kernels.ranges import block_count, first, last


@kernel
def few(a, b, out):  # type: ignore[no-untyped-def]
    out[0] = a
    out[1] = b


@kernel
def numbers(a, b, c, d, e, f, out):  # type: ignore[no-untyped-def]
    out[0] = a
    out[1] = b
    out[2] = c
    out[3] = d
    out[4] = 1 if e else 0
    out[5] = f


@kernel
def tuples(nothing, mixed, arrays, out):  # type: ignore[no-untyped-def]
    out[0] = len(nothing)
    out[1] = mixed[0]
    out[2] = mixed[1][1]
    out[3] = mixed[2]
    out[4] = arrays[0][0] + arrays[1][1] + arrays[2][-1]


@kernel
def all_of_an_array(x, out):  # type: ignore[no-untyped-def]
    out[0] = x.size
    out[1] = x.itemsize
    at = 2
    for n in x.shape:
        out[at] = n
        at += 1
    for n in x.strides:
        out[at] = n
        at += 1
    for value in x.flat:
        out[at] = value
        at += 1


@kernel
def eight_floats(a, b, c, d, e, f, g, h, out):  # type: ignore[no-untyped-def]
    out[0] = a + 2 * b + 4 * c + 8 * d + 16 * e + 32 * f + 64 * g + 128 * h


@kernel
def nine_floats(a, b, c, d, e, f, g, h, i, out):  # type: ignore[no-untyped-def]
    out[0] = a + b + c + d + e + f + g + h + i


@kernel
def of_many(arrays, out):  # type: ignore[no-untyped-def]
    for n in range(len(arrays)):
        out[n] = arrays[n][0, 1]


@kernel(parallel=True)
def in_parts(x, out):  # type: ignore[no-untyped-def]
    n = x.shape[0]
    for block in numba.prange(block_count(n)):
        for i in range(first(block), last(block, n)):
            out[i] = x[i] + 1


@kernel
def careful(x, out):  # type: ignore[no-untyped-def]
    if x[0] < 0:
        raise ValueError("below zero")
    out[0] = x[0]


def made(*calls: tuple[Any, tuple[Any, ...]]) -> Any:
    """The calls, compiled, as what runs them."""
    kinds = [tuple(map(numba.typeof, args)) for _, args in calls]
    for (function, _), own in zip(calls, kinds, strict=True):
        function.compile(own)
    return runner(list(calls), kinds)


def run(function: Any, *args: Any, size: int = 9) -> list[float]:
    """What a kernel writes when a chain calls it; the same as when Python does."""
    out, plain = np.full(size, -1.0), np.full(size, -1.0)
    found = made((function, (*args, out)))
    assert isinstance(found, Chain)
    found.run(0, 1)
    function(*args, plain)
    assert np.array_equal(out, plain)
    return out.tolist()


def test_numbers_of_every_kind() -> None:
    given = (-3, np.float32(0.1), 2.5, np.int32(-7), True, np.uint8(200))
    assert run(numbers, *given, size=6) == [-3, float(np.float32(0.1)), 2.5, -7, 1, 200]
    assert run(few, 1.5, 2**40, size=2) == [1.5, 2**40]


def test_tuples_are_their_elements() -> None:
    x = np.arange(4.0)
    mixed = (5, (1, np.float32(0.5)), np.float64(7.0))
    assert run(tuples, (), mixed, (x, x.astype(np.int32), x.astype(np.float32)), size=5) == [0, 5, 0.5, 7, 4]


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8"])
def test_arrays_of_any_shape_and_strides(dtype: str) -> None:
    x = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5).astype(dtype)
    size = np.dtype(dtype).itemsize
    assert run(all_of_an_array, x[1, 2, :2, 1], size=6) == [2, size, 2, 5 * size, 101, 106]
    assert run(all_of_an_array, x[0, 0, 0, ::-2], size=7) == [3, size, 3, -2 * size, 4, 2, 0]
    assert run(all_of_an_array, x, size=130)[2:10] == [2, 3, 4, 5, 60 * size, 20 * size, 5 * size, size]
    assert run(all_of_an_array, x[:, :0], size=10)[:6] == [0, size, 2, 0, 4, 5]
    assert run(all_of_an_array, np.array(7, dtype), size=3) == [1, size, 7]


def test_as_many_floats_as_there_are_registers() -> None:
    powers = tuple(map(float, range(1, 9)))
    assert run(eight_floats, *powers, size=1) == [1 + 4 + 12 + 32 + 80 + 192 + 448 + 1024]
    out = np.zeros(1)
    found = made((nine_floats, (*powers, 9.0, out)))
    assert isinstance(found, Entries)
    found.run(0, 1)
    assert out[0] == 45


@pytest.mark.parametrize("count", [1, 4, 13, 14, 50])
def test_any_number_of_arguments(count: int) -> None:
    """Each array of two axes is nine words: more than registers, than each size of a call but the last."""
    arrays = tuple(np.full((2, 3), n, np.float32) for n in range(count))
    assert run(of_many, arrays, size=count) == list(range(count))


def test_more_arguments_than_fit() -> None:
    arrays, out = tuple(np.full((2, 3), n, np.float32) for n in range(60)), np.zeros(60)
    found = made((of_many, (arrays, out)))
    assert isinstance(found, Entries)
    found.run(0, 1)
    assert out.tolist() == list(range(60))


def test_part_of_the_calls() -> None:
    a, b, c = np.zeros(2), np.zeros(2), np.zeros(2)
    found = made((few, (1, 2.0, a)), (few, (3, 4.0, b)), (few, (5, 6.0, c)))
    found.run(1, 2)
    found.run(2, 2)
    assert [a.tolist(), b.tolist(), c.tolist()] == [[0, 0], [3, 4], [0, 0]]
    found.run(0, 3)
    assert [a.tolist(), b.tolist(), c.tolist()] == [[1, 2], [3, 4], [5, 6]]


def test_a_kernel_that_raises_ends_the_run() -> None:
    """As a plugin's may. What comes before it is done, what comes after it is not."""
    x, a, b, c = np.array([-1.0]), np.zeros(2), np.zeros(1), np.zeros(2)
    found = made((few, (1, 2.0, a)), (careful, (x, b)), (few, (3, 4.0, c)))
    with pytest.raises(ValueError, match="below zero"):
        found.run(0, 3)
    assert [a.tolist(), b.tolist(), c.tolist()] == [[1, 2], [0], [0, 0]]
    x[0] = 5
    found.run(1, 3)
    assert [b.tolist(), c.tolist()] == [[5], [3, 4]]


def test_chains_are_joined_in_order() -> None:
    x, out = np.array([5.0]), np.zeros(2)
    first, second = made((few, (1, 2.0, out)), (careful, (x, out))), made((few, (3, 4.0, out)))
    whole = joined([first, second])
    assert whole is not None
    whole.run_all()
    assert out.tolist() == [3, 4]
    x[0] = -1
    with pytest.raises(ValueError, match="below zero"):
        whole.run_all()
    assert out.tolist() == [1, 2]
    whole.run(2, 3)
    assert out.tolist() == [3, 4]
    assert joined([first, None]) is None


def test_a_parallel_kernel() -> None:
    x = np.arange(100_003, dtype=np.float32)
    out = np.zeros_like(x)
    made((in_parts, (x, out))).run(0, 1)
    assert np.array_equal(out, x + 1)


def test_arrays_are_kept() -> None:
    """Whoever made them may let go of them."""
    found = made((few, (1, 2.0, np.zeros(2))))
    out = found._calls[0][1][2]
    found.run(0, 1)
    assert out.tolist() == [1, 2]


def test_other_machines_call_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    out = np.zeros(2)
    found = made((few, (1, 2.0, out)), (few, (3, 4.0, np.zeros(2))))
    assert isinstance(found, Entries)
    found.run(0, 1)
    assert out.tolist() == [1, 2]


def test_words_are_those_that_numba_passes() -> None:
    """As many as the code was compiled to take, each an integer, an address or a float where it takes one."""
    args = (3, (1, 2.5), np.zeros((2, 3), np.float32), (np.zeros(2), True), np.float32(1), np.zeros(5))
    kinds = tuple(map(numba.typeof, args))

    @kernel
    def anything(a, b, c, d, e, out):  # type: ignore[no-untyped-def]
        out[0] = a

    anything.compile(kinds)
    compiled = anything.overloads[kinds]
    packer = compiled.target_context.call_conv._get_arg_packer(kinds)
    taken = [str(kind) for kind in packer.argument_types]
    _, integers, floats = chain._laid_out(anything, kinds, args)  # type: ignore[misc]
    assert len(floats) == sum(kind in ("float", "double") for kind in taken)
    assert len(integers) == len(taken) - len(floats)

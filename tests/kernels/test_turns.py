"""Steps that threads share: each part once, each step after the one before, and nobody waits for the absent."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.kernels.jit import kernel
from nnctl.kernels.turns import part_done, take_part

STEPS, PARTS = 300, 5


@kernel
def take(scratch: Any, steps: Any, parts: Any, out: Any) -> None:
    out[0] = take_part(scratch, steps, parts)


@kernel
def tell(scratch: Any) -> None:
    part_done(scratch)


@kernel
def work(scratch: Any, steps: Any, parts: Any, seen: Any, counts: Any) -> None:
    """Each part adds up what all parts of the step before have left; counts (1,): parts that this thread took."""
    while True:
        turn = take_part(scratch, steps, parts)
        if turn < 0:
            break
        s, p = turn // parts, turn % parts
        for other in range(parts):
            seen[s + 1, p] += seen[s, other]
        seen[s + 1, p] = seen[s + 1, p] % 1009 + p
        counts[0] += 1
        part_done(scratch)


def expected() -> Array:
    seen = np.ones((STEPS + 1, PARTS), np.int64)
    for s in range(STEPS):
        seen[s + 1] = seen[s].sum() % 1009 + np.arange(PARTS)
    return seen


def worked(threads: int) -> tuple[Array, int]:
    """What threads have left, and how many parts they took."""
    scratch, seen = np.zeros(16), np.zeros((STEPS + 1, PARTS), np.int64)
    seen[0] = 1
    counts = [np.zeros(1, np.int64) for _ in range(threads)]
    started = [threading.Thread(target=work, args=(scratch, STEPS, PARTS, seen, own)) for own in counts]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(60)
    assert not any(thread.is_alive() for thread in started)
    return seen, int(sum(own[0] for own in counts))


def test_each_part_once_and_in_order() -> None:
    """On one thread, on two, and on more than there are cores or parts."""
    for threads in (1, 2, 3, 9):
        for _ in range(20):
            seen, count = worked(threads)
            assert count == STEPS * PARTS
            np.testing.assert_array_equal(seen, expected())


def taken(scratch: Array, steps: int, parts: int) -> int:
    out = np.zeros(1, np.int64)
    take(scratch, steps, parts, out)
    return int(out[0])


def test_who_finds_a_step_unfinished_leaves() -> None:
    """The part that somebody holds is not waited for for ever; its holder goes on alone."""
    scratch = np.zeros(16, np.float32)
    assert [taken(scratch, 2, 2) for _ in range(3)] == [0, 1, -1]
    tell(scratch)
    assert taken(scratch, 2, 2) == -1
    tell(scratch)
    assert [taken(scratch, 2, 2) for _ in range(2)] == [2, 3]
    tell(scratch)
    tell(scratch)
    assert taken(scratch, 2, 2) == -1

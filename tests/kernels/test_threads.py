"""nnctl's own threads: every part runs once, whoever runs it, from any number of callers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]

HAMMER = """
import os, sys, threading
import numpy as np
from nnctl.kernels import jit, threads
jit.numba.set_num_threads(int(sys.argv[1]))
assert threads.install(int(sys.argv[1]))
from nnctl.kernels import codes
from nnctl.kernels.elementwise import binary_parallel
from nnctl.kernels.ranges import BLOCK

def hammer(seed, rounds):
    rng = np.random.default_rng(seed)
    for _ in range(rounds):
        n = int(rng.integers(0, 9 * BLOCK))
        x, y, out = np.full(n, 1.5, np.float32), np.full(n, seed, np.float32), np.zeros(n, np.float32)
        binary_parallel(x, y, codes.ADD, out)
        assert (out == np.float32(1.5 + seed)).all()

before = os.sched_getaffinity(0)
with threads.spread():
    hammer(1, 300)
    seen = []
    for started in ((lambda: None), threads.roam):
        other = threading.Thread(target=lambda: (started(), seen.append(os.sched_getaffinity(0))))
        other.start()
        other.join()
    assert seen == [os.sched_getaffinity(0), before]
assert os.sched_getaffinity(0) == before
callers = [threading.Thread(target=hammer, args=(seed, 150)) for seed in (2, 3, 4)]
for caller in callers:
    caller.start()
for caller in callers:
    caller.join()
print("done")
"""


@pytest.fixture
def busy() -> Iterator[None]:
    """A process that wants a core all the time."""
    hog = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield
    hog.kill()
    hog.wait()


def hammered(threads: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HAMMER, str(threads)],
        cwd=ROOT,
        env={**os.environ, "NUMBA_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "done\n", done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Numba's own threads are used")
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_part_runs_once(threads: int) -> None:
    hammered(threads)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Numba's own threads are used")
def test_beside_a_busy_process(busy: None) -> None:
    hammered(3)


def test_spread_without_workers_changes_nothing() -> None:
    from nnctl.kernels.threads import spread

    seen = []

    def look() -> None:
        with spread():
            seen.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert len(seen) == 1
    assert np.all([core in os.sched_getaffinity(0) for core in seen[0]])

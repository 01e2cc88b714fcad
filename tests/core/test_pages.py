"""Zeros in memory: where they begin, how many, and in which pages."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from nnctl.core.pages import HUGE, MANY, zeros


@pytest.mark.parametrize("nbytes", [0, 1, 1000, MANY - 1, MANY, HUGE, HUGE + 1, 3 * HUGE - 64])
def test_zeros(nbytes: int) -> None:
    made = zeros(nbytes, 64)
    assert (made.dtype, made.shape) == (np.uint8, (nbytes,))
    assert nbytes == 0 or made.ctypes.data % 64 == 0
    assert not made.any()
    made[...] = 255
    assert made.all()


def test_two_are_apart() -> None:
    first, second = zeros(MANY, 64), zeros(MANY, 64)
    first[...] = 1
    assert not second.any()


linux = pytest.mark.skipif(sys.platform != "linux", reason="of Linux")


@linux
@pytest.mark.skipif(not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="no huge pages here")
def test_huge_pages_are_asked_for() -> None:
    made = zeros(MANY, 64)
    at = made.ctypes.data
    assert at % HUGE == 0
    flags: list[str] = []
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split()
        if "-" in first and ":" not in first:
            start, end = (int(part, 16) for part in first.split("-"))
            inside = start <= at < end
        elif inside and first == "VmFlags:":
            flags = rest
    assert "hg" in flags


@linux
def test_a_child_has_its_own() -> None:
    made = zeros(MANY, 64)
    child = os.fork()
    if child == 0:
        made[...] = 1
        os._exit(0)
    os.waitpid(child, 0)
    assert not made.any()

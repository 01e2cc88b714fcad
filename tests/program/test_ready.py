"""Kernels compiled ahead of the first step: each once, told as it goes, helped by a process of its own."""

from __future__ import annotations

import gc
import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnctl.program import ready
from nnctl.program.bind import Bound

A, B = np.zeros(2), np.zeros((2, 2), np.float32)


class Kernel:
    """Compiled once; where a log is given, each compilation writes a line of what is so meanwhile."""

    def __init__(self, name: str, *, cached: bool = False, log: Path | None = None) -> None:
        self.__name__ = name
        self.cached = cached
        self.log = log
        self.stats = SimpleNamespace(cache_misses=Counter({"earlier": 2}))
        self.signatures: list[Any] = []

    def compile(self, signature: Any) -> None:
        self.signatures.append(signature)
        if not self.cached:
            self.stats.cache_misses[signature] += 1
        if self.log is not None:
            null = os.stat(os.devnull).st_rdev
            said = {
                "kernel": self.__name__,
                "silent": all(os.fstat(n).st_rdev == null for n in (0, 1, 2)),
                "ends": all(signal.getsignal(n) == signal.SIG_DFL for n in (signal.SIGINT, signal.SIGTERM)),
            }
            with self.log.open("a") as file:
                file.write(json.dumps(said) + "\n")


def program(*calls: tuple[Any, tuple[Any, ...]]) -> Bound:
    return Bound(list(calls), {}, {}, [], {})


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """No process is started; what each would have been given."""
    given: list[list[str]] = []
    monkeypatch.setattr(ready, "_help_from_the_end", lambda rest: given.append([k.__name__ for k, _ in rest]))
    return given


def test_each_kernel_with_each_signature_once_in_the_order_of_use() -> None:
    first, second = Kernel("first"), Kernel("second")
    programs = [
        program((second, (A,)), (first, (A, B)), (len, (A,))),
        program((second, (A,)), (second, (B,))),
    ]
    found = ready.wanted_kernels(programs, [ready._types(one) for one in programs])
    assert [kernel for kernel, _ in found] == [second, first, second]
    assert len(set(found)) == 3


def test_what_is_told_and_how_many_were_compiled(alone: list[list[str]]) -> None:
    """Before each kernel, and once at the end; one that the cache holds is not counted."""
    kernels = [Kernel("a", cached=True), Kernel("b"), Kernel("c"), Kernel("d", cached=True)]
    seen: list[tuple[int, int, str]] = []
    made = ready.compile_kernels([program(*((k, (A,)) for k in kernels))], lambda *told: seen.append(told))
    assert made == 2
    assert seen == [(0, 4, "a"), (1, 4, "b"), (2, 4, "c"), (3, 4, "d"), (4, 4, "")]
    assert all(len(kernel.signatures) == 1 for kernel in kernels)
    assert ready.compile_kernels([]) == 0


def test_help_is_asked_for_at_the_first_that_the_cache_does_not_hold(alone: list[list[str]]) -> None:
    cached = [Kernel("a", cached=True), Kernel("b", cached=True)]
    ready.compile_kernels([program(*((k, (A,)) for k in cached))])
    assert alone == []
    kernels = [Kernel("a", cached=True), Kernel("b"), Kernel("c", cached=True), Kernel("d")]
    ready.compile_kernels([program(*((k, (A,)) for k in kernels))])
    assert alone[0] == ["c", "d"]


def test_one_process_helps_and_is_dismissed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    dismissed: list[Any] = []
    monkeypatch.setattr(ready, "_help_from_the_end", lambda rest: asked.append(rest) or 77)
    monkeypatch.setattr(ready, "_dismiss", dismissed.append)
    ready.compile_kernels([program(*((Kernel(n), (A,)) for n in "abc"))])
    assert len(asked) == 1
    assert dismissed == [77]


@pytest.mark.parametrize("collecting", [True, False])
def test_garbage_is_collected_again_as_before(collecting: bool, alone: list[list[str]]) -> None:
    during: list[bool] = []
    (gc.enable if collecting else gc.disable)()
    try:
        ready.compile_kernels([program((Kernel("a"), (A,)))], lambda *_: during.append(gc.isenabled()))
        assert during == [False, collecting]
        assert gc.isenabled() is collecting
    finally:
        gc.enable()


def test_few_kernels_or_one_core_want_no_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("started a process"))
    three = [(Kernel(n), ()) for n in "abc"]
    assert ready._help_from_the_end(three[1:]) is None
    monkeypatch.setattr(ready, "usable_cores", lambda: 1)
    assert ready._help_from_the_end(three) is None
    monkeypatch.setattr(ready, "usable_cores", lambda: 2)
    monkeypatch.setattr(ready.sys, "platform", "darwin")
    assert ready._help_from_the_end(three) is None


def helped(kernels: list[Kernel], monkeypatch: pytest.MonkeyPatch) -> int:
    """Let a process help to its end; what it left with."""
    monkeypatch.setattr(ready, "usable_cores", lambda: 2)
    stdin = os.dup(0)
    with open(__file__, "rb") as file:
        os.dup2(file.fileno(), 0)  # pytest's own reads nothing already
        helper = ready._help_from_the_end([(kernel, ()) for kernel in kernels])
        os.dup2(stdin, 0)
    os.close(stdin)
    assert helper is not None
    _, status = os.waitpid(helper, 0)
    return status


def test_help_comes_from_the_end_until_the_cache_holds_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In silence, and ended by any signal."""
    log = tmp_path / "log"
    kernels = [Kernel(n, cached=n == "b", log=log) for n in "abcd"]
    assert helped(kernels, monkeypatch) == 0
    said = [json.loads(line) for line in log.read_text().splitlines()]
    assert [one.pop("kernel") for one in said] == ["d", "c", "b"]
    assert said == [{"silent": True, "ends": True}] * 3
    assert all(not kernel.signatures for kernel in kernels)


def test_a_helper_whose_kernel_fails_ends_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = [Kernel(n) for n in "abc"]
    kernels[2].compile = lambda signature: 1 / 0  # type: ignore[method-assign,assignment]
    assert helped(kernels, monkeypatch) == 0


def test_a_helper_of_another_parent_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked has gone."""
    monkeypatch.setattr(os, "getppid", lambda: 1)
    helped([Kernel(n, log=tmp_path / "log") for n in "abc"], monkeypatch)
    assert not (tmp_path / "log").exists()


def test_who_is_dismissed_is_gone_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[int] = []
    folder = SimpleNamespace(forget=forgotten.append)
    monkeypatch.setattr("nnctl.kernels.jit.folder", lambda: folder)
    ready._dismiss(None)
    assert forgotten == []
    helper = os.fork()
    if helper == 0:
        time.sleep(60)
        os._exit(0)
    ready._dismiss(helper)
    assert forgotten == [helper]
    with pytest.raises(ProcessLookupError):
        os.kill(helper, 0)
    ready._dismiss(helper)


def test_programs_run_compiled_code_directly() -> None:
    """Without Numba's look at the types of each call; other functions are called as they are."""
    from nnctl.kernels.chain import Chain, Entries
    from nnctl.kernels.copy import copy

    x, y, told = np.arange(3.0), np.zeros(3), []
    made, mixed = program((copy, (x, y))), program((copy, (y, x)), (told.append, (1,)))
    assert made.runner is None
    ready.compile_kernels([made, mixed])
    assert isinstance(made.runner, Chain)
    assert isinstance(mixed.runner, Entries)
    made.run()
    assert y.tolist() == [0.0, 1.0, 2.0]
    y[1] = 7.0
    mixed.run()
    assert x.tolist() == [0.0, 7.0, 2.0]
    assert told == [1]

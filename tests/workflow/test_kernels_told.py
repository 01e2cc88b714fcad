"""What is told while kernels are made ready, that they are kept, and that garbage is looked for then."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nnctl.core.events import Compiling, Event, Notice
from nnctl.kernels.stamp import stamp
from nnctl.program.programs import EvaluationProgram, PredictionProgram
from nnctl.program.session import Session
from nnctl.workflow import kernels
from nnctl.workflow.assemble import assemble
from nnctl.workflow.kernels import ready_kernels
from nnctl.workflow.train import make_job, programs_of
from tests.cli.command import CONFIGS

Progress = Callable[[int, int, str], None]


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_whatever_a_config_needs_is_kept(config: Path) -> None:
    """Each kernel has a name that lasts: one that has none is compiled anew at every start, in silence."""
    assembled = assemble(config)
    session = assembled.session(2)
    job = make_job(assembled, session)
    sizes = job.train.sizes(job.batches.size)
    programs = session.prepare([*programs_of(job), EvaluationProgram(sizes), PredictionProgram(sizes)])
    kernels = {kernel for program in programs for kernel, _ in program.calls if hasattr(kernel, "py_func")}
    assert len(kernels) > 10
    assert all(len(stamp(kernel.py_func)) == 64 for kernel in kernels)


def made_ready(
    monkeypatch: pytest.MonkeyPatch, *, empty: bool, seconds: float, notices: list[str] | None = None
) -> list[Event]:
    """What is told of three kernels that take so many seconds each; `empty`: the cache holds none."""
    now = 100.0
    monkeypatch.setattr(kernels, "time", SimpleNamespace(perf_counter=lambda: now))
    cache = SimpleNamespace(empty=empty, notices=notices or [])
    monkeypatch.setattr("nnctl.kernels.cache.folder", lambda: cache)

    def compile_kernels(progress: Progress) -> int:
        nonlocal now
        for done, name in enumerate(("a", "b", "c", "")):
            progress(done, 3, name)
            now += seconds
        return 3

    told: list[Event] = []
    session = cast(Session, SimpleNamespace(compile_kernels=compile_kernels))
    assert ready_kernels(session, told.append) == 3
    assert ready_kernels(session) == 3
    return told


def test_an_empty_cache_is_told_of_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told = made_ready(monkeypatch, empty=True, seconds=0.0)
    assert told == [
        Compiling(0, 3, "a"),
        *(Compiling(n, 3, name) for n, name in enumerate(("a", "b", "c", ""))),
    ]


def test_loading_is_told_of_when_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than 0.7 s: here after the second of three kernels."""
    assert made_ready(monkeypatch, empty=False, seconds=0.2) == []
    told = made_ready(monkeypatch, empty=False, seconds=0.36)
    assert told == [Compiling(0, 3, "c"), Compiling(2, 3, "c"), Compiling(3, 3, "")]
    assert made_ready(monkeypatch, empty=False, seconds=0.34)[:1] == []
    assert made_ready(monkeypatch, empty=False, seconds=0.24) == [], "all is done when it would be told"


def test_faults_of_the_cache_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert made_ready(monkeypatch, empty=False, seconds=0.0, notices=["full"]) == [Notice("full")]


def test_garbage_is_looked_for_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the command line had put that off; what there is by then stays for good."""
    calls: list[str] = []
    for enabled, wanted in ((False, ["freeze", "enable"] * 2), (True, [])):
        calls.clear()
        fake: Any = SimpleNamespace(
            isenabled=lambda enabled=enabled: enabled,
            freeze=lambda: calls.append("freeze"),
            enable=lambda: calls.append("enable"),
        )
        monkeypatch.setattr(kernels, "gc", fake)
        made_ready(monkeypatch, empty=False, seconds=0.0)
        assert calls == wanted
    assert gc.isenabled()

"""A fault planted in a training: in one step, one call leaves one element of one value one ulp too large.

As a program, `python tests/workflow/planted.py STEP KIND LAYER` writes `faulty-python`, an interpreter for
`bisect --python-b` that runs a module with the fault.
"""

from __future__ import annotations

import json
import runpy
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnctl.program.bind import Bound
from nnctl.program.session import Session

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Fault:
    """What goes wrong.

    Attributes:
        step: In which update, from 1.
        kind: `forward`, `gradient` or `evaluation`: the first value of that kind of `layer`; `update`: the
            weight `layer`.
        undone: Whether what it changed is as it should be again before the next step.
        after, times: How often it does not happen at first, and then how often it does: a training that is
            gone through again meets the step again.
    """

    step: int
    kind: str
    layer: str
    after: int = 0
    times: int = 1 << 30
    ulps: int = 1
    undone: bool = False


class FaultyRunner:
    """Runs a program's calls, and behind call `at` of the faulty step changes an array."""

    def __init__(
        self,
        inner: Any,
        at: int,
        array: Callable[[], Any],
        fault: Fault,
        now: list[int],
        changed: list[tuple[Any, Any]],
    ) -> None:
        self.inner, self.at, self.array = inner, at, array
        self.fault, self.now, self.changed = fault, now, changed

    def run(self, start: int, stop: int) -> None:
        """Run calls, the faulty one among them or not."""
        due = self.now == [self.fault.step] and start <= self.at < stop
        self.fault.after -= due
        if not due or self.fault.after >= 0 or self.fault.times == 0:
            self.inner.run(start, stop)
            return
        self.inner.run(start, self.at + 1)
        self.fault.times -= 1
        array = self.array()
        self.changed.append((array, array.copy()))
        place = np.unravel_index(int(np.abs(array).argmax()), array.shape)
        for _ in range(self.fault.ulps):
            array[place] = np.nextafter(array[place], np.inf, dtype=array.dtype)
        self.inner.run(self.at + 1, stop)


def plant(session: Session, fault: Fault) -> None:
    """Have the fault in a session whose kernels are ready and that has made no step."""
    now: list[int] = []
    inner = session.take_hyper
    changed: list[tuple[Any, Any]] = []

    def take_hyper(batch: int, rate: float | None) -> None:
        now[:] = [batch + 1]
        if fault.undone and now == [fault.step + 1]:
            for array, before in changed:
                array[...] = before
        changed.clear()
        inner(batch, rate)

    session.take_hyper = take_hyper  # type: ignore[method-assign]
    for program, bound in session._bound.items():
        at = _call(session, program.name, bound, fault)
        if at is not None:
            bound.runner = FaultyRunner(
                bound.runner, at, _array(session, bound, at, fault), fault, now, changed
            )


def _call(session: Session, name: str, bound: Bound, fault: Fault) -> int | None:
    """The number of the call that is faulty, if it is one of this program's."""
    if fault.kind == "update":
        return len(bound.calls) - 1 if name == "update" else None
    if name != ("evaluation" if fault.kind == "evaluation" else "training"):
        return None
    gradients = session.compiled(session.program_of(bound)).graph.gradients
    for node in dict.fromkeys(bound.sources):
        of_kind = bool(node.outputs) and (node.outputs[0] in gradients) == (fault.kind == "gradient")
        if node.origin == fault.layer and of_kind and node.outputs[0].dtype.startswith("float"):
            return len(bound.sources) - 1 - bound.sources[::-1].index(node)
    return None


def _array(session: Session, bound: Bound, at: int, fault: Fault) -> Callable[[], Any]:
    if fault.kind == "update":
        return lambda: session.weights.arrays[fault.layer]
    return lambda: bound.buffers[bound.sources[at].outputs[0]]


@contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """Sessions whose kernels are made ready meanwhile have the fault."""
    ready = Session.compile_kernels

    def compile_kernels(self: Session, *arguments: Any) -> int:
        fresh = ready(self, *arguments)
        plant(self, fault)
        return fresh

    Session.compile_kernels = compile_kernels  # type: ignore[method-assign]
    try:
        yield
    finally:
        Session.compile_kernels = ready  # type: ignore[method-assign]


def interpreter(folder: Path, fault: Fault) -> Path:
    """A program that takes what Python does after its name, and has the fault."""
    path = folder / "faulty-python"
    said = json.dumps(asdict(fault))
    lines = ["#!/bin/sh", f"PYTHONPATH='{ROOT}' exec '{sys.executable}' '{__file__}' '{said}' \"$@\""]
    path.write_text("\n".join(lines) + "\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


if __name__ == "__main__":
    _, said, *rest = sys.argv
    if said.isdecimal():
        print(interpreter(Path.cwd(), Fault(int(said), *rest)))
    else:
        with planted(Fault(**json.loads(said))):
            runpy.run_module(rest[-1], run_name="__main__")

"""Where nnctl's training step goes: its kernel calls, added up by kernel and op."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from nnctl.ops.base import Node
from nnctl.program.bind import Bound
from nnctl.program.session import Session


def calls_of(session: Session, training: Bound, fill: Callable[[], None], steps: int) -> list[dict[str, Any]]:
    """The kinds of calls of a step, those that take longest first.

    Every call of the training program, of the check of its gradients and of the update is timed in its place,
    so that caches are as in training; of `steps` steps the least time of each call counts. A kind has
    `kernel`, `op`, `calls` and `ms`, and of its nodes `flops` and `megabytes` (what they read and write, each
    once).

    Args:
        fill: Writes a batch into the program's inputs, which other programs may have written over.
    """
    check, update = session.check(), session.update()
    session.take_hyper(0, 0.0)
    kinds: dict[tuple[str, str], dict[str, Any]] = {}
    before = None
    for kernel, node, seconds in _least([training, check, update], fill, steps):
        op = type(node.op).__name__
        nothing = {"kernel": kernel, "op": op, "calls": 0, "ms": 0.0, "flops": 0, "megabytes": 0.0}
        kind = kinds.setdefault((kernel, op), nothing)
        kind["calls"] += 1
        kind["ms"] += 1e3 * seconds
        if node is not before:
            kind["flops"] += node.op.flops([v.type for v in node.inputs], [v.type for v in node.outputs])
            kind["megabytes"] += sum(v.type.nbytes for v in (*node.inputs, *node.outputs)) / 1e6
        before = node
    return sorted(kinds.values(), key=lambda kind: -kind["ms"])


def _least(programs: list[Bound], fill: Callable[[], None], steps: int) -> Iterator[tuple[str, Node, float]]:
    """Each call's kernel and node, and its least seconds of some steps."""
    runs = []
    for _ in range(steps):
        fill()
        runs.append([call for program in programs for call in program.run_timed(time.perf_counter)])
    for same in zip(*runs, strict=True):
        kernel, node = same[0][:2]
        yield kernel, node, min(seconds for *_, seconds in same)

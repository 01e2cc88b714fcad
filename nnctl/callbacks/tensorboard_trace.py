"""What the calls of some steps cost, as a trace for Perfetto or chrome://tracing and as a table."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence

from nnctl.core.events import TimedCall

_ROWS = 25
"""So many rows has the table."""


def trace(calls: Sequence[TimedCall]) -> bytes:
    """Chrome's trace format, packed: a slice for each program of a step, in it one for each kernel call."""
    name = {"name": "process_name", "ph": "M", "pid": 1, "tid": 1, "args": {"name": "nnctl"}}
    slices = [
        *_programs(calls),
        *(_slice(c.kernel, c.program, c, {"op": c.op, "of": c.origin}) for c in calls),
    ]
    text = json.dumps({"displayTimeUnit": "ms", "traceEvents": [name, *slices]})
    return gzip.compress(text.encode(), mtime=0)


def _programs(calls: Sequence[TimedCall]) -> list[dict[str, object]]:
    found: dict[tuple[int, str], TimedCall] = {}
    for call in calls:
        first = found.setdefault((call.step, call.program), call)
        whole = call.start + call.seconds - first.start
        found[call.step, call.program] = TimedCall(call.step, call.program, "", "", "", first.start, whole)
    return [_slice(f"{c.program} of step {c.step}", "step", c, {}) for c in found.values()]


def _slice(name: str, kind: str, call: TimedCall, args: dict[str, str]) -> dict[str, object]:
    begin, length = call.start * 1e6, call.seconds * 1e6
    return {
        "name": name, "cat": kind, "ph": "X", "pid": 1, "tid": 1, "ts": begin, "dur": length, "args": args,
    }  # fmt: skip


def table(calls: Sequence[TimedCall]) -> str:
    """The dearest kernels by what they were called for, as Markdown."""
    spent: dict[tuple[str, str, str, str], list[float]] = {}
    for call in calls:
        spent.setdefault((call.program, call.origin, call.op, call.kernel), []).append(call.seconds)
    whole = sum(map(sum, spent.values()))
    rows = sorted(spent.items(), key=lambda row: -sum(row[1]))
    lines = ["| program | of | op | kernel | calls | ms | share |", "|---|---|---|---|---:|---:|---:|"]
    for names, seconds in rows[:_ROWS]:
        total = sum(seconds)
        share = total / whole if whole else 0.0
        lines.append(f"| {' | '.join(names)} | {len(seconds)} | {total * 1e3:.3f} | {share:.1%} |")
    if len(rows) > _ROWS:
        lines.append(f"| {len(rows) - _ROWS} more | | | | | | |")
    return "\n".join(lines)

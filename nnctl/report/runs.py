"""`nnctl runs` as text and as JSON data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from nnctl.core.numbers import columns, duration, number, size, sparkline
from nnctl.report.markdown import markdown
from nnctl.report.tables import table, terminal_width
from nnctl.runs.compare import Comparison, ShownRun, Summary

_NAMES, _LEAST = 16, 12
"""Columns of the terminal for the names of what is compared, and for each run."""


def list_lines(runs: Sequence[Summary]) -> list[str]:
    """One line a run."""
    if not runs:
        return ["no runs yet; `nnctl train CONFIG` makes one"]
    rows = []
    for run in runs:
        m = run.manifest
        if m is None:
            rows.append((run.name, "unreadable", "", "", "", run.problem or ""))
            continue
        shown = {k: v for k, v in run.metrics.items() if v is not None and k != "learning_rate"}
        rows.append((run.name, run.status or "", str(m.epochs), str(m.steps), m.started, columns(shown)))
    header = ("run", "status", "epochs", "steps", "started", "metrics")
    return table(header, rows, right=(2, 3), drop=(3, 4, 2))


def list_json(runs: Sequence[Summary]) -> list[dict[str, Any]]:
    """`runs --json`."""
    return [_summary_json(run) for run in runs]


def show_lines(shown: ShownRun) -> list[str]:
    """All of one run."""
    m = shown.summary.manifest
    lines = [f"{shown.summary.name}: {shown.summary.status}" + (f" ({m.reason})" if m and m.reason else "")]
    if m is not None:
        facts = {
            "directory": str(shown.summary.path),
            "started": m.started,
            "ended": m.ended or "",
            "time": duration(m.wall_seconds),
            "seed": m.seed,
            "epochs": m.epochs,
            "weights of": "" if m.restored_epoch is None else f"epoch {m.restored_epoch + 1}",
            "steps": m.steps,
            "weights": m.weights_sha256 or "",
            "config": m.config_sha256,
            "data": m.data_sha256,
            "git commit": m.git_commit or "",
            "overrides": ", ".join(m.overrides),
            "versions": ", ".join(f"{k} {v}" for k, v in m.versions.items()),
        }
        lines += [f"  {name:<11} {value}" for name, value in facts.items() if value not in ("", None)]
    for name in _curves(shown):
        values = [float(row[name]) for row in shown.metrics if row.get(name) is not None]
        lines.append(
            f"  {name:<20} {sparkline(values, _curve())}  {number(values[0])} -> {number(values[-1])}"
        )
    for checkpoint in shown.checkpoints:
        best = "  best" if checkpoint["best"] else ""
        lines.append(f"  {checkpoint['file']}  {size(checkpoint['bytes'])}{best}")
    return [*lines, "", *shown.config.rstrip().splitlines()]


def _curve() -> int:
    """How long a curve may be, beside its name and two numbers."""
    width = terminal_width()
    return 40 if width is None else max(4, min(40, width - 46))


def _curves(shown: ShownRun) -> list[str]:
    skipped = ("epoch", "step", "seconds")
    names = dict.fromkeys(name for row in shown.metrics for name in row if name not in skipped)
    return [n for n in names if any(isinstance(row.get(n), int | float) for row in shown.metrics)]


def show_json(shown: ShownRun) -> dict[str, Any]:
    """`runs show --json`."""
    return {
        **_summary_json(shown.summary),
        "history": list(shown.metrics),
        "checkpoints": list(shown.checkpoints),
        "config": shown.config,
    }


def compare_lines(found: Comparison) -> list[str]:
    """What differs in configs and data, then the numbers; as many runs side by side as there is room for."""
    rows = _compared(found)
    width = terminal_width()
    count = len(found.runs) if width is None else max(1, (width - _NAMES) // _LEAST)
    lines: list[str] = []
    for first in range(0, len(found.runs), count):
        part = slice(first, first + count)
        lines += [""] if lines else []
        lines += table(("", *found.runs[part]), [(name, *cells[part]) for name, cells in rows])
    return lines


def compare_markdown(found: Comparison) -> list[str]:
    """The same as a table for a pull request."""
    rows = [("", list(found.runs)), *_compared(found)]
    lines = [f"| {' | '.join(map(markdown, (name, *cells)))} |" for name, cells in rows]
    return [lines[0], "|" + " --- |" * (1 + len(found.runs)), *lines[1:]]


def _compared(found: Comparison) -> list[tuple[str, list[str]]]:
    """Rows of text: a name, and a cell for each run."""
    rows = [(path, [_cell(v) for v in row]) for path, row in found.config.items()]
    rows += [(f"content of {path}", [(sha or "")[:16] for sha in row]) for path, row in found.data.items()]
    rows += [(name, [_beside(v, row[0]) for v in row]) for name, row in found.metrics.items()]
    rows.append(("time", [duration(v) if v is not None else "" for v in found.seconds]))
    rows.append(("weights_sha256", [(sha or "")[:16] for sha in found.weights_sha256]))
    return rows


def _beside(value: float | None, first: float | None) -> str:
    """A number, and by how much it differs from the first run's."""
    if value is None:
        return ""
    away = None if first is None else value - first
    return f"{number(value)} ({away:+.2g})" if away else number(value)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def compare_json(found: Comparison) -> dict[str, Any]:
    """`runs compare --json`."""
    return asdict(found)


def _summary_json(run: Summary) -> dict[str, Any]:
    manifest = asdict(run.manifest) if run.manifest is not None else {}
    return {
        **manifest,
        "run": run.name,
        "directory": str(run.path),
        "status": run.status,
        "metrics": dict(run.metrics),
        "problem": run.problem,
    }

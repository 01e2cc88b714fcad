"""The results as a reader wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PRODUCT = "Matrix product 2048 x 2048 x 2048, float32"


def text(found: Mapping[str, Any]) -> str:
    """Every part that was measured, as plain tables."""
    lines: list[str] = []
    if "peak" in found:
        peak = found["peak"]
        lines += [
            "",
            f"Peak: {peak['gflops']} GFLOP/s by a loop of fused multiply-adds on {found['threads']} threads "
            f"({peak['gflops_one']} on one), {peak['gigabytes']} GB/s of memory",
        ]
    workloads = found.get("workloads", {})
    for name, one in workloads.items():
        lines += ["", f"{name}: {one['title']}", *_workload(one)]
    if workloads:
        lines += _overview(workloads)
        lines += _summary(found.get("summary", {}))
    if "product" in found:
        lines += ["", PRODUCT, *_steps(found["product"]["steps"])]
    lines += _processes(found)
    if "memory" in found:
        row = found["memory"]
        lines += [
            "",
            f"Memory: planned {row['planned_megabytes']} MB + interpreter {row['interpreter_megabytes']} MB, "
            f"process {row['process_megabytes']} MB: {row['ratio']} of it",
        ]
    if "epochs" in found:
        row = found["epochs"]
        lines += [
            "",
            f"{row['epochs']:,} epochs of 65 rows: {row['seconds']} s (start {row['start']} s), "
            f"run directory {row['megabytes']} MB",
        ]
    return "\n".join(lines)


def _workload(one: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    if "failed" in one:
        lines.append(f"  failed: {one['failed']}")
    if "losses" in one:
        lines += _steps(one.get("steps", ()), "megabytes")
        lines += [_agreement("losses without dropout", one), *_left_out(one["left_out"])]
        lines += [f"  {name} {note}" for name, note in one.get("notes", {}).items()]
    if "busy" in one:
        lines += ["  beside a process that keeps one core busy"]
        head = ("", "alone ms", "busy ms", "busy mean ms", "times slower")
        keys = ("library", "ms_alone", "ms_busy", "ms_busy_mean", "times_slower")
        lines += _table(head, [[row[key] for key in keys] for row in one["busy"]])
    if "threads" in one:
        row = one["threads"]
        lines.append(
            f"  on one thread {row['ms_one']} ms, on all {row['ms']} ms: {row['ratio']} times as fast"
        )
    if "calls" in one:
        lines += ["  kernel calls of a step", *_calls(one["calls"])]
    for batch, passes in one.get("inference", {}).items():
        lines += [f"  forward, batch {batch}", *_steps(passes.get("steps", ()))]
        lines += [_agreement("outputs", passes), *_left_out(passes["left_out"])]
    return lines


def _calls(kinds: Sequence[Mapping[str, Any]]) -> list[str]:
    whole = sum(kind["ms"] for kind in kinds)
    rows = [
        [
            f"{kind['kernel']} ({kind['op']})",
            kind["calls"],
            f"{kind['ms']:.4f}",
            f"{kind['flops'] / kind['ms'] / 1e6:.2f}",
            f"{kind['megabytes'] / kind['ms']:.2f}",
            f"{kind['ms'] / whole:.3f}",
        ]
        for kind in kinds
    ]
    return _table(("", "calls", "ms", "GFLOP/s", "GB/s", "of the step"), rows)


def _agreement(what: str, compared: Mapping[str, Any]) -> str:
    if not compared["agree"]:
        return f"  {what} DO NOT AGREE: not timed"
    return f"  {what} agree: largest relative difference {compared['largest_difference']:.1e}"


def _left_out(reasons: Mapping[str, str]) -> list[str]:
    return [f"  left out: {why}" for why in reasons.values()]


def _steps(rows: Sequence[Mapping[str, Any]], *more: str) -> list[str]:
    if not rows:
        return []
    head = ("", "ms", "best burst", "best step", "x nnctl", *("peak MB" for _ in more))
    keys = ("library", "ms", "ms_best_burst", "ms_best", "ratio", *more)
    return _table(head, [[row.get(key, "") for key in keys] for row in rows])


def _overview(workloads: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A row for each workload: nnctl, its fastest peer, the share of the peak, memory; then inference."""
    lines = ["", "Training: milliseconds a step, the fastest peer's step by nnctl's, shares"]
    head = ("", "nnctl ms", "fastest peer", "/ nnctl", "of the peak", "MB", "/ leanest peer")
    rows = []
    for name, one in workloads.items():
        if one.get("steps"):
            mine, best = one["steps"][0], one["fastest"] or {"library": "", "ratio": ""}
            more = (one["share_of_peak"], mine["megabytes"], one["memory_ratio"])
            rows.append([name, mine["ms"], best["library"], best["ratio"], *map(_shown, more)])
    lines += _table(head, rows) if rows else ["nothing was timed"]
    for batch in dict.fromkeys(b for one in workloads.values() for b in one.get("inference", {})):
        passes = {name: one.get("inference", {}).get(batch, {}) for name, one in workloads.items()}
        rows = [
            [
                name,
                row["steps"][0]["ms"],
                *((row["fastest"] or {"library": "", "ratio": ""}).values()),
                _shown(row["share_of_peak"]),
            ]
            for name, row in passes.items()
            if row.get("steps")
        ]
        lines += ["", f"Forward, batch {batch}", *_table(head[:5], rows)]
    return lines


def _shown(value: Any) -> Any:
    return "" if value is None else value


def _summary(summary: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        f"{kind}: geometric mean {row['geometric_mean']} over {row['workloads']} workloads, "
        f"lowest {row['lowest']} ({row['lowest_workload']})"
        for kind, row in summary.items()
    ]


def _processes(found: Mapping[str, Any]) -> list[str]:
    processes = [*found.get("whole", ()), *([found["cold"]] if "cold" in found else [])]
    if not processes:
        return []
    keys = ("command", "seconds", "seconds_best", "megabytes", "test_accuracy")
    rows = [[row.get(key, "") for key in keys] for row in processes]
    return [
        "",
        "Whole processes",
        *_table(("", "seconds", "best", "peak MB", "accuracy"), rows),
        "accuracy: of nnctl on its validation split, of the scripts on the test split",
        *(
            f"failed: {row['command']}: exit code {row['exit_code']}"
            for row in processes
            if "exit_code" in row
        ),
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    cells = [head, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]

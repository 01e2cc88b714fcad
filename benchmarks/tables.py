"""The results as a reader wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

TITLES = {
    "mlp": "MLP 784-512-512-10 with dropout, batch 128, Adam",
    "cnn": "CNN: Conv 32, pool, Conv 64, pool, Dense 10 on 28x28x1, batch 128, Adam",
    "lstm": "LSTM: 100 x 32 into 128 units, Dense 10, batch 64, Adam",
    "product": "Matrix product 2048 x 2048 x 2048, float32",
}


def slowdowns(rows: Mapping[str, Mapping[str, Sequence[float]]]) -> list[dict[str, Any]]:
    """Milliseconds a step alone and beside a busy process, and how many times slower."""
    found = []
    for name, states in rows.items():
        alone, busy = median(states["alone"]), median(states["busy"])
        mean = sum(states["busy"]) / len(states["busy"])
        found.append(
            {
                "library": name,
                "ms_alone": round(1e3 * alone, 4),
                "ms_busy": round(1e3 * busy, 4),
                "ms_busy_mean": round(1e3 * mean, 4),
                "times_slower": round(busy / alone, 2),
            }
        )
    return found


def text(found: Mapping[str, Any]) -> str:
    """Every part that was measured, as plain tables."""
    lines: list[str] = []
    for job, title in TITLES.items():
        if job in found:
            lines += ["", title, *_steps(found[job])]
    if "busy" in found:
        lines += ["", "The MLP beside a process that keeps one core busy"]
        head = ("", "alone ms", "busy ms", "busy mean ms", "times slower")
        keys = ("library", "ms_alone", "ms_busy", "ms_busy_mean", "times_slower")
        lines += _table(head, [[row[key] for key in keys] for row in found["busy"]["steps"]])
    processes = [*found.get("whole", ()), *([found["cold"]] if "cold" in found else [])]
    if processes:
        lines += ["", "Whole processes"]
        keys = ("command", "seconds", "seconds_best", "megabytes", "test_accuracy")
        rows = [[row.get(key, "") for key in keys] for row in processes]
        lines += _table(("", "seconds", "best", "peak MB", "accuracy"), rows)
        lines.append("accuracy: of nnctl on its validation split, of the scripts on the test split")
        lines += [
            f"failed: {row['command']}: exit code {row['exit_code']}"
            for row in processes
            if "exit_code" in row
        ]
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


def _steps(result: Mapping[str, Any]) -> list[str]:
    head = ("", "ms a step", "best burst", "best step", "x nnctl")
    keys = ("library", "ms", "ms_best_burst", "ms_best", "ratio")
    rows = [[row[key] for key in keys] for row in result["steps"]]
    lines = _table(head, rows)
    if "agree" in result:
        worst = result["largest_relative_difference"]
        word = "agree" if result["agree"] else "DO NOT AGREE"
        lines.append(f"losses without dropout {word}: largest relative difference {worst:.1e}")
    return lines


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

"""The results of a run as a page of documentation (`docs/benchmarks.md`), from the JSON that `run.py` wrote.

`python -m benchmarks.page` writes it anew, and its picture, from `docs/benchmarks.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.libraries import LIBRARIES, NNCTL
from benchmarks.picture import picture
from benchmarks.roofline import roofline

DOCS = Path(__file__).resolve().parents[1] / "docs"

BEGINNING = """# Benchmarks

Made of [benchmarks.json](benchmarks.json) by `make docs`: one run of `make bench` on {machine}, {threads}
threads. [How it is made fair](../benchmarks/README.md). Milliseconds are medians. A ratio says how many of
nnctl's steps fit in one of the fastest peer: the median over rounds in which all took turns; bold below 1.
"""

KINDS = 4
"""Kinds of calls that the page has of each workload."""

CALLS = """## Where a training step's time goes

The kinds of kernel calls that take longest, the least of some steps each, and what they read, write and
compute.

![Operations for a byte and GFLOP/s of the calls, under the machine's roof](images/roofline.svg)
"""


def page(found: Mapping[str, Any]) -> str:
    """The page; `found` is what `run.py` prints."""
    machine = found["machine"]
    parts = [BEGINNING.format(machine=machine, threads=found["threads"])]
    if "peak" in found:
        peak = found["peak"]
        parts.append(
            f"The machine's peak, by a loop of fused multiply-adds: {peak['gflops']} GFLOP/s "
            f"({peak['gflops_one']} on one thread); {peak['gigabytes']} GB/s of memory.\n"
        )
    parts += [*_summary(found.get("summary", {})), *_training(found["workloads"])]
    for batch in dict.fromkeys(b for one in found["workloads"].values() for b in one.get("inference", {})):
        parts += _inference(found["workloads"], batch)
    parts += _busy(found["workloads"])
    parts += _threads(found["workloads"])
    parts += _calls(found["workloads"])
    if "product" in found:
        parts += ["## A product of 2048 x 2048 matrices\n", _table(*_times(found["product"]["steps"]))]
    parts += _processes(found)
    parts += _left_out(found["workloads"])
    return "\n".join(parts)


def _summary(summary: Mapping[str, Mapping[str, Any]]) -> list[str]:
    rows = [
        (kind, row["workloads"], row["geometric_mean"], f"{_ratio(row['lowest'])} ({row['lowest_workload']})")
        for kind, row in summary.items()
    ]
    return [_table(("", "workloads", "geometric mean", "lowest"), rows)] if rows else []


def _training(workloads: Mapping[str, Mapping[str, Any]]) -> list[str]:
    timed = {name: one for name, one in workloads.items() if one.get("steps")}
    names = _libraries(one["steps"] for one in timed.values())
    rows = []
    for name, one in timed.items():
        ms = {row["library"]: row["ms"] for row in one["steps"]}
        best = one["fastest"] or {"ratio": ""}
        more = (
            _ratio(best["ratio"]),
            one["share_of_peak"],
            one["steps"][0]["megabytes"],
            one["memory_ratio"],
        )
        rows.append([f"**{name}** {one['title']}", *(_ms(ms.get(key)) for key in names), *more])
    head = ("", *names, "fastest peer / nnctl", "share of the peak", "MB", "MB / leanest peer")
    return ["## A training step\n", _table(head, rows)]


def _inference(workloads: Mapping[str, Mapping[str, Any]], batch: str) -> list[str]:
    timed = {name: one.get("inference", {}).get(batch, {}) for name, one in workloads.items()}
    timed = {name: passes for name, passes in timed.items() if passes.get("steps")}
    names = _libraries(passes["steps"] for passes in timed.values())
    rows = []
    for name, passes in timed.items():
        ms = {row["library"]: row["ms"] for row in passes["steps"]}
        best = passes["fastest"] or {"ratio": ""}
        rows.append([name, *(_ms(ms.get(key)) for key in names), _ratio(best["ratio"])])
    return [f"## Forward, batch {batch}\n", _table(("", *names, "fastest peer / nnctl"), rows)]


def _busy(workloads: Mapping[str, Mapping[str, Any]]) -> list[str]:
    timed = {name: one["busy"] for name, one in workloads.items() if one.get("busy")}
    if not timed:
        return []
    names = _libraries(timed.values())
    rows = [
        [name, *({row["library"]: row["times_slower"] for row in busy}.get(key, "") for key in names)]
        for name, busy in timed.items()
    ]
    title = "## A training step beside a process that keeps one core busy: times slower\n"
    return [title, _table(("", *names), rows)]


def _threads(workloads: Mapping[str, Mapping[str, Any]]) -> list[str]:
    rows = [
        [name, _ms(one["threads"]["ms_one"]), _ms(one["threads"]["ms"]), one["threads"]["ratio"]]
        for name, one in workloads.items()
        if one.get("threads")
    ]
    head = ("", "one thread", "all threads", "times as fast")
    return ["## A training step of nnctl by threads, in turns\n", _table(head, rows)] if rows else []


def _calls(workloads: Mapping[str, Mapping[str, Any]]) -> list[str]:
    rows = []
    for name, one in workloads.items():
        whole = sum(kind["ms"] for kind in one.get("calls", ()))
        for kind in one.get("calls", ())[:KINDS]:
            rate, speed = kind["flops"] / kind["ms"] / 1e6, kind["megabytes"] / kind["ms"]
            call = f"{kind['kernel']} ({kind['op']})"
            rows.append([name, call, kind["calls"], *(f"{v:.3g}" for v in (kind["ms"], rate, speed))])
            rows[-1].append(f"{kind['ms'] / whole:.2f}")
            name = ""
    head = ("", "call", "calls", "ms", "GFLOP/s", "GB/s", "of the step")
    return [CALLS, _table(head, rows)] if rows else []


def _processes(found: Mapping[str, Any]) -> list[str]:
    processes = [*found.get("whole", ()), *([found["cold"]] if "cold" in found else [])]
    rows = [[row["command"], row["seconds"], row["megabytes"]] for row in processes if "exit_code" not in row]
    return ["## Whole processes\n", _table(("", "seconds", "peak MB"), rows)] if rows else []


def _left_out(workloads: Mapping[str, Mapping[str, Any]]) -> list[str]:
    told = [
        f"- {name}: {why}"
        for name, one in workloads.items()
        for why in (
            *([f"failed: {one['failed']}"] if "failed" in one else []),
            *one.get("left_out", {}).values(),
        )
    ]
    return ["## Left out\n", *told, ""] if told else []


def _times(steps: Sequence[Mapping[str, Any]]) -> tuple[Sequence[str], list[list[Any]]]:
    return ("", "ms", "/ nnctl"), [[row["library"], row["ms"], row["ratio"]] for row in steps]


def _libraries(steps: Iterable[Sequence[Mapping[str, Any]]]) -> list[str]:
    """The libraries that were timed, in their own order, nnctl first."""
    seen = {row["library"] for rows in steps for row in rows}
    return [one.name for one in LIBRARIES if one.name in seen or one.name == NNCTL]


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _ratio(value: Any) -> str:
    if value == "":
        return ""
    return f"{value:.2f}" if value >= 1 else f"**{value:.2f}**"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table."""
    cells = [head, ["---"] * len(head), *rows]
    return (
        "\n".join(
            "| " + " | ".join("" if cell is None else str(cell) for cell in row) + " |" for row in cells
        )
        + "\n"
    )


def pages() -> dict[Path, str]:
    """What follows from the run that is kept, by file."""
    found = json.loads((DOCS / "benchmarks.json").read_text(encoding="utf-8"))
    made = {
        DOCS / "benchmarks.md": page(found),
        DOCS / "images" / "benchmarks.svg": picture(found),
    }
    if any(one.get("calls") for one in found["workloads"].values()):
        made[DOCS / "images" / "roofline.svg"] = roofline(found)
    return made


if __name__ == "__main__":
    for file, text in pages().items():
        file.write_text(text, encoding="utf-8")

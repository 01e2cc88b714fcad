"""What the figures of a run come to: each workload's fastest peer, geometric means, shares of the peak."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.libraries import NNCTL


def fastest(steps: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The peer with the smallest ratio: its name, and how many steps of nnctl fit in one of it."""
    peers = [row for row in steps if row["library"] != NNCTL]
    if not peers:
        return None
    best = min(peers, key=lambda row: row["ratio"])
    return {"library": best["library"], "ratio": best["ratio"]}


def share(flops: float, milliseconds: float, peak: Mapping[str, Any] | None) -> float | None:
    """The part of the measured peak that so many operations in so many milliseconds are."""
    if not peak or not milliseconds:
        return None
    return round(flops / (1e6 * milliseconds) / peak["gflops"], 3)


def geometric_mean(values: Sequence[float]) -> float:
    """The n-th root of the product of n positive numbers."""
    return math.exp(sum(map(math.log, values)) / len(values))


def add(found: dict[str, Any]) -> None:
    """Put into a run's results what they come to.

    Each workload gets `fastest`, `share_of_peak` and `memory_ratio` (its megabytes by the
    leanest peer's), each of its inferences `fastest` and `share_of_peak`, and the run a `summary`.
    """
    peak = found.get("peak")
    for one in found.get("workloads", {}).values():
        if one.get("steps"):
            one["fastest"] = fastest(one["steps"])
            one["share_of_peak"] = share(one["flops"], one["steps"][0]["ms"], peak)
            lean = [row["megabytes"] for row in one["steps"][1:]]
            one["memory_ratio"] = round(one["steps"][0]["megabytes"] / min(lean), 3) if lean else None
        for batch, passes in one.get("inference", {}).items():
            if passes.get("steps"):
                passes["fastest"] = fastest(passes["steps"])
                operations = one["flops_forward"] * int(batch)
                passes["share_of_peak"] = share(operations, passes["steps"][0]["ms"], peak)
    found["summary"] = _summary(found.get("workloads", {}))


def _summary(workloads: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    kinds: dict[str, dict[str, Mapping[str, Any]]] = {"training": dict(workloads)}
    for name, one in workloads.items():
        for batch, passes in one.get("inference", {}).items():
            kinds.setdefault(f"inference {batch}", {})[name] = passes
    made = {}
    for kind, rows in kinds.items():
        ratios = {name: row["fastest"]["ratio"] for name, row in rows.items() if row.get("fastest")}
        if ratios:
            lowest = min(ratios, key=lambda name: ratios[name])
            made[kind] = {
                "workloads": len(ratios),
                "geometric_mean": round(geometric_mean(list(ratios.values())), 3),
                "lowest": ratios[lowest],
                "lowest_workload": lowest,
            }
    return made


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

"""Timing in turns: every library works a short burst, again and again, so that all see the same machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.processes import Worker

Say = Callable[[str], None]

AGREEMENT = 2e-3
"""How far losses may differ after a few steps. PyTorch's Adam adds epsilon elsewhere than Keras's, which
tells where gradients are tiny: 1e-3; all others agree to 1e-5."""


@dataclass
class Timed:
    """One worker's bursts of one job: the seconds of each step, a list a burst."""

    worker: Worker
    bursts: list[list[float]] = field(default_factory=list)

    def medians(self) -> list[float]:
        """The median step of each burst."""
        return [median(burst) for burst in self.bursts]

    def summary(self, first: Timed) -> dict[str, Any]:
        """Milliseconds a step, and how often the first worker's step fits in (median over paired bursts)."""
        mine = self.medians()
        ratios = [a / b for a, b in zip(mine, first.medians(), strict=True)]
        return {
            "library": self.worker.name,
            "ms": round(1e3 * median(s for burst in self.bursts for s in burst), 4),
            "ms_best_burst": round(1e3 * min(mine), 4),
            "ms_best": round(1e3 * min(s for burst in self.bursts for s in burst), 4),
            "ratio": round(median(ratios), 3),
            "steps": sum(map(len, self.bursts)),
        }


def in_turns(workers: Sequence[Worker], job: str, rounds: int, seconds: float, say: Say) -> list[Timed]:
    """Time `job` in bursts of about `seconds`, `rounds` of them for each worker, taking turns."""
    timed = []
    for worker in workers:
        try:
            worker.ask(do="burst", job=job, seconds=seconds)
        except RuntimeError as error:
            say(f"  left out: {error}")
            continue
        timed.append(Timed(worker))
    for turn in range(rounds):
        say(f"  {job}: round {turn + 1} of {rounds}")
        for one in timed:
            one.bursts.append(one.worker.ask(do="burst", job=job, seconds=seconds))
    return timed


def agreement(workers: Sequence[Worker], job: str, steps: int, say: Say) -> dict[str, Any]:
    """The losses of the first steps without dropout by library, and the largest relative difference."""
    losses: dict[str, list[float]] = {}
    for worker in workers:
        try:
            losses[worker.name] = worker.ask(do="losses", job=job, steps=steps)
        except RuntimeError as error:
            say(f"  left out: {error}")
    rows = list(losses.values())
    worst = max((abs(a - b) / abs(b) for row in rows for a, b in zip(row, rows[0], strict=True)), default=0.0)
    return {"losses": losses, "largest_relative_difference": worst, "agree": worst < AGREEMENT}

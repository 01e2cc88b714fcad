"""Timing in turns: every library works a short burst, again and again, so that all see the same machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.processes import Worker

Say = Callable[[str], None]

AGREEMENT = 2e-3
"""How far losses may differ after a few steps. PyTorch's Adam adds epsilon elsewhere than Keras's, which
tells where gradients are tiny: 1e-3; all others agree to 1e-5."""
SAME_OUTPUTS = 1e-3
"""How far outputs may differ, as a part of the largest of them."""


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


def in_turns(
    workers: Sequence[Worker], rounds: int, say: Say, left_out: dict[str, str], **request: Any
) -> list[Timed]:
    """Time a request in bursts, `rounds` of them for each worker after one to warm up, taking turns.

    Args:
        left_out: Takes who cannot, and why.
    """
    timed = [Timed(worker) for worker in workers]
    for turn in range(rounds + 1):
        say(f"  {request['job']}: {request['do']}, round {turn} of {rounds}")
        given = answers([one.worker for one in timed], left_out, **request)
        timed = [one for one in timed if one.worker.name in given]
        for one in timed:
            if turn:
                one.bursts.append(given[one.worker.name])
    return timed


def summaries(timed: Sequence[Timed], first: str) -> list[dict[str, Any]]:
    """A row for each library beside the first; none where that was left out."""
    if not timed or timed[0].worker.name != first:
        return []
    return [one.summary(timed[0]) for one in timed]


def answers(workers: Sequence[Worker], left_out: dict[str, str], **request: Any) -> dict[str, list[float]]:
    """What each worker says, by its name; who cannot is left out."""
    found: dict[str, list[float]] = {}
    for worker in workers:
        try:
            found[worker.name] = worker.ask(**request)
        except RuntimeError as error:
            left_out[worker.name] = str(error)
    return found


def loss_difference(mine: Sequence[float], others: Sequence[float]) -> float:
    """The largest relative difference of the losses of the same steps; of anything not finite, infinity."""
    return _largest(abs(a - b) / abs(b) if b else abs(a) for a, b in zip(mine, others, strict=True))


def output_difference(mine: Sequence[float], others: Sequence[float]) -> float:
    """The largest difference of outputs, as a part of the largest of them."""
    scale = max(map(abs, others), default=0.0) or 1.0
    return _largest(abs(a - b) / scale for a, b in zip(mine, others, strict=True))


def _largest(differences: Any) -> float:
    """The largest; a NaN among them is larger than any."""
    return max((d if d == d else float("inf") for d in differences), default=0.0)


def agreement(
    said: Mapping[str, Sequence[float]],
    first: str,
    difference: Callable[[Sequence[float], Sequence[float]], float],
    most: float,
) -> dict[str, Any]:
    """How far each library is from the first, which of them agree, and the largest difference of those.

    Who differs by `most` or more computes something else. `agree` is false where nobody computes what the
    first does, or the first said nothing.
    """
    if first not in said:
        return {"differences": {}, "agreeing": [], "agree": False, "largest_difference": 0.0}
    found = {name: difference(row, said[first]) for name, row in said.items() if name != first}
    agreeing = [name for name, value in found.items() if value < most]
    return {
        "differences": found,
        "agreeing": agreeing,
        "agree": bool(agreeing) or not found,
        "largest_difference": max((found[name] for name in agreeing), default=0.0),
    }

"""One of several runs of a config, and what all of them come to."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from nnctl.core.errors import NnctlError
from nnctl.core.numbers import number
from nnctl.core.records import record
from nnctl.evaluation.report import told_numbers
from nnctl.runs.directory import MANIFEST, RunDirectory, begun
from nnctl.spec.language.expect import Expectation
from nnctl.workflow.expectable import Better, called
from nnctl.workflow.expected import Outcome
from nnctl.workflow.train import start

Numbers = Mapping[str, Mapping[str, float]]
"""By split, by name."""


@record
class Task:
    """A run to be trained in a process of its own."""

    config: Path
    run_dir: Path
    overrides: tuple[str, ...]
    seed: int
    threads: int
    allow_plugins: bool


@record
class Ended:
    """What became of a run.

    Attributes:
        numbers: What it is worth on each split that was scored.
        baseline: The same of what predicts the majority class or the mean.
        expectations: What was wanted of it and what was found, in the order of the config.
    """

    run_dir: Path
    status: str
    exit_code: int
    seconds: float = 0.0
    epochs: int = 0
    weights_sha256: str | None = None
    numbers: Numbers = field(default_factory=dict)
    baseline: Numbers = field(default_factory=dict)
    expectations: tuple[Mapping[str, Any], ...] = ()
    error: NnctlError | None = None

    @property
    def completed(self) -> bool:
        """Whether it was trained to its end."""
        return self.status == "completed"

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        return {
            "run": str(self.run_dir),
            "status": self.status,
            "epochs": self.epochs,
            "weights_sha256": self.weights_sha256,
            "numbers": {split: _finite(numbers) for split, numbers in self.numbers.items()},
            "error": str(self.error) if self.error is not None else None,
        }

    @classmethod
    def lost(cls, run_dir: Path, words: str) -> Ended:
        """Of a run whose process ended without a result."""
        return cls(run_dir, "interrupted", 1, error=NnctlError(words))


def _finite(numbers: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in numbers.items()}


def train_one(task: Task) -> Ended:
    """Train a run, go on with it, or read what it came to where it is trained already."""
    # Ctrl-C in a terminal reaches every process of a group; the parent tells this one what to do.
    os.setpgid(0, 0)
    began = time.perf_counter()
    there = (task.run_dir / MANIFEST).exists() or (task.run_dir.is_dir() and begun(task.run_dir))
    try:
        training = start(
            task.config,
            run_dir=task.run_dir,
            resume=there,
            overrides=task.overrides,
            seed=task.seed,
            threads=task.threads,
            allow_plugins=task.allow_plugins,
            recording=True,
        )
        for _ in training.events():
            pass
        manifest = training.manifest
        numbers, baseline = told(RunDirectory(task.run_dir), manifest.weights_sha256)
    except NnctlError as error:
        return Ended(task.run_dir, "failed", error.exit_code, error=error)
    except Exception as error:
        fault = NnctlError(f"a fault of nnctl's own: {type(error).__name__}: {error}")
        return Ended(task.run_dir, "failed", fault.exit_code, error=fault)
    return Ended(
        task.run_dir,
        manifest.status,
        training.exit_code,
        time.perf_counter() - began,
        manifest.epochs,
        manifest.weights_sha256,
        numbers,
        baseline,
        tuple(manifest.expectations),
        None if manifest.status == "completed" else NnctlError(manifest.reason or manifest.status),
    )


def told(run: RunDirectory, weights_sha256: str | None) -> tuple[Numbers, Numbers]:
    """A run's numbers and its baseline's by split, as `evaluation.json` has them."""
    numbers: dict[str, dict[str, float]] = {}
    baseline: dict[str, dict[str, float]] = {}
    splits = run.scores(weights_sha256).splits if weights_sha256 is not None else {}
    for split, scores in splits.items():
        outputs = scores.get("outputs", {})
        numbers[split], baseline[split] = {}, {}
        for output, report in outputs.items():
            for name, value in told_numbers(report).items():
                numbers[split][called(output, name, len(outputs) > 1)] = value
            for name, value in (report.get("baseline") or {}).items():
                baseline[split][called(output, name, len(outputs) > 1)] = value
        numbers[split] |= {
            name: math.nan if value is None else value for name, value in scores["metrics"].items()
        }
    return numbers, baseline


def mean_and_deviation(runs: Sequence[Ended]) -> tuple[Numbers, Numbers]:
    """Over the runs that were trained, of what all of them have; the deviation is that of a sample."""
    done = [run.numbers for run in runs if run.completed]
    mean: dict[str, dict[str, float]] = {}
    deviation: dict[str, dict[str, float]] = {}
    for split, names in (done[0] if done else {}).items():
        mean[split], deviation[split] = {}, {}
        for name in names:
            values = [numbers.get(split, {}).get(name, math.nan) for numbers in done]
            if all(map(math.isfinite, values)):
                mean[split][name] = statistics.fmean(values)
                deviation[split][name] = statistics.stdev(values) if len(values) > 1 else 0.0
    return mean, deviation


def of_mean(
    expected: Sequence[Expectation], better: Mapping[str, Better], runs: Sequence[Ended], mean: Numbers
) -> tuple[Outcome, ...]:
    """Expectations of a metric, held against the mean; others have to hold in every run.

    What compares with a record is passed by: that is a record of one run.
    """
    alone = iter(zip(*(run.expectations for run in runs), strict=True))
    found = []
    for one in (one for one in expected if not one.needs_record):
        each = next(alone, ())
        if one.metric is not None and one.by_epoch is None:
            found.append(_of_metric(one, better, runs, mean))
        else:
            broken = next((outcome for outcome in each if not outcome["holds"]), None)
            told = str((broken or each[0])["found"]) if each else "nothing"
            found.append(Outcome(f"{one.words()}, in every run", told, broken is None and bool(each)))
    return tuple(found)


def _of_metric(
    one: Expectation, better: Mapping[str, Better], runs: Sequence[Ended], mean: Numbers
) -> Outcome:
    metric, wanted = one.metric or "", f"mean of {one.words()}"
    value = mean.get(one.on, {}).get(metric)
    if value is None:
        return Outcome(wanted, f"nothing: '{metric}' was not scored on {one.on} in every run", False)
    if one.of == "above_baseline":
        bases = [run.baseline.get(one.on, {}).get(metric, math.nan) for run in runs]
        base = statistics.fmean(bases)
        above = value - base if better.get(metric, "max") == "max" else base - value
        return Outcome(wanted, f"{number(value)}, the baseline {number(base)}", above >= one.bound)
    return Outcome(wanted, number(value), value >= one.bound if one.of == "at_least" else value <= one.bound)

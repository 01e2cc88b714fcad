"""Optuna's samplers and pruners, made anew for each trial: a draw depends on seed, trial and history."""

from __future__ import annotations

from typing import Any

from nnctl.core.keys import key
from nnctl.spec.language.sweep import Range, SweepSpec


def sampler(sweep: SweepSpec, seed: int, number: int) -> Any:
    """The sampler of one trial. It keeps nothing: an interrupted study goes on as it would have."""
    from optuna import samplers

    drawn = key(seed, "sweep", number)[0]
    match sweep.sampler:
        case "tpe":
            # With one worker nothing else is running, and the liar has nothing to say.
            return samplers.TPESampler(n_startup_trials=sweep.startup, constant_liar=True, seed=drawn)
        case "cmaes":
            return samplers.CmaEsSampler(n_startup_trials=sweep.startup, seed=drawn)
        case _:  # Of a grid every value is given.
            return samplers.RandomSampler(seed=drawn)


def pruner(sweep: SweepSpec, epochs: int) -> Any:
    """What says after each epoch (from 1) whether a trial is given up."""
    from optuna import pruners

    least = max(1, sweep.warmup)
    match sweep.pruner:
        case "median":
            return pruners.MedianPruner(n_startup_trials=sweep.startup, n_warmup_steps=sweep.warmup)
        case "halving":
            return pruners.SuccessiveHalvingPruner(min_resource=least)
        case "hyperband":
            return pruners.HyperbandPruner(min_resource=least, max_resource=max(epochs, least))
        case _:
            return pruners.NopPruner()


def suggest(trial: Any, path: str, range_: Range) -> Any:
    """A value of a range. Choices that are no scalars are chosen by their number."""
    if range_.choices is not None:
        return range_.choices[trial.suggest_categorical(path, list(range(len(range_.choices))))]
    assert range_.low is not None
    assert range_.high is not None
    if range_.int:
        low, high, step = round(range_.low), round(range_.high), round(range_.step or 1)
        return trial.suggest_int(path, low, high, step=step, log=range_.log)
    return trial.suggest_float(path, range_.low, range_.high, step=range_.step, log=range_.log)


def fixed(settings: dict[str, Any], sweep: SweepSpec) -> dict[str, Any]:
    """Settings as Optuna keeps them, for a trial that has them given."""
    ranges = sweep.every()
    found = {}
    for path, value in settings.items():
        choices = ranges[path].choices
        found[path] = value if choices is None else list(choices).index(value)
    return found

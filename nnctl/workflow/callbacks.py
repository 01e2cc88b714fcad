"""Asking callbacks whether they can work in a run, before it starts."""

from __future__ import annotations

from nnctl.graph.objective import Objective
from nnctl.spec.load import Loaded


def check_callbacks(loaded: Loaded, objective: Objective, validation: bool) -> None:
    """Raise ConfigError, placed, where a callback watches what the logs will not have."""
    names = list(objective.log_names())
    if validation:
        names += [f"val_{name}" for name in names]
    names.append("learning_rate")
    problems = [
        problem.below(("training", "callbacks", index))
        for index, callback in enumerate(loaded.experiment.training.callbacks)
        for problem in callback.problems(names)
    ]
    if problems:
        raise loaded.fail(problems)

"""Asking callbacks whether they can work in a run, before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from nnctl.callbacks.log_file import LogFile
from nnctl.core.errors import Problem
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective
from nnctl.spec.load import LoadedExperiment


def log_names(objective: Objective, validation: bool) -> tuple[str, ...]:
    """Every name that the logs of an epoch may have."""
    return tuple(_with_validated(objective.log_names(), validation))


def better(objective: Objective) -> dict[str, Literal["min", "max"]]:
    """Whether less or more is better, of every log whose metric tells; validated ones too."""
    known = objective.better()
    return known | {f"val_{name}": way for name, way in known.items()}


def _with_validated(names: Sequence[str], validation: bool) -> list[str]:
    validated = [f"val_{name}" for name in names] if validation else []
    return [*names, *validated, "learning_rate"]


def check_callbacks(
    loaded: LoadedExperiment,
    objective: Objective,
    validation: bool,
    complete: bool,
    model: LayerGraph | None = None,
) -> None:
    """Raise ConfigError, placed, where a callback watches what the logs, or the model, will not have.

    Where the objective is not `complete`, what is watched may belong to what is missing: its name is taken
    as given, and it is asked only whether there is a validation split for it.
    """
    names = list(objective.log_names())
    if not complete:
        watched = [callback.monitors() for callback in loaded.experiment.training.callbacks]
        names += sorted({name.removeprefix("val_") for name in watched if name} - {*names, "learning_rate"})
    names = _with_validated(names, validation)
    problems = [
        problem.below(("training", "callbacks", index))
        for index, callback in enumerate(loaded.experiment.training.callbacks)
        for problem in callback.beside(better(objective)).problems(names)
    ]
    if not complete:
        problems = [replace(p, expected=None, suggestion=None) for p in problems if p.path[-1] == "monitor"]
    problems += _beside_optimizer(loaded)
    problems += _of_model(loaded, model)
    problems += _same_files(loaded)
    if problems:
        raise loaded.fail(problems)


def _beside_optimizer(loaded: LoadedExperiment) -> Iterator[Problem]:
    """Callbacks that want of the optimizer what it does not have: an average of the weights, a rate."""
    training, optimizer = loaded.experiment.training, loaded.experiment.training.optimizer
    for index, callback in enumerate(training.callbacks):
        name, path = type(callback).__name__, ("training", "callbacks", index)
        if callback.needs_average and optimizer.final_slot is None:
            message = f"{name} needs an average of the weights, which the optimizer does not keep"
            yield Problem(message, path, "`use_ema: true` in training.optimizer")
        if callback.sets_rate is not None and not optimizer.has_rate:
            message = f"{name} sets the learning rate, of which {type(optimizer).__name__} has several"
            yield Problem(message, path, "schedules in its optimizers")


def _of_model(loaded: LoadedExperiment, model: LayerGraph | None) -> Iterator[Problem]:
    """What callbacks say of layers that the model does not have."""
    if model is not None:
        layers = {node.owner: type(node.layer).__name__ for node in model.nodes}
        for index, callback in enumerate(loaded.experiment.training.callbacks):
            for problem in callback.model_problems(layers):
                yield problem.below(("training", "callbacks", index))


def _same_files(loaded: LoadedExperiment) -> Iterator[Problem]:
    """Log files by a name that a callback above has: each would write over the other."""
    seen: set[str] = set()
    for index, callback in enumerate(loaded.experiment.training.callbacks):
        if isinstance(callback, LogFile):
            if callback.filename in seen:
                path = ("training", "callbacks", index, "filename")
                yield Problem(f"another callback writes '{callback.filename}' already", path)
            seen.add(callback.filename)

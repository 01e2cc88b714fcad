"""From a config to everything that can run: data, layer graph, objective, session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnctl.core.errors import ConfigError, NnctlError, Problem
from nnctl.core.memory import memory
from nnctl.core.records import record
from nnctl.data.head import Head, head
from nnctl.data.open import Data, open_data
from nnctl.graph.build import build
from nnctl.graph.compile import compile_partly
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective
from nnctl.graph.wanted import data_arguments
from nnctl.spec.load import LoadedExperiment, PartlyValid, load, with_model
from nnctl.workflow.initial import standing_alone
from nnctl.workflow.keras_structure import keras_structure
from nnctl.workflow.known import check_against, part, whole
from nnctl.workflow.placed import collected, placed
from nnctl.workflow.plugins import load_plugins

if TYPE_CHECKING:
    from nnctl.program.session import Session


@record
class Assembled:
    """An experiment with its data opened and its model built. No kernel is loaded yet."""

    loaded: LoadedExperiment
    data: Data
    model: LayerGraph
    objective: Objective
    warnings: tuple[Problem, ...] = ()
    """What is legal and surely a mistake, placed."""

    def session(self, threads: int, runs: bool = True) -> Session:
        """A session that trains this experiment, with room for gradients and optimizer slots.

        Args:
            runs: Whether anything is to be computed; else there is no such room, and sizes are all there is.

        Raises:
            ConfigError: it is to run, and this machine has too little memory.
        """
        from nnctl.workflow.kernels import use_threads

        use_threads(threads)
        from nnctl.program.session import Session
        from nnctl.program.weights import aligned, imagined

        experiment = self.loaded.experiment
        optimizer = experiment.training.optimizer
        if runs:
            need_memory_for(self.loaded, self.model)
        return Session(
            self.model,
            dtype=experiment.dtype,
            seed=experiment.seed,
            threads=threads,
            objective=self.objective,
            optimizer=optimizer,
            direct_convolution=experiment.exact_convolution == "direct",
            recompute=experiment.training.recompute,
            room=aligned if runs else imagined,
        )

    def need_memory(self, nbytes: int, what: str, path: tuple[str, ...], expected: str) -> None:
        """Refuse what can never fit. Raises ConfigError: this machine has less than `nbytes` of memory."""
        _need_memory(self.loaded, nbytes, what, path, expected)


def need_memory_for(loaded: LoadedExperiment, model: LayerGraph) -> None:
    """Hold the parameters, their gradients and the optimizer's slots against the memory.

    Raises:
        ConfigError: this machine has less.
    """
    trainable, fixed = model.parameters()
    slots = 0
    for own in loaded.experiment.training.optimizer.parts(model.trainable()):
        slots += len(own.optimizer.all_slots()) * sum(model.weights[name].size for name in own.names)
    size = np.dtype(loaded.experiment.dtype).itemsize * (2 * trainable + slots + fixed)
    _need_memory(loaded, size, f"{trainable + fixed:,} parameters", ("model",), "fewer units or filters")


def _need_memory(
    loaded: LoadedExperiment, nbytes: int, what: str, path: tuple[str, ...], expected: str
) -> None:
    """Refuse what can never fit; without this the system would kill the process, or Python give up."""
    there, who = memory() or (nbytes, "")
    if nbytes > there:
        message = f"{what} need {nbytes / 2**30:,.1f} GiB, {who} {there / 2**30:,.1f} GiB"
        raise loaded.fail([Problem(message, path, expected=expected)])


def assemble(
    config: Path,
    *,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    allow_plugins: bool = False,
    recording: bool = False,
) -> Assembled:
    """Load a config, open its data, build its model.

    Args:
        recording: A record is going to be made: nothing is expected yet that compares with one.

    Raises:
        ConfigError: everything that is wrong, placed in the file.
        DataError: the data cannot be used.
    """
    loaded = load_experiment(config, overrides, seed, allow_plugins)
    if recording:
        expected = tuple(e for e in loaded.experiment.expect if not e.needs_record)
        loaded = replace(loaded, experiment=loaded.experiment.model_copy(update={"expect": expected}))
    return assemble_loaded(loaded)


def load_experiment(
    config: Path, overrides: Sequence[str] = (), seed: int | None = None, allow_plugins: bool = False
) -> LoadedExperiment:
    """Load a config so that it stands alone: a model in a file of its own is taken in.

    Raises:
        ConfigError: everything that can be known to be wrong without data.
    """
    load_plugins(config, allow_plugins)
    try:
        loaded = _standing_alone(load(config, overrides, seed))
    except PartlyValid as error:
        raise error.rest.fail([*error.problems, *_more_problems(error.rest)]) from None
    return loaded


def _more_problems(rest: LoadedExperiment) -> Sequence[Problem]:
    """What data, shapes and callbacks show to be wrong besides, in what is left of a config."""
    try:
        look(_standing_alone(rest))
    except ConfigError as error:
        return error.problems
    except (NnctlError, OSError):
        # Of the data, or the machine: to be said once the config is right.
        pass
    return ()


def _standing_alone(loaded: LoadedExperiment) -> LoadedExperiment:
    """The experiment with a model from a file of its own taken in. Raises ConfigError."""
    model = standing_alone(loaded, with_model(loaded, keras_structure))
    return replace(loaded, experiment=loaded.experiment.model_copy(update={"model": model}))


def assemble_loaded(loaded: LoadedExperiment) -> Assembled:
    """`assemble` for a config that was loaded already."""
    experiment = loaded.experiment
    with _reading(loaded):
        data = open_data(
            experiment.data,
            loaded.directory,
            experiment.seed,
            **data_arguments(experiment),
            dtype=experiment.dtype,
        )
    checked = check_against(loaded, whole(data))
    assert checked.model is not None
    return Assembled(loaded, data, checked.model, checked.objective, checked.warnings)


@record
class Looked:
    """What a quick look at an experiment found.

    Attributes:
        head: What was seen of the data.
        model: The model, if its shapes are known.
        warnings: What is legal and surely a mistake, placed.
        objective: The model's losses and metrics.
    """

    head: Head
    model: LayerGraph | None
    warnings: tuple[Problem, ...]
    objective: Objective


def look(loaded: LoadedExperiment) -> Looked:
    """Look at the data as far as that is quick, and check all that can be known then.

    Raises:
        ConfigError: everything that is wrong, placed in the file.
        DataError: the data cannot be used.
    """
    experiment = loaded.experiment
    with _reading(loaded):
        seen = head(experiment.data, loaded.directory, seed=experiment.seed, **data_arguments(experiment))
    # A small file was read whole: nothing is left to guess.
    known = whole(seen.data) if seen.exact else part(experiment.data, seen)
    checked = check_against(loaded, known)
    return Looked(seen, checked.model, checked.warnings, checked.objective)


@contextmanager
def _reading(loaded: LoadedExperiment) -> Iterator[None]:
    """`placed`; with wrong names of targets or rows come problems of a model that declares its own shapes."""
    try:
        with placed(loaded):
            yield
    except ConfigError as error:
        problems = list(error.problems)
        experiment = loaded.experiment
        shapes = data_arguments(experiment)["input_shapes"]
        if all(map(_apart, problems)) and shapes and None not in shapes.values():
            with collected(problems):
                model = build(experiment.model, unknown=loaded.unknown)
                if not loaded.unknown:
                    problems += compile_partly(experiment.training, model)[1]
        raise loaded.fail(problems) from None


def _apart(problem: Problem) -> bool:
    """Whether a problem of the data has no part in the shapes of inputs."""
    match problem.path:
        case ("data", "target" | "targets" | "sample_weight" | "split", *_):
            return True
        case ("data", "source" | "train", "target"):
            return True
    return False

"""From a config to everything that can run: data, layer graph, objective, session."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnctl.core.errors import ConfigError, DataError, NnctlError, Problem
from nnctl.core.memory import memory
from nnctl.data.feeding.dataset import Signature
from nnctl.data.head import Head, head
from nnctl.data.open import Data, open_data
from nnctl.data.preprocessing import TargetPrep
from nnctl.graph.build import build
from nnctl.graph.compile import compile_partly
from nnctl.graph.indices import check_table_sizes
from nnctl.graph.lengths import check_lengths, length_problems, varies
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.graph.objective import Objective
from nnctl.graph.targets import check_shapes, check_targets, label_problems
from nnctl.graph.units import with_own_units
from nnctl.graph.wanted import data_arguments
from nnctl.spec.load import LoadedExperiment, PartlyValid, load, with_model
from nnctl.warnings.base import Seen
from nnctl.warnings.table import warnings_of
from nnctl.workflow.batch_reader import make_reader
from nnctl.workflow.callbacks import check_callbacks
from nnctl.workflow.initial import standing_alone
from nnctl.workflow.plugins import load_plugins

if TYPE_CHECKING:
    from nnctl.program.session import Session


@dataclass(frozen=True)
class Assembled:
    """An experiment with its data opened and its model built. No kernel is loaded yet."""

    loaded: LoadedExperiment
    data: Data
    model: LayerGraph
    objective: Objective
    warnings: tuple[Problem, ...] = ()
    """What is legal and surely a mistake, placed."""

    def session(self, threads: int) -> Session:
        """A session that trains this experiment, with room for gradients and optimizer slots."""
        from nnctl.workflow.kernels import use_threads

        use_threads(threads)
        from nnctl.program.session import Session

        experiment = self.loaded.experiment
        optimizer = experiment.training.optimizer
        need_memory_for(self.loaded, self.model)
        return Session(
            self.model,
            dtype=experiment.dtype,
            seed=experiment.seed,
            threads=threads,
            objective=self.objective,
            optimizer=optimizer,
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
    slots = len(loaded.experiment.training.optimizer.slots())
    size = np.dtype(loaded.experiment.dtype).itemsize * (trainable * (2 + slots) + fixed)
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
) -> Assembled:
    """Load a config, open its data, build its model.

    Raises:
        ConfigError: everything that is wrong, placed in the file.
        DataError: the data cannot be used.
    """
    return assemble_loaded(load_experiment(config, overrides, seed, allow_plugins))


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
    model = standing_alone(loaded, with_model(loaded))
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
    return assemble_data(loaded, data)


def assemble_data(loaded: LoadedExperiment, data: Data) -> Assembled:
    """`assemble` for a config and data that were loaded already.

    A check that fails stops those alone that build on what it found wrong, so that problems of shapes,
    losses, labels, class weights and callbacks come together.
    """
    training = loaded.experiment.training
    problems: list[Problem] = []
    weighted, prepared = data.train.weight is not None, data.preprocessing.targets
    model, objective, complete = _modelled(loaded, data.inputs, weighted, prepared, problems)
    if model is not None and not loaded.unknown:
        with collected(problems):
            check_targets(objective, model, data)
            check_lengths(model, objective, data)
            if complete:
                make_reader(data.train, data, objective, training.class_weight)
        with collected(problems):
            check_table_sizes(model, data)
    with collected(problems):
        validation = data.validation is not None
        check_callbacks(loaded, objective, validation, complete)
    if problems or model is None:
        raise loaded.fail(problems)
    seen = Seen(loaded.experiment, model, objective, data)
    return Assembled(loaded, data, model, objective, placed_warnings(loaded, warnings_of(seen)))


def _modelled(
    loaded: LoadedExperiment,
    inputs: Mapping[str, Signature],
    weighted: bool,
    targets: Mapping[str, TargetPrep],
    problems: list[Problem],
) -> tuple[LayerGraph | None, Objective, bool]:
    """The model on these inputs, what fits of its objective, and whether all of it does.

    What is wrong is added to `problems`. Where entries of the model are unknown there is no objective.
    """
    model = None
    with collected(problems):
        signature = {name: InputInfo(s.shape, s.dtype) for name, s in inputs.items()}
        model = build(loaded.experiment.model, signature, loaded.unknown)
    if model is None or loaded.unknown:
        return model, Objective(()), False
    objective, misfits = compile_partly(loaded.experiment.training, model, sample_weight=weighted)
    problems += misfits
    return model, with_own_units(objective, model, targets), not misfits


@dataclass(frozen=True)
class Looked:
    """What a quick look at an experiment found.

    Attributes:
        head: What was seen of the data.
        model: The model, if its shapes are known.
        warnings: What is legal and surely a mistake, placed.
        objective: The model's losses and metrics; None without a model.
    """

    head: Head
    model: LayerGraph | None
    warnings: tuple[Problem, ...] = ()
    objective: Objective | None = None


def placed_warnings(loaded: LoadedExperiment, warnings: Sequence[Problem]) -> tuple[Problem, ...]:
    """The warnings with their places, in document order, each once."""
    return tuple(loaded.document.locate(warnings))


def refuse_warnings(warnings: Sequence[Problem]) -> None:
    """`--strict`: what would only be said is an error.

    Raises:
        ConfigError: there is a warning.
    """
    if warnings:
        raise ConfigError([replace(warning, severity="error") for warning in warnings])


def look(loaded: LoadedExperiment) -> Looked:
    """Look at the data as far as that is quick, and check all that can be known then.

    Raises:
        ConfigError: everything that is wrong, placed in the file.
        DataError: the data cannot be used.
    """
    experiment = loaded.experiment
    with _reading(loaded):
        seen = head(experiment.data, loaded.directory, seed=experiment.seed, **data_arguments(experiment))
    if seen.exact:
        # A small file was read whole: nothing is left to guess.
        assembled = assemble_data(loaded, seen.data)
        return Looked(seen, assembled.model, assembled.warnings, assembled.objective)
    return _partly(loaded, seen)


def _partly(loaded: LoadedExperiment, seen: Head) -> Looked:
    """Check the model against the head of a large file; no model where a width is not known before that."""
    experiment = loaded.experiment
    if any(None in s.shape for s in seen.inputs.values()) and not experiment.model.inputs:
        return Looked(seen, None, placed_warnings(loaded, seen.data.warnings))
    problems: list[Problem] = []
    weighted = experiment.data.sample_weight is not None
    prepared = seen.data.preprocessing.targets
    model, objective, complete = _modelled(loaded, seen.inputs, weighted, prepared, problems)
    if model is not None and not loaded.unknown:
        problems += check_shapes(objective, model, seen.targets, {})
        if not problems and varies(model):
            inputs, targets = (
                {n: s.shape for n, s in found.items()} for found in (seen.inputs, seen.targets)
            )
            problems += length_problems(model, objective, inputs, targets, "the data, which gives ")
        if not problems:
            with collected(problems):
                _check_part(loaded, model, objective, seen.data)
    split = experiment.data.split
    validation = experiment.data.validation is not None or bool(split and (split.validation or split.by))
    with collected(problems):
        check_callbacks(loaded, objective, validation, complete)
    if problems or model is None:
        raise loaded.fail(problems)
    warnings = [*seen.data.warnings, *warnings_of(Seen(experiment, model, objective, None))]
    return Looked(seen, model, placed_warnings(loaded, warnings), objective)


def _check_part(loaded: LoadedExperiment, model: LayerGraph, objective: Objective, part: Data) -> None:
    """What the rows that were read show to be wrong, whatever the others hold. Raises ConfigError."""
    problems = label_problems(objective, model, part)
    with collected(problems):
        check_table_sizes(model, part)
    names = part.class_names
    if all(len(names[o.output]) >= (o.target.classes or 0) for o in objective.outputs if o.output in names):
        # Else, words of the rows not read may be the classes that weights are given for.
        with collected(problems):
            make_reader(part.train, part, objective, loaded.experiment.training.class_weight)
    if problems:
        raise ConfigError(problems)


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


@contextmanager
def collected(problems: list[Problem]) -> Iterator[None]:
    """Add the problems of a ConfigError to `problems` and go on behind the block.

    What is wrong with the data waits where the config has problems: it may come from them.
    """
    try:
        yield
    except ConfigError as error:
        problems += error.problems
    except DataError:
        if not problems:
            raise


@contextmanager
def placed(loaded: LoadedExperiment) -> Iterator[None]:
    """Give the problems of a ConfigError their places in the config file, and a DataError its file's path.

    A config names files relative to itself; who reads the error stands elsewhere.
    """
    try:
        yield
    except DataError as error:
        if error.file is not None:
            seen = os.path.normpath(loaded.directory / error.file)
            # A checkpoint may stand elsewhere than the config it holds.
            if loaded.file.suffix != ".h5" or os.path.exists(seen):
                error.file = seen
        raise
    except ConfigError as error:
        if any(problem.place is None for problem in error.problems):
            raise loaded.fail(error.problems) from None
        raise

"""Weights that a training starts from: all of a run's, or those of the layers that fit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import Path as At
from nnctl.core.errors import Problem, RunError, nearest
from nnctl.core.layer_patterns import is_pattern, listed, matches
from nnctl.core.records import record
from nnctl.core.shapes import show
from nnctl.graph.model import LayerGraph
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.load import LoadedExperiment

if TYPE_CHECKING:
    # A config without initial weights need not know what a run is.
    from nnctl.runs.find import Found
    from nnctl.runs.model_file import Expected

Layers = dict[str, dict[str, Any]]
"""By layer, by the weight's name in it."""

PATH: At = ("model", "initial_weights")
_SOME_LAYERS = 'a model of the same weights; {from: RUN, layers: ["*"]} takes what fits, and says what'


@record
class Initial:
    """Weights to start from.

    Attributes:
        source: The file, as the config names it.
        weights: By full name.
        new: The model's layers that keep what their initializers give.
        left: The file's layers that are not used.
        misfits: What is said of each layer that a pattern matches and whose weights have other shapes.
    """

    source: str
    weights: Mapping[str, Array]
    loaded: tuple[str, ...]
    new: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    misfits: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """What was loaded, what is new, what was left, and which shapes differ."""
        told = [f"initial weights from {self.source}: {listed(self.loaded)} loaded"]
        told += [f"  new, from initializers: {listed(self.new)}"] if self.new else []
        told += [f"  left in the file: {listed(self.left)}"] if self.left else []
        return told + [f"  {text}" for text in self.misfits.values()]

    def as_json(self) -> dict[str, Any]:
        """What `check --json` prints."""
        return {
            "from": self.source,
            "loaded": list(self.loaded),
            "new": list(self.new),
            "left": list(self.left),
            "other_shapes": list(self.misfits),
        }


def standing_alone(loaded: LoadedExperiment, model: ModelSpec) -> ModelSpec:
    """The model with a run by name as its file's path, so that the config means the same from everywhere.

    Raises:
        ConfigError: there is no such run.
    """
    given = model.initial_weights
    if given is None or (loaded.directory / given.path).is_file():
        return model
    try:
        file = _found(loaded.directory, given.path).model()
    except RunError as error:
        raise loaded.fail([Problem(str(error), PATH)]) from None
    relative = os.path.relpath(file, loaded.directory)
    return model.model_copy(update={"initial_weights": given.model_copy(update={"from": relative})})


def _found(directory: Path, named: str) -> Found:
    """Relative to the config, then by name under `runs/` beside it, then as a command would find it."""
    from nnctl.runs.find import find

    for text, root in ((str(directory / named), directory / "runs"), (named, directory / "runs")):
        try:
            return find(text, root)
        except RunError:
            continue
    return find(named)


def expected_weights(model: LayerGraph, dtype: str) -> Expected:
    """Shape and dtype of each weight, as a file must have them."""
    return {name: (info.weight.shape, np.dtype(dtype)) for name, info in model.weights.items()}


def initial_weights(loaded: LoadedExperiment, model: LayerGraph) -> Initial | None:
    """The weights that `initial_weights` names, read and held against the model. Raises ConfigError."""
    given = loaded.experiment.model.initial_weights
    if given is None:
        return None
    from nnctl.runs.model_file import OtherWeights, read_model

    file, layers = loaded.directory / given.path, given.layers
    try:
        expected = expected_weights(model, loaded.experiment.dtype) if layers is None else None
        weights = read_model(file, expected).state.weights
    except RunError as error:
        way = _SOME_LAYERS if isinstance(error, OtherWeights) else None
        raise loaded.fail([Problem(str(error), PATH, way)]) from None
    if layers is None:
        return Initial(given.path, weights, tuple(_by_layer(weights)))
    problems: list[Problem] = []
    made = _Chosen(given.path, model, weights).chosen(layers, problems)
    if problems:
        raise loaded.fail(problems)
    return made


class _Chosen:
    """The layers of a file that a model starts from."""

    def __init__(self, source: str, model: LayerGraph, weights: Mapping[str, Array]) -> None:
        self.source, self.weights = source, weights
        self.wanted = _by_layer({name: info.weight.shape for name, info in model.weights.items()})
        self.there = _by_layer({name: array.shape for name, array in weights.items()})

    def chosen(self, patterns: tuple[str, ...], problems: list[Problem]) -> Initial:
        """Everything that a pattern matches and that fits; what is wrong with patterns is added."""
        taken: set[str] = set()
        matched: set[str] = set()
        for index, pattern in enumerate(patterns):
            fitting, problem = self._matched(pattern)
            taken |= fitting
            matched |= {name for name in self.wanted if matches(name, pattern)}
            if problem is not None:
                problems.append(replace(problem, path=(*PATH, "layers", index)))
        loaded = tuple(name for name in self.wanted if name in taken)
        weights = {
            f"{name}/{key}": self.weights[f"{name}/{key}"] for name in loaded for key in self.wanted[name]
        }
        new = tuple(name for name in self.wanted if name not in taken)
        left = tuple(name for name in self.there if name not in taken)
        odd = [name for name in new if name in matched and name in self.there]
        misfits = {name: self._misfit(name) for name in odd}
        return Initial(self.source, weights, loaded, new, left, misfits)

    def _matched(self, pattern: str) -> tuple[set[str], Problem | None]:
        """The layers that a pattern loads, or what is wrong with it."""
        own = [name for name in self.wanted if matches(name, pattern)]
        fitting = {name for name in own if self.there.get(name) == self.wanted[name]}
        if not own:
            known = list(self.wanted)
            return set(), Problem(
                f"the model has no layer '{pattern}' with weights",
                expected=f"one of {listed(known)}, or a pattern",
                suggestion=nearest(pattern, known),
            )
        odd = [name for name in own if name not in fitting]
        if odd and (not fitting or not is_pattern(pattern)):
            return set(), Problem(self._misfit(odd[0]), expected=f"one of {listed(self._fits())}, or none")
        return fitting, None

    def _fits(self) -> list[str]:
        return [name for name in self.wanted if self.there.get(name) == self.wanted[name]]

    def _misfit(self, name: str) -> str:
        if name not in self.there:
            near = nearest(name, list(self.there))
            hint = f"; did you mean '{near}'?" if near else f"; it has {listed(self.there)}"
            return f"{self.source} has no layer '{name}'{hint}"
        shapes = "; ".join(f"{key} {show(shape)}" for key, shape in self.there[name].items())
        needs = "; ".join(f"{key} {show(shape)}" for key, shape in self.wanted[name].items())
        return f"layer '{name}' of {self.source} has {shapes}, the model needs {needs}"


def _by_layer(weights: Mapping[str, Any]) -> Layers:
    layers: Layers = {}
    for full, value in weights.items():
        name, _, key = full.rpartition("/")
        layers.setdefault(name, {})[key] = value
    return layers

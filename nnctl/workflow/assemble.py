"""From a config to everything that can run: data, layer graph, objective, session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnctl.core.errors import ConfigError
from nnctl.data.open import Data, open_data
from nnctl.data.preprocessing import Preprocessing
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.graph.objective import Objective
from nnctl.graph.targets import check_targets
from nnctl.graph.wanted import wanted
from nnctl.spec.load import Loaded, load, with_model
from nnctl.spec.model import ModelSpec
from nnctl.workflow.plugins import load_plugins

if TYPE_CHECKING:
    from nnctl.program.session import Session


@dataclass(frozen=True)
class Assembled:
    """An experiment with its data opened and its model built. No kernel is loaded yet."""

    loaded: Loaded
    spec: ModelSpec
    data: Data
    model: LayerGraph
    objective: Objective

    def session(self, threads: int, *, train: bool = True) -> Session:
        """A session for this experiment; with room for gradients and optimizer slots if it shall train."""
        from nnctl.workflow.kernels import use_threads

        use_threads(threads)
        from nnctl.program.session import Session

        experiment = self.loaded.experiment
        return Session(
            self.model,
            dtype=experiment.dtype,
            seed=experiment.seed,
            threads=threads,
            objective=self.objective,
            optimizer=experiment.training.optimizer if train else None,
        )


def assemble(
    config: Path,
    *,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    allow_plugins: bool = False,
    preprocessing: Preprocessing | None = None,
) -> Assembled:
    """Load a config, open its data, build its model.

    Raises:
        ConfigError: everything that is wrong, placed in the file.
        DataError: the data cannot be used.
    """
    load_plugins(config, allow_plugins)
    loaded = load(config, overrides, seed)
    return assemble_loaded(loaded, preprocessing)


def assemble_loaded(loaded: Loaded, preprocessing: Preprocessing | None = None) -> Assembled:
    """`assemble` for a config that was loaded already."""
    experiment = loaded.experiment
    spec = with_model(loaded)
    asks = wanted(spec, experiment.training)
    with placed(loaded):
        data = open_data(
            experiment.data,
            loaded.directory,
            experiment.seed,
            input_shapes=asks.inputs,
            outputs=asks.outputs,
            integer_inputs=asks.integer_inputs,
            categorical=asks.categorical,
            preprocessing=preprocessing,
            dtype=experiment.dtype,
        )
        model = build(spec, {name: InputInfo(s.shape, s.dtype) for name, s in data.inputs.items()})
        weighted = data.train.weight is not None
        objective = compile_objective(experiment.training, model, sample_weight=weighted)
        check_targets(objective, model, data)
    return Assembled(loaded, spec, data, model, objective)


@contextmanager
def placed(loaded: Loaded) -> Iterator[None]:
    """Give the problems of a ConfigError their places in the config file."""
    try:
        yield
    except ConfigError as error:
        if any(problem.place is None for problem in error.problems):
            raise loaded.fail(error.problems) from None
        raise

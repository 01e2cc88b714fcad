"""A model file opened again: its experiment, its graph, a session with its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnctl.core.errors import ConfigError, RunError
from nnctl.core.threads import thread_count
from nnctl.data.dataset import Dataset
from nnctl.data.open import Data, open_data
from nnctl.data.preprocessing import Preprocessing
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.graph.objective import Objective
from nnctl.graph.wanted import data_arguments
from nnctl.runs.find import Found, find
from nnctl.runs.model_file import ModelFile, read_model
from nnctl.spec.load import Loaded, load_data
from nnctl.workflow.assemble import placed
from nnctl.workflow.plugins import allow_named
from nnctl.workflow.train import expected_weights

if TYPE_CHECKING:
    from nnctl.program.session import Session


@dataclass(frozen=True)
class Stored:
    """What a run or checkpoint holds, ready to be used.

    Attributes:
        directory: What the stored config's relative paths start from.
    """

    found: Found
    file: ModelFile
    loaded: Loaded
    directory: Path
    preprocessing: Preprocessing
    model: LayerGraph
    objective: Objective

    def session(self, threads: int | None) -> Session:
        """A session with the stored weights, for inference."""
        from nnctl.workflow.kernels import use_threads

        count = thread_count(threads)
        use_threads(count)
        from nnctl.program.session import Session

        experiment = self.loaded.experiment
        session = Session(
            self.model, dtype=experiment.dtype, seed=experiment.seed, threads=count, objective=self.objective
        )
        session.weights.load(self.file.state.weights)
        return session

    def data(self) -> Data:
        """The experiment's own data, prepared as it was for training."""
        experiment = self.loaded.experiment
        with placed(self.loaded):
            return open_data(
                experiment.data,
                self.directory,
                experiment.seed,
                **data_arguments(experiment),
                preprocessing=self.preprocessing,
                dtype=experiment.dtype,
                digest=False,
            )

    def split(self, name: str) -> Dataset:
        """The data set train, validation or test. Raises ConfigError where the config makes none."""
        dataset = self.data().split(name)
        if dataset is None:
            raise ConfigError(
                f"{self.found.name} has no {name} split; name another with --split, or use --data"
            )
        return dataset


def open_stored(run: str, *, allow_plugins: bool = False) -> Stored:
    """Open what the user means by RUN.

    Raises:
        RunError: there is no such run, or its file is damaged or refused.
    """
    found = find(run)
    path = found.model()
    file = read_model(path)
    directory = found.run.path if found.run is not None else path.parent
    allow_named(file.config.get("plugins"), directory, allow_plugins)
    loaded = load_data(file.config, path)
    experiment = loaded.experiment
    preprocessing = Preprocessing.model_validate(file.preprocessing)
    model = build(experiment.model, {n: InputInfo(p.shape, p.dtype) for n, p in preprocessing.inputs.items()})
    expected = expected_weights(model, experiment.dtype)
    held = {name: (array.shape, array.dtype) for name, array in file.state.weights.items()}
    if held != dict(expected):
        raise RunError(f"{path} holds other weights than the model that it describes")
    weighted = preprocessing.sample_weight is not None
    objective = compile_objective(experiment.training, model, sample_weight=weighted)
    return Stored(found, file, loaded, directory, preprocessing, model, objective)

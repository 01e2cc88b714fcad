"""A model file opened again: its experiment, its graph, a session with its weights."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nnctl.core.errors import ConfigError, RunError
from nnctl.core.records import record
from nnctl.core.threads import thread_count
from nnctl.data.base import Source
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.open import Data, open_data
from nnctl.data.preprocessing import Preprocessing
from nnctl.data.spec import DataSpec
from nnctl.data.splitting.trained_on import moved, require_same_split
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.graph.objective import Objective
from nnctl.graph.targets import with_own_lengths
from nnctl.graph.units import with_own_units
from nnctl.graph.wanted import data_arguments
from nnctl.graph.weighing import with_weight_axes
from nnctl.runs.find import Found, find
from nnctl.runs.model_file import Gone, ModelFile
from nnctl.spec.load import LoadedExperiment, load_data
from nnctl.workflow.initial import expected_weights
from nnctl.workflow.own_data import own_data
from nnctl.workflow.placed import placed
from nnctl.workflow.plugins import allow_named

if TYPE_CHECKING:
    from nnctl.program.session import Session


WAY_OUT = (
    "a run's splits are of the data that it was trained on; --data FILE scores a file whole, "
    "--split NAME --data PATH says where the training data is now"
)
_TRIES = 20
"""How often a file is looked for that is gone when it is opened."""


@record
class StoredModel:
    """What a run or checkpoint holds, ready to be used.

    Attributes:
        directory: What the stored config's relative paths start from.
    """

    found: Found
    file: ModelFile
    loaded: LoadedExperiment
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
            self.model,
            dtype=experiment.dtype,
            seed=experiment.seed,
            threads=count,
            objective=self.objective,
            direct_convolution=experiment.exact_convolution == "direct",
        )
        session.weights.load(self.file.state.weights)
        return session

    def _section(self, place: Path | None = None, way_out: str = WAY_OUT) -> DataSpec:
        """The `data` section, its files held against what the run was trained on."""
        digest = self.found.run.manifest().data_sha256 if self.found.run is not None else ""
        files = self.preprocessing.trained_on.files
        with placed(self.loaded):
            return own_data(self.loaded.experiment.data, self.directory, files, digest, place, way_out)

    def data(self, place: Path | None = None, way_out: str = WAY_OUT) -> Data:
        """The experiment's own data, prepared as it was for training; arguments and errors as for `split`."""
        experiment = self.loaded.experiment
        section = self._section(place, way_out)
        with placed(self.loaded):
            data = open_data(
                section,
                self.directory,
                experiment.seed,
                **data_arguments(experiment),
                preprocessing=self.preprocessing,
                dtype=experiment.dtype,
                digest=False,
            )
            file = section.main.label
            require_same_split(self.preprocessing.trained_on, data.split_sha256, file)
            return data

    def part(self, name: str, place: Path | None = None) -> Source:
        """The source whose rows the split `name` holds, which `split` has held against the training's."""
        spec = self.loaded.experiment.data
        section = spec if place is None else moved(spec, place)
        source: Source = section.parts().get(name, section.main)
        return source

    def split(self, name: str, place: Path | None = None, way_out: str = WAY_OUT) -> Dataset:
        """The data set train, validation or test.

        Args:
            place: Where the files are now, if not where the config says: a file, or a directory.
            way_out: What to do where they are not what the run was trained on.

        Raises:
            ConfigError: the config makes no such split.
            DataError: a file is missing, or is not what the run was trained on.
        """
        dataset = self.data(place, way_out).split(name)
        if dataset is None:
            raise ConfigError(
                f"{self.found.name} has no {name} split; name another with --split, or use --data"
            )
        return dataset


def _read(run: str) -> tuple[Found, Path, ModelFile]:
    """What RUN is and holds; looked for again where it was removed meanwhile: the run may be training."""
    for _ in range(_TRIES):
        found = find(run)
        with suppress(Gone):
            return found, *found.read()
    raise RunError(f"{run}: its checkpoints are removed faster than they can be read")


def open_stored(run: str, *, allow_plugins: bool = False) -> StoredModel:
    """Open what the user means by RUN.

    Raises:
        RunError: there is no such run, or its file is damaged or refused.
    """
    found, path, file = _read(run)
    directory = found.run.path if found.run is not None else path.parent
    allow_named(file.config.get("plugins"), directory, allow_plugins)
    loaded = load_data(file.config, path)
    experiment = loaded.experiment
    preprocessing = Preprocessing.from_data(file.preprocessing)
    model = build(experiment.model, {n: InputInfo(p.shape, p.dtype) for n, p in preprocessing.inputs.items()})
    expected = expected_weights(model, experiment.dtype)
    held = {name: (array.shape, array.dtype) for name, array in file.state.weights.items()}
    if held != dict(expected):
        raise RunError(f"{path} holds other weights than the model that it describes")
    objective = compile_objective(experiment.training, model, sample_weight=preprocessing.sample_weight)
    _check_match(path, preprocessing, model, objective)
    objective = with_own_lengths(objective, {name: t.shape for name, t in preprocessing.targets.items()})
    objective = with_weight_axes(objective, preprocessing.weight_axes, experiment.training.class_weight)
    objective = with_own_units(objective, model, preprocessing.targets)
    return StoredModel(found, file, loaded, directory, preprocessing, model, objective)


def _check_match(path: Path, preprocessing: Preprocessing, model: LayerGraph, objective: Objective) -> None:
    """Hold the preparation of columns against the model: one of them may not be what training stored.

    Raises:
        RunError: an input or a target has no columns, or other classes than the model tells apart.
    """
    outputs = {output.output: output.target.classes for output in objective.outputs}
    targets = set(preprocessing.targets)
    if set(preprocessing.inputs) != set(model.inputs) or not set(outputs) <= targets <= set(model.outputs):
        raise RunError(f"{path} prepares other inputs or targets than its model has")
    for name, names in preprocessing.class_names.items():
        classes = outputs.get(name)  # an output without a loss has none
        if classes is not None and len(names) > max(classes, 2):
            raise RunError(f"{path} names {len(names)} classes of '{name}', which tells {classes} apart")

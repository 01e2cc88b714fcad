"""What an export format is: how it writes a trained model, and what its reader should know of the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from nnctl.core.errors import ConfigError, Problem
from nnctl.core.records import record
from nnctl.core.registry import Registry

if TYPE_CHECKING:
    from nnctl.core.arrays import Array
    from nnctl.data.preprocessing import Preprocessing
    from nnctl.graph.model import LayerGraph
    from nnctl.graph.objective import Objective
    from nnctl.optimizers.base import OptimizerSpec
    from nnctl.spec.language.model import ModelSpec

formats: Registry[ExportFormat] = Registry("export format", "nnctl.formats.exports")
register = formats.register


PREDICTION, LAYERS, WEIGHTS = "prediction", "layers", "weights"
COMPILED, STATE = "losses, metrics and optimizer", "optimizer state"
PREPARATION, CLASS_NAMES = "preparation of columns", "class names"
PARTS = (PREDICTION, LAYERS, WEIGHTS, COMPILED, STATE, PREPARATION, CLASS_NAMES)
"""What there is of a trained model: that others can run it, its layers by name and argument, and so on."""


@record
class Training:
    """How a model was trained, and what the next step goes on from.

    Attributes:
        slots: The optimizer's, by "slot/weight", shaped as their weights; None where the file has none of
            them: what is kept only for its weights ("best").
        step: Batches trained on.
        learning_rate: What callbacks have set; None: the optimizer's own.
    """

    optimizer: OptimizerSpec
    slots: Mapping[str, Array] | None = None
    step: int = 0
    learning_rate: float | None = None


@record
class TrainedModel:
    """What a format may write.

    Attributes:
        name: The experiment's.
        spec: The model as written.
        graph: What was built of it.
        weights: By full name, in the graph's order.
        dtype: The experiment's: that of floats.
        weights_sha256: The hash of the weights, as the run's manifest has it.
        preprocessing: How columns become inputs and targets; the classes' names.
        objective: The loss, the metrics and the target of each output that has them.
        training: How it was trained.
        direct_convolution: Whether its convolutions are never taken through Winograd's transforms.
    """

    name: str
    spec: ModelSpec
    graph: LayerGraph
    weights: Mapping[str, Array]
    dtype: str
    weights_sha256: str
    preprocessing: Preprocessing
    objective: Objective
    training: Training
    direct_convolution: bool = False


class ExportFormat:
    """A format that `nnctl export` writes; its class's name is what `--format` calls it.

    The first line of a subclass's docstring says what a file holds. Modules of this package are imported when
    their format is written: `--help` reads the names off their sources.
    """

    opened_by: ClassVar[str]
    """What opens a file, for the documentation."""
    ending: ClassVar[str]
    """What names of files usually end in."""
    needs_ending: ClassVar[bool] = False
    """Whether what opens a file goes by that ending, so that no other will do."""
    layers: ClassVar[Mapping[str, str] | None] = None
    """What a format that other tools run does not hold, by layer; None: others need not ask for layers."""
    package: ClassVar[str | None] = None
    """A package that writing needs and nnctl does not: the extra of nnctl that brings it has its name."""
    keeps: ClassVar[tuple[str, ...]]
    """Which of `PARTS` a file has, if nothing in the model is against it."""

    def kept(self, model: TrainedModel) -> tuple[str, ...]:
        """Which of `PARTS` the file of this model has."""
        return self.keeps

    def form(self, file: str, weights_only: bool) -> ExportFormat:
        """The form of this format that a file of that name has: of some, one holds only weights.

        Raises:
            ConfigError: only weights are asked for, and the format holds more.
        """
        if weights_only and self.keeps != (WEIGHTS,):
            message = f"--format {type(self).__name__} has no form that holds only the weights"
            raise ConfigError(Problem(message, expected="--format h5, npz or safetensors"))
        return self

    def pieces(self, model: TrainedModel) -> Iterable[bytes | memoryview]:
        """The file, in order.

        Raises:
            ConfigError: the format cannot hold something in the model; the message names it.
        """
        raise NotImplementedError

    def hint(self, model: TrainedModel, file: str) -> str:
        """What a user should know before using the file of that name."""
        raise NotImplementedError

    def check(self, file: str) -> None:
        """Raise ConfigError unless this format can be written to a file of that name, here."""
        name = type(self).__name__
        if self.needs_ending and not file.endswith(self.ending):
            stem = file.rpartition(".")[0] or file
            message = f"--format {name} writes files that end in {self.ending}, not '{file}'"
            raise ConfigError(Problem(message, expected=f"--output {stem}{self.ending}"))
        if self.package is not None and find_spec(self.package) is None:
            message = f"--format {name} needs the package {self.package}"
            raise ConfigError(Problem(message, expected=f"pip install 'nnctl[{self.package}]'"))

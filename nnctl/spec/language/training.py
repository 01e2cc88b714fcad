"""The `training` section: how long, with what, towards what."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from nnctl.callbacks.base import Callback
from nnctl.core.spec import Spec
from nnctl.losses.base import Loss
from nnctl.metrics.base import Metric
from nnctl.optimizers.base import Optimizer
from nnctl.spec.language.by_output import ByOutput
from nnctl.spec.language.class_weight import ClassWeight

Count = Annotated[int, Field(ge=1)]
"""A whole number, 1 or more."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
"""A finite number."""

Metrics = Annotated[Any, ByOutput(get_args(Metric)[1], several=True)]
"""A metric, a list of metrics, or either by output name."""


class CheckpointSpec(Spec):
    """When the state is saved, so that a run that was stopped goes on from there."""

    every: Literal["auto", "epoch"] | Count = "auto"
    """`auto`: as often as takes at most 2% of the time; `epoch`: after each epoch; a number: after so many
    steps, and after each epoch."""
    keep: Count = 2
    """How many of the newest checkpoints stay; the best stays besides."""


class TrainingSpec(Spec):
    """How the model is trained. The words are those of Keras's `compile` and `fit`."""

    keras_only: ClassVar[tuple[str, ...]] = (
        "run_eagerly", "jit_compile", "steps_per_execution", "auto_scale_loss", "initial_epoch",
    )  # fmt: skip

    epochs: Count = 1
    """How often the training data is gone through."""
    optimizer: Optimizer = "rmsprop"
    """What updates the weights: a name or a mapping with `type`."""
    loss: Annotated[Any, ByOutput(get_args(Loss)[1])]
    """What is minimised: a name, a mapping with `type`, or either by output name (`null`: none for it)."""
    loss_weights: Finite | dict[str, Finite] | tuple[Finite, ...] | None = None
    """What each output's loss is multiplied by, by output name or in their order; default: 1."""
    metrics: Metrics = Field(default=[])
    """What is reported besides the loss: names or mappings with `type`, or lists of them by output name."""
    weighted_metrics: Metrics = Field(default=[])
    """As `metrics`, but weighted by sample and class weights."""
    callbacks: tuple[Callback, ...] = ()
    """What watches the training and may stop it, save or change the learning rate."""
    steps_per_epoch: Count | None = None
    """How many batches make an epoch, at most once through the data; default: all of it."""
    validation_frequency: Count = 1
    """The validation split is evaluated after every so many epochs (Keras: `validation_freq`)."""
    validation_batch_size: Count | None = None
    """Examples that are evaluated together in validation; default: `data.batch_size`."""
    class_weight: ClassWeight | None = None
    """What the loss of an example or step is multiplied by, by its class: its name, or its number (from 0)
    where no class is named by a number; default: 1. `balanced`: each class counts as much as every other, by
    how often the training split has it. Or either by output name."""
    recompute: bool = False
    """Whether to keep only some of what the layers compute and compute the rest again for the gradients: less
    memory for deep models, a longer step, the same bits."""
    shards: Annotated[int, Field(ge=1, le=1024)] | None = None
    """In how many parts each batch is computed, for processes to share (`mpirun -n 4 nnctl train`): the same
    bits, however many these are. Default: 8 where a launcher started it, else a batch is computed as one."""
    checkpoint: CheckpointSpec = CheckpointSpec()
    """When the state is saved."""

"""What the runner says (events) and what a callback may answer (requests). Plain data, both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np

from nnctl.core.errors import Problem
from nnctl.core.records import record

Logs = Mapping[str, float]
"""Named numbers: loss, metrics, val_*, learning_rate."""


@record
class Event:
    """Something that happened in a run."""


@record
class Compiling(Event):
    """Kernel number `done` of `total` is being compiled or loaded; `done` equals `total` at the end."""

    done: int
    total: int
    kernel: str


@record
class Adapting(Event):
    """`done` of `total` examples were read for what `layer` keeps of the training split; equal at the end."""

    done: int
    total: int
    layer: str


@record
class Notice(Event):
    """Something the user should know that is no error: a checkpoint passed over, where the run is."""

    text: str


@record
class Warned(Event):
    """What is legal and surely a mistake in what is about to be trained; said once, before the first step."""

    problems: tuple[Problem, ...]


@record
class LayerCall:
    """A call of a layer in the model, for whoever shows it.

    Attributes:
        name: Unique in the model.
        type: The layer's class.
        owner: The layer whose weights it uses; another one's where it is shared.
        reads: The inputs and calls that it reads.
        shapes: Those of its outputs, without the batch axis.
    """

    name: str
    type: str
    owner: str
    reads: Sequence[str]
    shapes: Sequence[Sequence[int | None]]


@record
class TimedCall:
    """One call of a kernel, timed.

    Attributes:
        step: The update it was made for, counted from 1.
        program: What runs in a step: training, check or update.
        kernel: The kernel's name.
        op: The op it runs.
        origin: The layer, loss or metric that the op is of.
        start: When it began, in seconds since the process began to train.
    """

    step: int
    program: str
    kernel: str
    op: str
    origin: str
    start: float
    seconds: float


@record
class RunStarted(Event):
    """Before the first step of this process. `epoch` and `step` are where a resumed run goes on."""

    name: str
    run_dir: Path | None
    epochs: int
    steps_per_epoch: int
    epoch: int
    step: int
    parameters: int
    resolved_config: Mapping[str, Any] = field(repr=False, default_factory=dict)
    log_names: Sequence[str] = ()
    """Every name that the epochs' logs may have; an epoch without validation has fewer."""
    lost_logs: frozenset[str] = frozenset()
    """Log files of a resumed run that do not hold what they held at its checkpoint: to be written whole."""
    history: Sequence[Mapping[str, Any]] = field(repr=False, default=())
    """Where logs are lost: `epoch` and logs of each epoch before the checkpoint."""
    inputs: Sequence[str] = ()
    """The model's inputs."""
    layers: Sequence[LayerCall] = field(repr=False, default=())
    """The model's calls of layers, in the order they run."""


@record
class EpochStarted(Event):
    """`epoch` counts from 0."""

    epoch: int


@record
class StepEnded(Event):
    """One update was applied. `step` counts updates since the run began, from 1."""

    epoch: int
    step: int
    step_in_epoch: int
    steps_per_epoch: int
    logs: Logs
    """Running means over the epoch so far; empty on steps that nobody displays."""
    seconds: float = 0.0
    """What the step took, reading its examples included."""
    calls: Sequence[TimedCall] = field(repr=False, default=())
    """Its kernel calls, where a callback wants them timed."""


@record
class ValidationStarted(Event):
    """The validation split is about to be evaluated."""

    epoch: int
    step: int


@record
class Validated(Event):
    """The validation split was evaluated; `logs` has val_* names."""

    epoch: int
    step: int
    logs: Logs


@record
class SplitScored(Event):
    """The trained model was scored on a split; `scored` is a `workflow.scored.Scored`.

    `last`: it is the split that says most, to be shown whole.
    """

    split: str
    scored: Any = field(repr=False)
    last: bool = True


@record
class Expected(Event):
    """What was expected of the run, what was found, and whether that will do."""

    wanted: str
    found: str
    holds: bool


@record
class EpochEnded(Event):
    """`logs`: loss, metrics, val_*, learning_rate. `weights`: read-only views by name, live."""

    epoch: int
    step: int
    logs: Logs
    seconds: float
    weights: Mapping[str, np.ndarray] = field(repr=False, default_factory=dict)
    initial_learning_rate: float = 0.0


@record
class LearningRateChanged(Event):
    """A callback asked for another learning rate and got it."""

    step: int
    learning_rate: float
    reason: str


@record
class CheckpointDue(Event):
    """The store should commit `state` now. `best` marks the best so far by `monitor`."""

    epoch: int
    step: int
    state: Any = field(repr=False)
    """A `runs.state.TrainingState`, complete; whoever keeps it must copy nothing."""
    best: bool = False
    name: str | None = None
    """An extra file name asked for by ModelCheckpoint(filepath=...), inside checkpoints/."""
    reason: str = "epoch"


@record
class LogDue(Event):
    """The store should add `text` to the log file `name` of the run directory now."""

    name: str
    text: str = field(repr=False)


@record
class Stopped(Event):
    """Training ends before its last epoch by a callback's wish (not an error)."""

    epoch: int
    step: int
    reason: str


@record
class Interrupted(Event):
    """A signal arrived; the step was finished and a checkpoint was committed."""

    step: int
    signal: int


@record
class Failed(Event):
    """Training became non-finite; the update was not applied."""

    step: int
    what: str
    layer: str | None


@record
class RunEnded(Event):
    """The run is complete; `logs` are those of the model as it is now."""

    epochs: int
    step: int
    logs: Logs
    seconds: float
    restored_epoch: int | None = None
    """The epoch (from 0) whose weights were put back; None where the model is the last epoch's."""


@record
class RunClosed(Event):
    """The process is done with the run, however that ended: nothing is written there any more.

    Attributes:
        status: As the manifest's: `completed`, `interrupted` or `failed`.
        reason: Why, where there is more to say than the status.
        hashes: The manifest's hashes by name, those that are known.
        page: Makes the run's report, an HTML page; None where nobody can. Raises ConfigError where it needs a
            package that is not installed.
    """

    run_dir: Path
    status: str
    reason: str | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    page: Callable[[], str] | None = field(default=None, repr=False)


@record
class Request:
    """What a callback may ask of the runner."""


@record
class Stop(Request):
    """End training after this event."""

    reason: str


@record
class SetLearningRate(Request):
    """Use this learning rate from the next step on."""

    value: float
    reason: str


@record
class UseAverage(Request):
    """Have the optimizer's average of the weights in their place from now on, or the weights again."""

    on: bool


@record
class Save(Request):
    """Commit a checkpoint now, as the best so far or under an extra name."""

    best: bool = False
    name: str | None = None


@record
class WriteLog(Request):
    """Add `text` to the log file `name` of the run directory; the first one of a run makes the file."""

    name: str
    text: str = field(repr=False)


@record
class Tell(Request):
    """Say `text` to the user."""

    text: str


@record
class KeepWeights(Request):
    """Remember the present weights (in the checkpointed state) as `slot`."""

    slot: str


@record
class RestoreWeights(Request):
    """Put the weights remembered as `slot` back."""

    slot: str

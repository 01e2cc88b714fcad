"""Whether a checkpoint's state is one that this training can go on from: a stranger may have written it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnctl.callbacks.log_file import LogFile
from nnctl.runs.state import TrainingState
from nnctl.storage.hdf5_reader import FileRefused

if TYPE_CHECKING:
    from nnctl.runner.train import Job


def check_state(job: Job, state: TrainingState, path: Path) -> None:
    """Hold a state, whose weights were checked when it was read, against the job it shall go on with.

    Raises:
        FileRefused: A part of it is missing, or is not what training would have written there.
    """
    for what in _misfits(job, state):
        raise FileRefused(f"{path}: {what} in it, so training cannot go on from there")


def _misfits(job: Job, state: TrainingState) -> Iterator[str]:
    session = job.session
    if _shapes(state.optimizer) != _shapes(session.slot_views()):
        yield "the optimizer's slots are not as they should be"
    states = _shapes(session.states)
    if any(states.get(name) != shape for name, shape in _shapes(state.metric_states).items()):
        yield "the metrics' sums are not as they should be"
    weights = _shapes(session.weights.arrays)
    if any(_shapes(kept) != weights for kept in state.kept.values() if kept):
        yield "weights that were set aside are not as they should be"
    if any("epoch" not in logs for logs in state.kept_logs.values()):
        yield "the numbers of what was set aside are not as they should be"
    if state.step_in_epoch >= job.batches.steps:
        yield f"there is a step {state.step_in_epoch} of an epoch of {job.batches.steps}"
    if state.callback_states and len(state.callback_states) != len(job.callbacks):
        yield f"there are {len(state.callback_states)} callbacks' states for {len(job.callbacks)}"
    for callback, kept in zip(job.callbacks, state.callback_states, strict=False):
        if not callback.fits(kept) or (isinstance(callback, LogFile) and _other_names(kept, job)):
            yield f"the state of {type(callback).__name__} is not as it should be"


def _other_names(kept: Mapping[str, Any], job: Job) -> bool:
    """Whether a log was begun with other columns than this training has numbers for."""
    return kept["names"] is not None and kept["names"] != list(job.log_names)


def _shapes(arrays: Mapping[str, Any]) -> dict[str, tuple[tuple[int, ...], str]]:
    return {name: (array.shape, array.dtype.str) for name, array in arrays.items()}

"""How much memory a training will hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnctl.callbacks.early_stopping import EarlyStopping
from nnctl.core.records import record

if TYPE_CHECKING:
    from nnctl.runner.train import Job


@record
class Memory:
    """Bytes that training holds."""

    weights: int
    gradients: int
    optimizer: int
    arena: int
    """The exact peak of activations, gradients of activations and scratch, over all programs of the run."""
    states: int
    data: int
    kept: int
    """Copies of the weights: the best model that waits for a checkpoint, and those that callbacks keep."""

    @property
    def total(self) -> int:
        """All of it."""
        training = self.weights + self.gradients + self.optimizer + self.arena
        return training + self.states + self.data + self.kept


def planned_memory(job: Job, arena: int, data: int) -> Memory:
    """The memory of a job whose programs need an arena of so many bytes, and its data so many."""
    session = job.session
    weights = sum(a.nbytes for a in session.weights.arrays.values())
    return Memory(
        weights=weights,
        gradients=session.weights.gradients.nbytes + (job.sharded.nbytes if job.sharded else 0),
        optimizer=sum(a.nbytes for a in session.slots.values()),
        arena=arena,
        states=sum(a.nbytes for a in session.states.values()),
        data=data,
        kept=weights * _copies(job),
    )


def _copies(job: Job) -> int:
    """How many copies of the weights the run may hold at once."""
    slots = {c.slot() for c in job.callbacks if isinstance(c, EarlyStopping) and c.restore_best_weights}
    waits = job.checkpoint_every == "auto" and job.mark_best is not None and job.epochs > 1
    return len(slots) + waits

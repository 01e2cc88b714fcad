"""Running a model without training it: numbers over a split, predictions for a table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nnctl.core.arrays import Array
from nnctl.program.session import Session
from nnctl.runner.batches import Batches, Examples, feed, in_order


def evaluate(session: Session, split: Examples, batch_size: int) -> dict[str, float]:
    """Loss and metrics over a whole split, in inference."""
    session.reset_states()
    batches = Batches(len(split), batch_size, buckets=split.buckets)
    for indices in batches.cut(in_order(len(split))):
        program = session.evaluation(split.sizes(len(indices), batches.bucket(indices)))
        feed(program, split, indices, 0)
        program.run()
    logs = session.logs()
    session.reset_states()
    return logs


def predict(session: Session, split: Examples, batch_size: int) -> Iterator[dict[str, Array]]:
    """The model's outputs by name, batch by batch, as copies; those of buckets all at once, in order."""
    batches = Batches(len(split), batch_size, buckets=split.buckets)
    whole: dict[str, Array] = {}
    for indices in batches.cut(in_order(len(split))):
        program = session.prediction(split.sizes(len(indices), batches.bucket(indices)))
        feed(program, split, indices, 0)
        program.run()
        if split.buckets is None:
            yield {name: array.copy() for name, array in program.outputs.items()}
            continue
        for name, array in program.outputs.items():
            rows = whole.setdefault(name, np.empty((len(split), *array.shape[1:]), array.dtype))
            rows[indices] = array
    if whole:
        yield whole

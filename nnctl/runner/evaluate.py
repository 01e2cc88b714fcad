"""Running a model without training it: numbers over a split, predictions for a table."""

from __future__ import annotations

from collections.abc import Iterator

from nnctl.core.arrays import Array
from nnctl.program.session import Session
from nnctl.runner.batches import Batches, Examples, feed, in_order


def evaluate(session: Session, split: Examples, batch_size: int) -> dict[str, float]:
    """Loss and metrics over a whole split, in inference."""
    session.reset_states()
    order = in_order(len(split))
    for part in Batches(len(split), batch_size).slices():
        indices = order[part]
        program = session.evaluation(split.sizes(len(indices)))
        feed(program, split, indices, 0)
        program.run()
    logs = session.logs()
    session.reset_states()
    return logs


def predict(session: Session, split: Examples, batch_size: int) -> Iterator[dict[str, Array]]:
    """The model's outputs by name, batch by batch, as copies."""
    order = in_order(len(split))
    for part in Batches(len(split), batch_size).slices():
        indices = order[part]
        program = session.prediction(split.sizes(len(indices)))
        feed(program, split, indices, 0)
        program.run()
        yield {name: array.copy() for name, array in program.outputs.items()}

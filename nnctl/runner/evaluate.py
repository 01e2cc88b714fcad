"""Running a model without training it: numbers over a split, predictions for a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from nnctl.core.arrays import Array
from nnctl.graph.lengths import output_shapes
from nnctl.program.bind import Bound
from nnctl.program.session import Session
from nnctl.program.step import InputSizes
from nnctl.runner.batches import Batches, Examples, feed, in_order


def evaluate(
    session: Session,
    split: Examples,
    batch_size: int,
    see: Callable[[Mapping[str, Array]], None] = lambda measured: None,
) -> dict[str, float]:
    """Loss and metrics over a whole split, in inference.

    Args:
        see: Is given what each batch measured (`step.evaluation`), valid until it returns.
    """
    session.reset_states()
    for program, _ in _batches(session.evaluation, split, batch_size):
        see(program.outputs)
    logs = session.logs()
    session.reset_states()
    return logs


def predict(session: Session, split: Examples, batch_size: int) -> Iterator[dict[str, Array]]:
    """The model's outputs by name, batch by batch, as copies; those of buckets all at once, in order.

    Where an output has a step for each of the inputs', an example's steps stand as they would if all were
    filled up to one length, and those that its bucket does not have are no numbers.
    """
    shapes = _shapes(session, split) if split.buckets is not None else {}
    whole: dict[str, Array] = {}
    for program, indices in _batches(session.prediction, split, batch_size):
        if split.buckets is None:
            yield {name: array.copy() for name, array in program.outputs.items()}
            continue
        for name, array in program.outputs.items():
            if name not in whole:
                nothing = np.nan if array.dtype.kind == "f" else 0
                whole[name] = np.full((len(split), *shapes[name]), nothing, array.dtype)
            place = _place(shapes[name], array.shape[1:], split.filled_first(name))
            whole[name][(slice(None), *place)][indices] = array
    if whole:
        yield whole


def _batches(
    made: Callable[[InputSizes], Bound], split: Examples, batch_size: int
) -> Iterator[tuple[Bound, Array]]:
    """Batch by batch of a split: the program of its size, which has run, and its examples.

    Until the last the weights stay what they are: what they alone make is made once.
    """
    batches = Batches(len(split), batch_size, buckets=split.buckets)
    for number, indices in enumerate(split.expect(batches.cut(in_order(len(split))))):
        program = made(split.sizes(len(indices), batches.bucket(indices)))
        feed(program, split, indices, 0)
        if number:
            program.run_again()
        else:
            program.run()
        yield program, indices


def _shapes(session: Session, split: Examples) -> dict[str, tuple[int, ...]]:
    """The shape of an example's outputs, by name, where its inputs are filled up to their full length."""
    inputs = {name: size[1:] for name, size in split.sizes(1).items()}
    found = output_shapes(session.model, inputs).items()
    return {name: tuple(n for n in shape if n is not None) for name, shape in found}


def _place(full: tuple[int, ...], own: tuple[int, ...], filled_first: bool) -> tuple[slice, ...]:
    """Where in an array of the shape `full` one of the shape `own` stands, which may be shorter."""
    sizes = zip(full, own, strict=True)
    return tuple(slice(most - given, None) if filled_first else slice(given) for most, given in sizes)

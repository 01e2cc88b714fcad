"""What a run's model is worth once it is trained: the splits that it was not trained on, scored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from nnctl.core.errors import NnctlError
from nnctl.core.events import Event, Notice, SplitScored
from nnctl.data.feeding.dataset import Dataset
from nnctl.workflow.assemble import Assembled
from nnctl.workflow.batch_reader import BatchReader
from nnctl.workflow.scored import Scored, score

if TYPE_CHECKING:
    from nnctl.program.programs import EvaluationProgram, Program
    from nnctl.program.session import Session
    from nnctl.runner.batches import Examples


def final_splits(assembled: Assembled) -> dict[str, Dataset]:
    """The splits that are scored at the end, by name; training's only where something is expected of it."""
    data, expected = assembled.data, assembled.loaded.experiment.expect
    wanted = any(e.metric is not None and e.on == "train" and e.by_epoch is None for e in expected)
    splits = (data.train if wanted else None, data.validation, data.test)
    return {split.name: split for split in splits if split is not None}


def final_programs(assembled: Assembled) -> list[Program]:
    """The programs that scoring them needs."""
    batch = assembled.loaded.experiment.data.batch_size
    splits = final_splits(assembled).values()
    return [program for split in splits for program in evaluation_programs(BatchReader(split), batch)]


def evaluation_programs(examples: Examples, batch: int) -> Iterator[EvaluationProgram]:
    """The programs that evaluating a split, so many examples at a time, needs."""
    from nnctl.program.programs import EvaluationProgram
    from nnctl.runner.batches import Batches

    for kind in Batches(len(examples), batch, buckets=examples.buckets).kinds():
        yield EvaluationProgram(examples.sizes(*kind))


def score_final(assembled: Assembled, session: Session, watch: Callable[[Event], None]) -> dict[str, Scored]:
    """Score the splits with the weights as they are; one that cannot be read is told of and left out.

    The model is trained by then, and not to be lost for that.
    """
    batch = assembled.loaded.experiment.data.batch_size
    found: dict[str, Scored] = {}
    splits = final_splits(assembled)
    for name, split in splits.items():
        try:
            found[name] = score(session, assembled.objective, assembled.data.preprocessing, split, batch)
        except NnctlError as error:
            watch(Notice(f"the {name} split cannot be scored: {error}"))
        else:
            watch(SplitScored(name, found[name], name == list(splits)[-1]))
    return found

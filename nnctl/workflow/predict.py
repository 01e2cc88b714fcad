"""`predict`: the model's outputs for every example of a file, or of a split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError
from nnctl.core.events import Event
from nnctl.core.records import record
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.feeding.stream import ROW, kept_of, read_blocks
from nnctl.data.splitting.splits import SplitName
from nnctl.data.table import Table
from nnctl.formats.predictions.base import PredictionFormat, format_of
from nnctl.graph.indices import check_indices
from nnctl.graph.lengths import check_file_lengths
from nnctl.storage.growing import GrowingFile
from nnctl.workflow.batch_reader import BatchReader
from nnctl.workflow.kernels import ready_kernels
from nnctl.workflow.output import check_output, files_read, keep_apart
from nnctl.workflow.read_ahead import ahead
from nnctl.workflow.shown import in_own_units, kept_names, shown_outputs
from nnctl.workflow.stored import StoredModel, open_stored

_ROWS = 1024
"""Rows of a step at least: a row's prediction has the same bits in any batch, and small ones take longer."""
_WAY_OUT = (
    "a run's splits are of the data that it was trained on; without --split a file is predicted whole, "
    "with it INPUT says where the training data is now"
)


@record
class Predicted:
    """A block of predictions: the model's outputs (N, ...), and columns (N,) that are carried over."""

    outputs: dict[str, Array]
    kept: dict[str, list[Any]]


def predict(
    run: str,
    source: Path | None,
    output: Path,
    *,
    split: SplitName | None = None,
    keep: Sequence[str] = (),
    force: bool = False,
    threads: int | None = None,
    allow_plugins: bool = False,
    watch: Callable[[Event], None] | None = None,
) -> dict[str, Any]:
    """Write predictions to `output`, whole or not at all, without holding all of them at once; a summary.

    Args:
        source: The file to predict; with `split`, where the data that the run was trained on is now.
        split: The split of the run's own data to predict.
        keep: Columns to carry over.

    Raises:
        ConfigError: nothing is named to predict; the output's ending is not known; it cannot be written, is
            there and `force` is not said, or is a file that is read.
        RunError: RUN cannot be used.
        DataError: the data does not hold what the model needs.
        StorageError: the output cannot be written; what was there before still is.
    """
    format = format_of(output)
    check_output(output, force=force)
    if source is None and split is None:
        raise ConfigError("there is nothing to predict; name a file, or a split with --split")
    stored = open_stored(run, allow_plugins=allow_plugins)
    given = [("INPUT", source)] if source is not None else []
    keep_apart(output, [*given, *files_read(stored.loaded, stored.directory)])
    bare = format.bare
    carried = keep if bare else _carried(stored, split, keep)
    count = 0
    with ExitStack() as opened:
        writer: PredictionFormat | None = None
        names: dict[str, str] = {}
        for block in predictions(
            stored, source, split=split, keep=carried, bare=bare, threads=threads, watch=watch
        ):
            if writer is None:
                shown = shown_outputs(stored, block.outputs, bare=bare)
                names = kept_names(carried, format.names(shown))
                file = opened.enter_context(GrowingFile(output))
                writer = format(file, shown, list(names.values()))
            writer.add(block.outputs, {names[name]: cells for name, cells in block.kept.items()})
            count += len(next(iter(block.outputs.values())))
        assert writer is not None
        writer.finish()
    return {"run": stored.found.name, "examples": count, "output": str(output)}


def _carried(stored: StoredModel, split: SplitName | None, keep: Sequence[str]) -> list[str]:
    """What is carried over: where a row of the output is not that of the input, its number too."""
    others = split is not None or stored.preprocessing.window is not None
    return list(dict.fromkeys([ROW, *keep] if others else keep))


def predictions(
    stored: StoredModel,
    source: Path | Table | None,
    *,
    split: SplitName | None = None,
    keep: Sequence[str] = (),
    bare: bool = False,
    threads: int | None = None,
    watch: Callable[[Event], None] | None = None,
) -> Iterator[Predicted]:
    """Predictions block by block, at least one; arguments and errors as for `predict`.

    Args:
        bare: Leave logits as they are.
    """
    from nnctl.kernels.threads import spread
    from nnctl.program.programs import PredictionProgram
    from nnctl.runner.evaluate import predict as run_over

    session, batch = stored.session(threads), max(_ROWS, stored.loaded.experiment.data.batch_size)
    ready = False
    for examples, kept in _blocks(stored, source, split, keep):
        check_indices(stored.model, examples)
        check_file_lengths(stored.model, examples)
        size = min(batch, len(examples))
        if not ready:
            session.prepare([PredictionProgram(BatchReader(examples).sizes(size))])
            ready_kernels(session, watch)
            ready = True
        with spread():  # given back while the rows are read and written
            batches = list(run_over(session, ahead(BatchReader(examples)), size))
        outputs = {name: np.concatenate([b[name] for b in batches]) for name in stored.model.outputs}
        yield Predicted(in_own_units(stored, outputs, bare=bare), kept)
    if not ready:
        dtype = stored.loaded.experiment.dtype
        shapes = stored.model.output_shapes().items()
        empty = {name: np.empty((0, *(n or 0 for n in shape)), dtype) for name, shape in shapes}
        yield Predicted(in_own_units(stored, empty, bare=bare), {name: [] for name in keep})


def _blocks(
    stored: StoredModel, source: Path | Table | None, split: SplitName | None, keep: Sequence[str]
) -> Iterator[tuple[Dataset, dict[str, list[Any]]]]:
    """The examples, with what is carried over of each."""
    if source is None and split is None:
        raise ConfigError("there is nothing to predict; name a file, or a split")
    if source is not None and (split is None or isinstance(source, Table)):
        for block in read_blocks(source, stored.preprocessing, stored.loaded.experiment.dtype, keep):
            yield block.examples, block.kept
        return
    assert split is not None
    assert not isinstance(source, Table)
    examples = stored.split(split, source, _WAY_OUT)
    window = stored.preprocessing.window
    rows = examples.rows + (window.length - 1 if window is not None else 0)
    part = stored.part(split, source)
    yield examples, kept_of(part, stored.directory, keep, rows) if keep else {}

"""Predictions of every fold's rows by the model that was not trained on them, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from nnctl.data.feeding.stream import ROW
from nnctl.formats.predictions.base import PredictionFormat, format_of
from nnctl.storage.growing import GrowingFile
from nnctl.workflow.predict import predictions
from nnctl.workflow.shown import kept_names, shown_outputs
from nnctl.workflow.stored import open_stored

FILE = "out_of_fold.csv"


def write_out_of_fold(
    output: Path, runs: Sequence[tuple[int, int, Path]], allow_plugins: bool = False
) -> Path:
    """Write `output`, whole or not at all: seed, fold, row, the columns to predict, and what is predicted.

    Args:
        runs: Of each: its seed, the fold that it tests, its directory.

    Raises:
        DataError: the data is not what the runs were trained on any more.
        StorageError: it cannot be written.
    """
    format = format_of(output)
    with ExitStack() as opened:
        writer: PredictionFormat | None = None
        names: dict[str, str] = {}
        for seed, fold, path in runs:
            stored = open_stored(str(path), allow_plugins=allow_plugins)
            targets = [name for t in stored.preprocessing.targets.values() for name in t.columns]
            for block in predictions(stored, None, split="test", keep=[ROW, *targets]):
                count = len(next(iter(block.outputs.values())))
                kept = {"seed": [seed] * count, "fold": [fold] * count, **block.kept}
                if writer is None:
                    shown = shown_outputs(stored, block.outputs, bare=False)
                    names = kept_names(list(kept), format.names(shown))
                    file = opened.enter_context(GrowingFile(output))
                    writer = format(file, shown, list(names.values()))
                writer.add(block.outputs, {names[name]: cells for name, cells in kept.items()})
        if writer is not None:
            writer.finish()
    return output

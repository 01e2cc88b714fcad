"""`predict`: the model's outputs for every example of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nnctl.core.errors import ConfigError, Problem
from nnctl.core.events import Event
from nnctl.data.prepare import restore
from nnctl.data.read_file import read_inputs
from nnctl.formats.predictions import WRITERS, write_predictions
from nnctl.graph.indices import check_indices
from nnctl.graph.objective import OutputObjective
from nnctl.losses.crossentropy import BinaryCrossentropy
from nnctl.workflow.kernels import ready_kernels
from nnctl.workflow.output import check_output, files_read, keep_apart
from nnctl.workflow.split import Split
from nnctl.workflow.stored import Stored, open_stored

Array = np.ndarray[Any, Any]


def predict(
    run: str,
    source: Path,
    output: Path,
    *,
    force: bool = False,
    threads: int | None = None,
    allow_plugins: bool = False,
    watch: Callable[[Event], None] | None = None,
) -> dict[str, Any]:
    """Write predictions for the examples of `source` to `output`; a summary.

    Raises:
        ConfigError: the output's ending is not known; it cannot be written, is there and `force` is not said,
            or is a file that is read.
        RunError: RUN cannot be used.
        DataError: the file does not hold what the model needs.
        StorageError: the output cannot be written.
    """
    from nnctl.runner.evaluate import predict as run_over

    if output.suffix not in WRITERS:
        known = ", ".join(WRITERS)
        raise ConfigError(Problem(f"cannot tell what to write by the ending of '{output}'", expected=known))
    check_output(output, force=force)
    stored = open_stored(run, allow_plugins=allow_plugins)
    keep_apart(output, [("INPUT", source), *files_read(stored.loaded, stored.directory)])
    examples = read_inputs(source, stored.preprocessing, stored.loaded.experiment.dtype)
    check_indices(stored.model, examples)
    session, batch = stored.session(threads), stored.loaded.experiment.data.batch_size
    session.prepare([("prediction", Split(examples).sizes(min(batch, len(examples))))])
    ready_kernels(session, watch)
    batches = list(run_over(session, Split(examples), batch))
    outputs = {
        name: _restored(stored, name, np.concatenate([b[name] for b in batches]))
        for name in stored.model.outputs
    }
    if output.suffix != ".npy":
        told = {o.output: _probabilities(stored, outputs[o.output], o) for o in stored.objective.outputs}
        outputs = outputs | told
    write_predictions(output, outputs, class_names(stored))
    return {"run": stored.found.name, "examples": len(examples), "output": str(output)}


def class_names(stored: Stored) -> dict[str, tuple[str, ...]]:
    """The classes of each output that tells them apart; numbered where they have no names."""
    names = {}
    for output in stored.objective.outputs:
        if _binary(stored, output):
            names[output.output] = stored.preprocessing.class_names[output.output]
        kind, classes = output.target.kind, output.target.classes
        if kind in ("classes", "onehot") and classes is not None:
            given = stored.preprocessing.targets[output.output].class_names
            names[output.output] = given or tuple(str(i) for i in range(classes))
    return names


def _binary(stored: Stored, output: OutputObjective) -> bool:
    """Whether an output of one number tells two named classes apart, by the second one's probability."""
    named = stored.preprocessing.class_names.get(output.output, ())
    return len(named) == 2 and output.shape == (1,) and type(output.loss) is BinaryCrossentropy


def _probabilities(stored: Stored, values: Array, output: OutputObjective) -> Array:
    """A probability a class (N, C), where the model gives logits or the second class's alone (N, 1)."""
    logits = getattr(output.loss, "from_logits", False)
    exact = values.astype(np.float64)
    if _binary(stored, output):
        second = 1 / (1 + np.exp(-np.clip(exact, -700, 700))) if logits else exact
        exact = np.concatenate([1 - second, second], axis=1)
    elif logits and output.target.kind in ("classes", "onehot"):
        exact = np.exp(exact - exact.max(axis=-1, keepdims=True))
        exact /= exact.sum(axis=-1, keepdims=True)
    return exact.astype(values.dtype)


def _restored(stored: Stored, name: str, values: Array) -> Array:
    """Predictions of a scaled number in the target's own unit again."""
    target = stored.preprocessing.targets.get(name)
    return values if target is None else restore(target, values)

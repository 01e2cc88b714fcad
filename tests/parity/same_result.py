"""The same training in nnctl and in Keras, six models on real data: are losses and test metrics the same?

    python -m tests.parity.same_result [--steps 50] [--seeds 5] [--only LSTM]

Two comparisons, a row of a table for each model in each:

1. Without dropout, from the same weights and on the same batches: how far apart the losses of a step are at
   the most, with both in float64 and with both in float32; then how far nnctl in float32, and Keras in
   float32, are from Keras in float64: who has rounded more.
2. Whole trainings with dropout, in float32, for some seeds: each has first weights, an order of examples and
   draws of its own, and only the split is the same. The test metrics of a seed's two trainings are a pair; p
   is that of a paired t test.

The exit code is 1 where losses in float64 are further apart than 1e-7 (some 1e-14 is usual, but Keras on JAX
always computes the softmax of attention in float32); where those of nnctl in float32 are further than 1e-4
from both of Keras's; or where p is below 0.01.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np
from scipy import stats

from nnctl.core.arrays import Array
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.feeding.order import order
from nnctl.formats.keras.archive import keras_archive
from nnctl.program.session import Session
from nnctl.runner.batches import feed
from nnctl.runner.evaluate import evaluate
from nnctl.runner.train import Job, train
from nnctl.workflow.assemble import Assembled
from nnctl.workflow.batch_reader import BatchReader
from nnctl.workflow.train import make_job, prepare
from tests.parity.experiments import MODELS, experiment
from tests.parity.wide import keep_64_bits

LOSSES = ("model", "both float64", "both float32", "nnctl float32, Keras float64", "Keras float32, float64")
METRICS = ("model, metric", "nnctl", "Keras", "largest difference", "95 % of the mean difference", "p")
EXACT, APART, SELDOM = 1e-7, 1e-4, 0.01
"""What the exit code looks at. Of 100 tables of six models that are the same, 6 have a p below 0.01."""


def losses(name: str, steps: int, dtype: str) -> tuple[Array, Array]:
    """The losses (steps,) in nnctl and in Keras, from the same weights on the same batches."""
    assembled = experiment(name, seed=1, dropout=False)
    start = _ready(assembled)[0].weights.arrays
    if dtype != "float32":
        assembled = experiment(name, seed=1, dropout=False, dtype=dtype)
    session, job = _ready(assembled)
    for key, array in session.weights.arrays.items():
        array[...] = start[key]
    theirs = in_keras(assembled, session)
    found = []
    for step, indices in enumerate(_batches(job, steps)):
        x, y = arrays(assembled.data.train, indices, dtype)
        found.append(
            (_step(session, job, step, indices), theirs.train_on_batch(x, y, return_dict=True)["loss"])
        )
    ours, keras_own = np.array(found, dtype=np.float64).T
    return ours, keras_own


def our_metric(name: str, seed: int) -> float:
    """The test metric of a training in nnctl."""
    assembled = experiment(name, seed)
    session, job = _ready(assembled)
    for _ in train(job):
        pass
    assert assembled.data.test is not None
    return evaluate(session, BatchReader(assembled.data.test), job.batches.size)[MODELS[name][1]]


def their_metric(name: str, seed: int) -> float:
    """The test metric of a training in Keras, by `fit`, from weights of its own."""
    assembled = experiment(name, seed)
    session, job = _ready(assembled)
    keras.utils.set_random_seed(seed)
    theirs = in_keras(assembled, session, fresh=True)
    size, data = job.batches.size, assembled.data
    assert data.test is not None
    theirs.fit(*arrays(data.train), batch_size=size, epochs=job.epochs, shuffle=True, verbose=0)
    found = theirs.evaluate(*arrays(data.test), batch_size=size, verbose=0, return_dict=True)
    return float(found[MODELS[name][1]])


def in_keras(assembled: Assembled, session: Session, fresh: bool = False) -> Any:
    """The model as Keras reads it from a file, compiled; with `fresh`, its weights are drawn by Keras."""
    written = assembled.loaded.experiment
    keras.config.set_floatx(written.dtype)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.keras"
        weights = session.weights.arrays
        path.write_bytes(
            keras_archive(written.model, assembled.model, weights, name="model", dtype=written.dtype)
        )
        model = keras.saving.load_model(path)
    if fresh:
        model = keras.models.clone_model(model)
    training = assembled.loaded.document.data["training"]
    model.compile(_optimizer(training["optimizer"]), training["loss"], metrics=training["metrics"])
    return model


def _optimizer(entry: Any) -> Any:
    """Keras's optimizer of a config's entry."""
    if isinstance(entry, str):
        return keras.optimizers.get(entry)
    fields = {key: value for key, value in entry.items() if key != "type"}
    return getattr(keras.optimizers, entry["type"])(**fields)


def arrays(data: Dataset, indices: Array | None = None, dtype: str = "float32") -> tuple[Array, Array]:
    """The input (N, ...) and the target (N, ...) of all examples, or of those asked for, as nnctl reads them.

    Args:
        dtype: Of what is no class number.
    """
    chosen = np.arange(len(data)) if indices is None else indices
    found = []
    for parts in (data.inputs, data.targets):
        (part,) = parts.values()
        values = np.empty((len(chosen), *part.shape), part.dtype if part.dtype == "int32" else dtype)
        data.read(part, chosen, values)
        found.append(values)
    x, y = found
    return x, y


def _ready(assembled: Assembled) -> tuple[Session, Job]:
    """A session with its first weights, and the job of its training."""
    session = assembled.session(threads=2)
    job = make_job(assembled, session)
    prepare(job)
    session.initialize()
    return session, job


def _batches(job: Job, steps: int) -> Iterator[Array]:
    """The examples of the first so many steps, epoch after epoch, the last batch of an epoch short."""
    for step in range(steps):
        epoch, at = divmod(step, job.batches.steps)
        indices = order(job.seed, epoch, job.batches.examples)
        yield indices[at * job.batches.size : (at + 1) * job.batches.size]


def _step(session: Session, job: Job, step: int, indices: Array) -> float:
    """One update in nnctl; the loss before it."""
    program = session.training(job.train.sizes(len(indices)))
    feed(program, job.train, indices, step)
    program.run()
    loss = float(program.outputs["loss"][0])
    session.take_hyper(step, None)
    session.update().run()
    return loss


def apart(one: Array, other: Array) -> float:
    """The largest deviation of a step's losses."""
    return float(np.abs(one - other).max())


def compare_losses(name: str, steps: int) -> tuple[list[str], bool]:
    """The cells of a model's row, and whether they are as they should be."""
    our_exact, their_exact = losses(name, steps, "float64")
    ours, theirs = losses(name, steps, "float32")
    exact, rounded = apart(our_exact, their_exact), apart(ours, theirs)
    we, they = apart(ours, their_exact), apart(theirs, their_exact)
    same = exact <= EXACT and min(rounded, we) <= APART
    return [name, *(f"{value:.1e}" for value in (exact, rounded, we, they))], same


def compare_metrics(name: str, seeds: int) -> tuple[list[str], bool]:
    """The cells of a model's row, and whether they are as they should be."""
    ours, theirs = (
        np.array([metric(name, seed) for seed in range(1, seeds + 1)])
        for metric in (our_metric, their_metric)
    )
    pairs = ours - theirs
    p, low, high = float(not pairs.any()), pairs.min(), pairs.max()
    if low < high:
        p = float(stats.ttest_rel(ours, theirs).pvalue)
        low, high = stats.t.interval(0.95, seeds - 1, pairs.mean(), stats.sem(pairs))
    return [
        f"{name}, {MODELS[name][1]}",
        *(f"{values.mean():.4f} ± {values.std(ddof=1):.4f}" for values in (ours, theirs)),
        f"{np.abs(pairs).max():.4f}",
        f"{low:+.4f} to {high:+.4f}",
        f"{p:.2f}",
    ], p >= SELDOM


def main() -> int:
    """Print both tables; whether something in them is not the same."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=5, help="0, or 2 and more")
    parser.add_argument("--only", default="", help="models whose name begins so")
    arguments = parser.parse_args()
    keep_64_bits()
    names = [name for name in MODELS if name.startswith(arguments.only)]
    same = True
    tables = (
        (LOSSES, compare_losses, arguments.steps),
        (METRICS, compare_metrics, arguments.seeds),
    )
    for titles, compare, count in tables:
        if count:
            print(f"| {' | '.join(titles)} |\n|{' --- |' * len(titles)}")
        for name in names if count else ():
            cells, as_it_should = compare(name, count)
            print(f"| {' | '.join(cells)} |", flush=True)
            same &= as_it_should
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())

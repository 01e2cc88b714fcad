"""A step in shards: each as if it were a batch, weighted by its examples, whoever computes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.program.bind import Bound
from nnctl.program.programs import TrainingProgram
from nnctl.ranks.base import ALONE, Ranks
from nnctl.ranks.imagined import ImaginedRanks, Network
from nnctl.ranks.tree import spans
from nnctl.runner.batches import Batches
from nnctl.runner.evaluate import evaluate
from nnctl.runner.sharded import Sharded
from tests.formats.trained import Trained
from tests.ranks.threads import together

MODEL = {
    "inputs": {"x": {"shape": [5]}},
    "layers": [
        {"type": "Dense", "units": 7, "activation": "tanh"},
        {"type": "BatchNormalization", "momentum": 0.7},
        {"type": "Dense", "units": 3, "kernel_regularizer": {"type": "L2", "l2": 0.1}},
    ],
    "outputs": ["dense_1"],
}
TRAINING = {"loss": "mean_squared_error", "metrics": ["mae"], "optimizer": {"type": "SGD"}}


class Split:
    """Examples in memory."""

    buckets = None

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays = arrays
        self.read_rows: list[int] = []

    def __len__(self) -> int:
        return len(self.arrays["input:x"])

    def sizes(self, batch: int, bucket: int | None = None) -> dict[str, tuple[int, ...]]:
        return {"x": (batch, *self.arrays["input:x"].shape[1:])}

    def filled_first(self, output: str) -> bool:
        return False

    def expect(self, batches: Iterable[Array]) -> Iterator[Array]:
        return iter(batches)

    def read(self, indices: Array, out: Mapping[str, Array]) -> None:
        self.read_rows += indices.tolist()
        for name, array in self.arrays.items():
            out[name][...] = array[indices]


def split(count: int, seed: int = 2) -> Split:
    rng = np.random.default_rng(seed)
    shapes = {"input:x": (count, 5), "target:dense_1": (count, 3)}
    return Split({name: rng.standard_normal(shape).astype("f4") for name, shape in shapes.items()})


def step(made: Trained, examples: Split, indices: Array, shards: int, ranks: Ranks = ALONE) -> list[Any]:
    """What is left of a step over these examples before the update; and the steps' numbers."""
    sharded = Sharded(made.session, shards, ranks)
    counters: list[int] = []

    def run(what: str, program: Bound) -> None:
        assert what == "training"
        if "step" in program.inputs:
            counters.append(int(program.inputs["step"][0]))
        program.run()

    told = sharded.train(
        lambda count: TrainingProgram(examples.sizes(count)),
        examples,
        sharded.parts([indices]),
        len(indices),
        11,
        run,
        15 if ranks.rank == 1 else 0,
    )
    assert told == (15 if ranks.size > 1 else 0)
    session = made.session
    arrays = [
        session.weights.gradients,
        session.loss,
        *session.states.values(),
        *session.weights.arrays.values(),
    ]
    return [*(array.copy() for array in arrays), counters]


def trained(model: Mapping[str, Any] = MODEL) -> Trained:
    return Trained(model, TRAINING)


def test_one_shard_is_the_whole_batch() -> None:
    examples, indices = split(9), np.array([8, 1, 0, 5, 3])
    (*found, _) = step(trained(), examples, indices, 1)
    made = trained()
    program = made.session.training(examples.sizes(5))
    examples.read(indices, program.inputs)
    program.run()
    session = made.session
    wanted = [
        session.weights.gradients,
        session.loss,
        *session.states.values(),
        *session.weights.arrays.values(),
    ]
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("count", "shards"), [(10, 4), (8, 8), (3, 8), (1, 2), (7, 2)])
def test_shards_are_batches_weighted_by_their_examples(count: int, shards: int) -> None:
    examples, indices = split(12), np.arange(count) + 1
    made = trained()
    session = made.session
    gradients, loss, *rest = step(made, examples, indices, shards)
    names = list(session.states)
    states = dict(zip(names, rest, strict=False))
    weights = dict(zip(session.weights.arrays, rest[len(names) :], strict=False))

    alone = trained().session
    before = alone.weights.snapshot()
    mean: dict[str, Any] = {"gradients": 0.0, "loss": 0.0}
    for span in spans(count, shards):
        size = span.stop - span.start
        if not size:
            continue
        alone.weights.load(before)
        program = alone.training(examples.sizes(size))
        examples.read(indices[span], program.inputs)
        program.run()
        parts = {"gradients": alone.weights.gradients, "loss": alone.loss, **alone.weights.arrays}
        for name, array in parts.items():
            mean[name] = mean.get(name, 0.0) + array.astype("f8") * size / count
    np.testing.assert_allclose(gradients, mean["gradients"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(loss, mean["loss"], rtol=1e-6)
    moving = [name for name in weights if "moving" in name]
    assert len(moving) == 2
    for name in moving:
        np.testing.assert_allclose(weights[name], mean[name], rtol=1e-6)
        assert (weights[name] != before[name]).all()
    for name, state in states.items():  # each was accumulated over the shards by the program itself
        np.testing.assert_allclose(state, alone.states[name], rtol=1e-12)


@pytest.mark.parametrize("size", [2, 3, 8])
@pytest.mark.parametrize("count", [11, 2])
def test_any_number_of_processes_leaves_the_same_bits(size: int, count: int) -> None:
    """And each reads only its own examples."""
    indices = np.arange(count)
    (*alone, _) = step(trained(), split(11), indices, 8)

    def work(ranks: Ranks) -> tuple[list[Any], list[int]]:
        examples = split(11)
        (*left, _) = step(trained(), examples, indices, 8, ranks)
        return left, examples.read_rows

    found = together(size, work)
    for left, _ in found:
        for ours, theirs in zip(left, alone, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert [row for _, rows in found for row in rows] == indices.tolist()


def test_each_shard_draws_anew() -> None:
    model = {**MODEL, "layers": [{"type": "Dropout", "rate": 0.5}, *MODEL["layers"]]}  # type: ignore[misc]
    *_, counters = step(trained(model), split(6), np.arange(6), 3)
    assert counters == [11, 11 | 1 << 40, 11 | 2 << 40]


@pytest.mark.parametrize(
    ("rank", "kinds"),
    [(0, [(3, None), (1, None)]), (1, [(2, None), (1, None)]), (None, [(3, None), (2, None), (1, None)])],
)
def test_what_is_made_ready(rank: int | None, kinds: list[Any]) -> None:
    """Of batches of 10 and 3 in four parts: the sizes of a process's own, the largest first."""
    session = trained().session
    ranks = ALONE if rank is None else ImaginedRanks(2, 4, Network(1.0, 0.0))
    if rank is not None:
        ranks.rank = rank
    sharded = Sharded(session, 4, ranks)
    assert sharded.kinds(Batches(23, 10)) == kinds
    arrays = 3 if rank is None else 2 + 1
    assert sharded.nbytes == arrays * session.weights.gradients.nbytes


@pytest.mark.parametrize(("count", "batch", "shards"), [(11, 2, 4), (3, 2, 4), (8, 8, 3), (1, 5, 2)])
def test_evaluation(count: int, batch: int, shards: int) -> None:
    made, examples = trained(), split(count)
    counted: list[float] = []
    logs = made.session.logs

    def counting() -> dict[str, float]:
        counted.append(made.session.states["loss/mean"][1])
        return logs()

    made.session.logs = counting  # type: ignore[method-assign]
    wanted = evaluate(made.session, examples, batch)
    found = Sharded(made.session, shards, ALONE).evaluate(examples, batch)
    assert found == pytest.approx(wanted, rel=1e-12)
    assert counted == [count, count]
    every = together(3, lambda ranks: Sharded(trained().session, shards, ranks).evaluate(split(count), batch))
    assert every == [found] * 3


def test_what_is_not_finite_is_found_in_its_shard() -> None:
    examples = split(6)
    examples.arrays["input:x"][4, 2] = np.inf

    def work(ranks: Ranks) -> str | None:
        made = trained()
        sharded = Sharded(made.session, 3, ranks)
        return sharded.first_non_finite(
            lambda n: TrainingProgram(examples.sizes(n)), split_of(), np.arange(6), 0
        )

    def split_of() -> Split:
        return Split(dict(examples.arrays))

    assert together(3, work) == ["dense"] * 3

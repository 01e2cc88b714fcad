"""How a split is cut into steps, and what an evaluation over batches of any size comes to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.layers.context import LayerContext
from nnctl.layers.dropout import Dropout
from nnctl.ops.base import Value
from nnctl.runner.batches import Batches, feed, in_order
from nnctl.runner.evaluate import evaluate, predict
from tests.runner.test_boundaries import job

IRIS = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"


@pytest.mark.parametrize("examples", [1, 2, 5, 6, 7, 12, 13])
@pytest.mark.parametrize("size", [1, 2, 3, 6, 20])
@pytest.mark.parametrize("limit", [None, 1, 2, 100])
def test_every_example_is_in_one_step_as_far_as_the_limit_goes(
    examples: int, size: int, limit: int | None
) -> None:
    batches = Batches(examples, size, limit)
    whole = [list(range(i, min(i + size, examples))) for i in range(0, examples, size)][:limit]
    assert batches.steps == len(whole)
    order = in_order(examples)
    assert [part.tolist() for part in batches.cut(order)] == whole
    assert [part.tolist() for part in batches.cut(order, 1)] == whole[1:]
    assert [count for count, _ in batches.kinds()] == sorted({len(rows) for rows in whole}, reverse=True)


def gathered(order: list[int], buckets: list[int], sizes: list[int]) -> list[list[int]]:
    """What `bucket_by_sequence_length` makes of a stream."""
    waiting: dict[int, list[int]] = {}
    steps = []
    for example in order:
        held = waiting.setdefault(buckets[example], [])
        held.append(example)
        if len(held) == sizes[buckets[example]]:
            steps.append(waiting.pop(buckets[example]))
    return steps + [waiting[bucket] for bucket in sorted(waiting)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("limit", [None, 2, 100])
@pytest.mark.parametrize("sizes", [None, (4, 2, 1, 9)])
def test_a_step_holds_examples_of_one_bucket(
    size: int, limit: int | None, sizes: tuple[int, ...] | None
) -> None:
    random = np.random.default_rng(size)
    for examples in (1, 6, 29):
        buckets = random.integers(0, 4, examples)
        batches = Batches(examples, size, limit, buckets, sizes)
        order = random.permutation(examples)
        wanted = gathered(order.tolist(), buckets.tolist(), list(sizes or [size] * 4))
        for start in (0, 1, 2):
            assert [step.tolist() for step in batches.cut(order, start)] == wanted[start : batches.steps]
        assert batches.steps == min(len(wanted), limit or len(wanted))
        kinds = {(len(step), int(buckets[step[0]])) for step in wanted}
        assert batches.kinds() == sorted(kinds, reverse=True)
        assert all(batches.bucket(np.array(step)) == buckets[step[0]] for step in wanted)


def test_a_batch_size_does_not_change_what_is_evaluated_or_predicted() -> None:
    """Sums are kept in float64: what batches of 1, 7 and all give differs by rounding at the most."""
    made = job("training.epochs=1")
    assert made.validation is not None
    session, split = made.session, made.validation
    found = [evaluate(session, split, size) for size in (1, 7, len(split), 1000)]
    for logs in found[1:]:
        assert logs == pytest.approx(found[0], rel=1e-6)
    rows = [
        np.concatenate([part["species"] for part in predict(session, split, size)])
        for size in (1, 7, len(split), 1000)
    ]
    assert rows[0].shape == (len(split), 3)
    for array in rows[1:]:
        assert array.tobytes() == rows[0].tobytes()


def test_an_evaluation_leaves_no_trace_in_the_next_numbers() -> None:
    """The running sums of metrics begin at nothing before, and are put back to nothing after."""
    made = job("training.epochs=1")
    assert made.validation is not None
    before = {name: array.copy() for name, array in made.session.states.items()}
    first = evaluate(made.session, made.validation, 8)
    for name, array in made.session.states.items():
        np.testing.assert_array_equal(array, before[name])
    made.session.states["loss/mean"][...] = 5.0
    assert evaluate(made.session, made.validation, 8) == first


def test_each_pass_sees_the_weights_as_they_are() -> None:
    """A normalization lies in the weights before it: worked out anew for each pass, not for each batch."""
    layers = "[{type: Dense, units: 4}, BatchNormalization, {type: Dense, units: 3, name: species}]"
    made = job(f"model.layers={layers}", "training.epochs=1")
    assert made.validation is not None
    session, split = made.session, made.validation
    (gamma,) = (array for name, array in session.weights.arrays.items() if name.endswith("gamma"))

    def predicted() -> Array:
        (part,) = predict(session, split, len(split))
        return part["species"]

    before = predicted()
    gamma[...] = 0
    alike = predicted()
    assert not np.array_equal(before, alike)
    assert (alike == alike[0]).all()


def test_a_step_is_told_its_number() -> None:
    """Random numbers depend on it: dropout in step 3 is that of step 3."""
    layers = "[{type: Dropout, rate: 0.5}, {type: Dense, units: 3, activation: softmax, name: species}]"
    made = job(f"model.layers={layers}")
    program = made.session.training(made.train.sizes(4))
    feed(program, made.train, in_order(4), 3)
    assert program.inputs["step"][0] == 3


def test_a_layer_that_draws_in_inference_draws_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin's may: what it draws does not depend on what the arena held before."""
    made = job(
        "training.epochs=1",
        "model.layers=[{type: Dropout, rate: 0.5}, {type: Dense, units: 3, activation: softmax}]",
    )
    assert made.validation is not None
    session, split, training = made.session, made.validation, Dropout.call

    def always(layer: Dropout, ctx: LayerContext, *inputs: Value) -> Value:
        return training(layer, replace(ctx, training=True), *inputs)

    monkeypatch.setattr(Dropout, "call", always)
    told = evaluate(session, split, 8), [out["dense"] for out in predict(session, split, 8)]
    for program in (session.evaluation(split.sizes(8)), session.prediction(split.sizes(8))):
        program.inputs["step"][...] = 12345
    again = evaluate(session, split, 8), [out["dense"] for out in predict(session, split, 8)]
    assert told[0] == again[0]
    assert all(np.array_equal(a, b) for a, b in zip(told[1], again[1], strict=True))
    with_step_1 = session.prediction(split.sizes(8))
    feed(with_step_1, split, in_order(8), 1)
    with_step_1.run()
    assert not np.array_equal(with_step_1.outputs["dense"], told[1][0])

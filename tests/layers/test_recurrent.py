"""Recurrent layers: dropouts, inference that keeps nothing, first values, long and odd shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.layers.harness import Case, case, check, make

CELLS = ["SimpleRNN", "LSTM", "GRU"]


def echo(**fields: Any) -> Case:
    """A SimpleRNN that adds its input to its state: h = x + h, x all ones, 6 units."""
    config = {"type": "SimpleRNN", "units": 6, "activation": "linear", "return_sequences": True, **fields}
    made = case(config, [(4, 6)], batch=500, training=True)
    made.inputs = [np.ones((500, 4, 6))]
    made.weights = {"kernel": np.eye(6), "recurrent_kernel": np.eye(6), "bias": np.zeros(6)}
    return made


def test_dropout_of_the_input_is_the_same_at_every_step() -> None:
    (y,) = echo(dropout=0.25).run().outputs
    steps = np.diff(y, axis=1, prepend=0)
    assert np.allclose(steps, steps[:, :1])
    assert set(np.unique(steps.round(9))) == {0.0, round(1 / 0.75, 9)}
    assert (steps[:, 0] == 0).mean() == pytest.approx(0.25, abs=0.03)


def test_dropout_of_the_state_is_the_same_at_every_step() -> None:
    (y,) = echo(recurrent_dropout=0.4).run().outputs
    factors = (y[:, 1] - 1) / y[:, 0]
    assert set(np.unique(factors.round(9))) == {0.0, round(1 / 0.6, 9)}
    assert np.allclose(y[:, 2], 1 + factors * y[:, 1])
    assert np.allclose(y[:, 3], 1 + factors * y[:, 2])
    assert (factors == 0).mean() == pytest.approx(0.4, abs=0.03)


def test_dropouts_draw_by_step_and_seed() -> None:
    def drawn(step: int = 0, **fields: Any) -> np.ndarray[Any, Any]:
        made = echo(dropout=0.5, recurrent_dropout=0.5, **fields)
        made.step = step
        return made.run().outputs[0]

    assert np.array_equal(drawn(), drawn())
    assert not np.array_equal(drawn(), drawn(step=1))
    assert not np.array_equal(drawn(), drawn(seed=2))
    assert np.array_equal(drawn(seed=2), drawn(seed=2))


def test_all_can_be_dropped() -> None:
    """The input: nothing adds up. The state: each step gives its own input."""
    assert not echo(dropout=1.0).run().outputs[0].any()
    assert (echo(recurrent_dropout=1.0).run().outputs[0] == 1).all()


@pytest.mark.parametrize("cell", CELLS)
def test_nothing_is_drawn_where_nothing_is_dropped(cell: str) -> None:
    def drawn(training: bool, **rates: float) -> list[str]:
        config = {"type": cell, "units": 2, **rates}
        ops = case(config, [(3, 4)], training=training).ops()
        return [op for op in ops if op.startswith("Dropout")]

    gates = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}[cell]
    assert drawn(True) == []
    assert drawn(False, dropout=0.5, recurrent_dropout=0.5) == []
    assert drawn(True, dropout=0.5) == drawn(True, recurrent_dropout=0.5) == ["DropoutFactor"]
    assert drawn(True, dropout=0.5, recurrent_dropout=0.5) == ["DropoutFactor"] * (gates + 1)


def test_one_gate_draws_the_same_input_with_and_without_recurrent_dropout() -> None:
    (alone,) = echo(dropout=0.5).run().outputs
    (beside,) = echo(dropout=0.5, recurrent_dropout=0.5).run().outputs
    assert np.array_equal(alone[:, 0], beside[:, 0])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("rates", [(0.4, 0.0), (0.0, 0.4), (0.3, 0.4)])
def test_gradients_with_dropouts(cell: str, rates: tuple[float, float]) -> None:
    dropout, recurrent = rates
    config = {"type": cell, "units": 4, "dropout": dropout, "recurrent_dropout": recurrent}
    check(config, (3, 2), training=True, masks=[0])


def test_gates_drop_inputs_of_their_own_beside_recurrent_dropout() -> None:
    config = {"type": "LSTM", "units": 2, "dropout": 0.5, "recurrent_dropout": 1e-9}
    kinds = set()
    for step in range(20):
        made = case(config, [(1, 1)], batch=1, training=True)
        made.step = step
        made.inputs = [np.ones((1, 1, 1))]
        gradients = made.gradients([np.ones((1, 2))])["kernel"].reshape(4, 2)
        # The state starts at zero, so the forget gate never has a gradient.
        kinds.add(tuple((gradients[[0, 2, 3]] != 0).any(axis=1)))
    assert len(kinds) > 3


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("masks", [[], [0]])
def test_inference_keeps_nothing_and_gives_the_same(cell: str, masks: list[int]) -> None:
    config = {"type": cell, "units": 5, "return_sequences": True, "return_state": True}
    made = case(config, [(7, 3)], masks=masks)
    with_kept = made.run().outputs
    made.differentiable = False
    for ours, theirs in zip(made.run().outputs, with_kept, strict=True):
        assert np.array_equal(ours, theirs)


def test_forget_bias_starts_at_one() -> None:
    layer = make({"type": "LSTM", "units": 3, "bias_initializer": {"type": "Constant", "value": 0.5}})
    bias = layer.weights((4, 2))["bias"].initializer.sample((12,), "float32", (1, 2))
    assert bias.tolist() == [0.5] * 3 + [1.0] * 3 + [0.5] * 6
    layer = make({"type": "LSTM", "units": 3, "unit_forget_bias": False})
    assert not layer.weights((4, 2))["bias"].initializer.sample((12,), "float32", (1, 2)).any()


@pytest.mark.parametrize("cell", CELLS)
def test_a_long_wide_batch(cell: str) -> None:
    config = {"type": cell, "units": 37, "return_sequences": True}
    check(config, (3, 70), batch=33, gradients=False, masks=[0])


@pytest.mark.parametrize("cell", CELLS)
def test_masked_steps_do_not_matter(cell: str) -> None:
    config = {"type": cell, "units": 4, "return_sequences": True, "return_state": True}
    first, second = (case(config, [(6, 3)], masks=[0]) for _ in range(2))
    mask = first.masks[0]
    assert mask is not None
    second.inputs[0] = np.where(mask[:, :, None], second.inputs[0], 99.0)
    for a, b in zip(first.run().outputs, second.run().outputs, strict=True):
        assert np.array_equal(a, b)


_DROPPED = {"dropout": 0.3, "recurrent_dropout": 0.4}


@pytest.mark.parametrize(
    ("config", "options"),
    [
        ({"type": "SimpleRNN", **_DROPPED}, {"training": True, "masks": [0]}),
        ({"type": "LSTM", **_DROPPED, "zero_output_for_mask": True}, {"training": True, "masks": [0]}),
        ({"type": "GRU", **_DROPPED, "go_backwards": True}, {"training": True}),
        ({"type": "GRU", **_DROPPED, "reset_after": False}, {"training": True, "masks": [0]}),
        ({"type": "GRU", "use_bias": False}, {"masks": [0]}),
    ],
    ids=str,
)
def test_composed_steps_are_those_of_the_kernel(
    config: dict[str, Any], options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"units": 4, "return_sequences": True, "return_state": True, **config}
    made = case(config, [(5, 3)], **options)
    results = [made.run().outputs]
    projections = [np.random.default_rng(1).standard_normal(y.shape) for y in results[0]]
    slopes = [made.gradients(projections)]
    monkeypatch.setattr("nnctl.layers.units.IN_KERNELS", ())
    assert "Recurrence" not in made.ops()
    results.append(made.run().outputs)
    slopes.append(made.gradients(projections))
    for ours, composed in zip(*results, strict=True):
        np.testing.assert_allclose(ours, composed, rtol=1e-11, atol=1e-13)
    for name, slope in slopes[0].items():
        np.testing.assert_allclose(slope, slopes[1][name], rtol=1e-10, atol=1e-12)

"""What a convolutional LSTM drops: the same at every step. What it makes of masks: as LSTM."""

from __future__ import annotations

import numpy as np
import pytest

from tests.layers.harness import case


def test_the_same_inputs_are_dropped_at_every_step() -> None:
    """All is linear and the input constant: h is o i g (1, 1 + f, 1 + f + f^2) if no gate's input changes."""
    config = {
        "type": "ConvLSTM1D", "filters": 3, "kernel_size": 1, "use_bias": False, "activation": "linear",
        "recurrent_activation": "linear", "dropout": 0.4, "return_sequences": True,
    }  # fmt: skip
    made = case(config, [(3, 4, 5)], training=True)
    made.inputs[0][:] = made.inputs[0][:, :1]
    made.weights["recurrent_kernel"][:] = 0
    first, second, third = np.moveaxis(made.run().outputs[0], 1, 0)
    f = second / first - 1
    np.testing.assert_allclose(third / first, 1 + f + f * f, rtol=1e-9)
    made.training = False
    assert (made.run().outputs[0][:, 0] != first).mean() > 0.9


def test_the_same_states_are_dropped_at_every_step() -> None:
    """Only o follows the state, whose factor is 0 or 2 for each number, at every step alike."""
    config = {
        "type": "ConvLSTM1D", "filters": 1, "kernel_size": 1, "use_bias": False, "activation": "linear",
        "recurrent_activation": "linear", "recurrent_dropout": 0.5, "return_sequences": True,
    }  # fmt: skip
    made = case(config, [(4, 6, 1)], training=True)
    made.inputs[0][:] = 1
    made.weights["kernel"][:] = [1, 0, 1, 1]
    made.weights["recurrent_kernel"][:] = [0, 0, 0, 1]
    h = made.run().outputs[0][..., 0]
    kept = (h[:, 1:] - 1) / h[:, :-1]  # i = g = 1, f = 0: c is 1, and h = 1 + factor * h before
    assert set(np.unique(kept.round(9))) == {0.0, 2.0}
    np.testing.assert_allclose(kept, np.broadcast_to(kept[:, :1], kept.shape), atol=1e-12)


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_windows_of_one_place_make_an_lstm(zero: bool, backwards: bool) -> None:
    """Of which the kernels are held against Keras with masks, too; ConvLSTM composes its steps of ops."""
    fields: dict[str, bool] = {"return_sequences": True, "return_state": True}
    fields |= {"go_backwards": backwards, "zero_output_for_mask": zero}
    made = case(
        {"type": "ConvLSTM1D", "filters": 3, "kernel_size": 1, **fields},
        [(4, 1, 2), (1, 3), (1, 3)],
        masks=[0],
    )
    plain = case({"type": "LSTM", "units": 3, **fields}, [(4, 2), (3,), (3,)], masks=[0])
    plain.inputs = [x.reshape(y.shape) for x, y in zip(made.inputs, plain.inputs, strict=True)]
    plain.weights = {name: w.reshape(plain.weights[name].shape) for name, w in made.weights.items()}
    plain.masks = made.masks
    assert 0 < made.masks[0].mean() < 1  # type: ignore[union-attr]
    for got, want in zip(made.run().outputs, plain.run().outputs, strict=True):
        np.testing.assert_allclose(got.reshape(want.shape), want, rtol=1e-12)

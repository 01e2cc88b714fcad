"""Spectrograms: what is refused, and lengths that Keras says wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.errors import ConfigError, ShapeError
from tests.layers.harness import case, make


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"type": "STFTSpectrogram", "frame_length": 4, "frame_step": 5}, "'frame_step' is above"),
        ({"type": "STFTSpectrogram", "frame_length": 4, "fft_length": 3}, "'fft_length' is below"),
        ({"type": "STFTSpectrogram", "frame_length": 4, "mode": "phase"}, "mode"),
        ({"type": "MelSpectrogram", "fft_length": 8, "sequence_length": 9}, "'sequence_length' is above"),
        ({"type": "MelSpectrogram", "max_freq": 20}, "'max_freq' is not above 'min_freq'"),
    ],
)
def test_what_contradicts_itself(config: dict[str, Any], message: str) -> None:
    with pytest.raises((ValidationError, ConfigError), match=message):
        make(config)


def test_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"window of \(4\) is larger"):
        make({"type": "STFTSpectrogram", "frame_length": 4}).compute_output_shape((3, 1))
    with pytest.raises(ShapeError, match="1 axis"):
        make("MelSpectrogram").compute_output_shape((30, 1))
    assert make("MelSpectrogram").compute_output_shape((None,)) == (128, None)


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        ({"type": "STFTSpectrogram", "frame_length": 4}, (9, 1)),
        ({"type": "MelSpectrogram", "fft_length": 4, "num_mel_bins": 2}, (9,)),
    ],
)
def test_a_signal_that_is_no_number_is_not_silence(config: dict[str, Any], shape: tuple[int, ...]) -> None:
    """What is no number has no logarithm either, so that training stops at it."""
    made = case(config, [shape])
    made.inputs[0][:1] = np.nan
    (y,) = made.run().outputs
    assert np.isnan(y[0]).all()
    assert np.isfinite(y[1:]).all()


def test_one_tone_is_one_line() -> None:
    """Where the power is, by hand: a wave of 4 turns in a frame of 16 without a window."""
    made = case({"type": "STFTSpectrogram", "frame_length": 16, "mode": "psd", "window": None}, [(32, 1)])
    wave = np.cos(2 * np.pi * 4 * np.arange(32) / 16)
    made.inputs[0][...] = wave[None, :, None]
    for side, turn in (("real", np.cos), ("imag", np.sin)):
        angles = -2 * np.pi * np.arange(16)[:, None] * np.arange(9) / 16
        made.weights[f"{side}_kernel"][...] = turn(angles)[:, None, :]
    (y,) = made.run().outputs
    expected = np.zeros((3, 3, 9))
    expected[:, :, 4] = 2 * (16 / 2) ** 2
    np.testing.assert_allclose(y, expected, atol=1e-9)


def test_silence_has_an_angle_of_0_and_passes_no_gradient() -> None:
    made = case({"type": "STFTSpectrogram", "frame_length": 4, "mode": "angle"}, [(8, 1)])
    made.inputs[0][...] = 0
    (y,) = made.run().outputs
    assert not y.any()
    assert not any(gradient.any() for gradient in made.gradients([np.ones_like(y)]).values())

"""Dropout and noise: share and scale, what draws depend on, masks shared along axes, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnctl.core.arrays import Array
from tests.layers.harness import Case, case


def dropped(shape: tuple[int, ...] = (30, 20), *, step: int = 0, batch: int = 40, **fields: Any) -> Case:
    made = case({"type": "Dropout", **fields}, [shape], batch=batch, training=True)
    made.inputs = [np.ones((batch, *shape))]
    made.step = step
    return made


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_share_and_scale(rate: float) -> None:
    (y,) = dropped(rate=rate).run().outputs
    assert (y != 0).mean() == pytest.approx(1 - rate, abs=0.01)
    np.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=1e-12)


def test_the_ends() -> None:
    assert (dropped(rate=0.0).run().outputs[0] == 1).all()
    assert (dropped(rate=1.0).run().outputs[0] == 0).all()
    made = dropped(rate=0.7)
    made.training = False
    assert (made.run().outputs[0] == 1).all()


def test_mask_depends_on_step_and_seed_alone() -> None:
    first = dropped(rate=0.5).run().outputs[0]
    assert np.array_equal(first, dropped(rate=0.5).run().outputs[0])
    assert not np.array_equal(first, dropped(rate=0.5, step=1).run().outputs[0])
    assert not np.array_equal(first, dropped(rate=0.5, seed=3).run().outputs[0])


def test_noise_shape_shares_the_mask() -> None:
    (y,) = dropped((6, 5), rate=0.5, noise_shape=[None, 1, 5]).run().outputs
    assert (y == y[:, :1]).all()
    assert not (y == y[:, :, :1]).all()
    assert not (y == y[:1]).all()


def test_the_mask_is_the_batch_s_own_or_shared_by_it() -> None:
    """null at the batch's place draws for each example, in a batch of any length; 1 draws once."""
    for batch in (40, 7):
        (own,) = dropped((6,), rate=0.5, batch=batch, noise_shape=[None, 6]).run().outputs
        (shared,) = dropped((6,), rate=0.5, batch=batch, noise_shape=[1, None]).run().outputs
        assert not (own == own[:1]).all()
        assert (shared == shared[:1]).all()
        assert set(np.unique(shared)) == {0.0, 2.0}


def test_nothing_is_drawn_where_nothing_is_dropped() -> None:
    assert dropped(rate=0.5).ops() == ["Dropout"]
    assert dropped(rate=0.0).ops() == []
    assert not dropped(rate=1.0).run().outputs[0].any()
    made = dropped(rate=0.5)
    made.training = False
    assert made.ops() == []


def test_gradients() -> None:
    dropped((3, 4), rate=0.4, batch=2).check_gradients()
    dropped((3, 4), rate=0.4, batch=2, noise_shape=[None, 3, 1]).check_gradients()


def test_the_softmax_that_comes_out_of_attention_is_the_one_that_was_used() -> None:
    """As in Keras, where MultiHeadAttention's is the whole one."""
    config = {"type": "Attention", "dropout": 0.5, "return_attention_scores": True}
    made = case(config, [(4, 5), (6, 5)], training=True)
    y, weights = made.run().outputs
    assert (weights == 0).mean() == pytest.approx(0.5, abs=0.2)
    np.testing.assert_allclose(y, weights @ made.inputs[1], rtol=1e-12)
    again = case({**config, "seed": 3}, [(4, 5), (6, 5)], training=True).run().outputs[1]
    assert ((weights == 0) != (again == 0)).any()


def test_attention_drops_from_its_weights_and_shows_them_whole() -> None:
    config = {"type": "MultiHeadAttention", "num_heads": 2, "key_dim": 3, "return_attention_scores": True}

    def ran(**fields: Any) -> list[Array]:
        training = fields.pop("training", True)
        return case({**config, **fields}, [(4, 5), (6, 2)], training=training).run().outputs

    y, weights = ran()
    for fields in ({"dropout": 0.5, "training": False}, {"dropout": 0.0}):
        np.testing.assert_array_equal(ran(**fields)[0], y)
    less, shown = ran(dropout=0.5)
    np.testing.assert_array_equal(shown, weights)
    assert (less != y).any()
    np.testing.assert_array_equal(ran(dropout=0.5)[0], less)
    assert (ran(dropout=0.5, seed=3)[0] != less).any()


def noisy(config: dict[str, Any], shape: tuple[int, ...] = (30, 20), *, step: int = 0) -> Array:
    """What a layer makes of ones while training."""
    made = case(config, [shape], batch=40, training=True)
    made.inputs, made.step = [np.ones((40, *shape))], step
    (y,) = made.run().outputs
    return y


NOISES: list[dict[str, Any]] = [
    {"type": "AlphaDropout", "rate": 0.3},
    {"type": "GaussianDropout", "rate": 0.3},
    {"type": "GaussianNoise", "stddev": 0.3},
    {"type": "SpatialDropout1D", "rate": 0.3},
]


@pytest.mark.parametrize("config", NOISES, ids=str)
def test_draws_hang_on_step_and_seed_and_only_in_training(config: dict[str, Any]) -> None:
    first = noisy(config)
    assert np.array_equal(first, noisy(config))
    assert not np.array_equal(first, noisy(config, step=1))
    assert not np.array_equal(first, noisy({**config, "seed": 3}))
    for fields in ({"training": False}, {"rate" if "rate" in config else "stddev": 0.0}):
        made = case({**config, **fields}, [(30, 20)], training=fields.get("training") is not False)
        assert made.ops() == []
    case(config, [(3, 4)], batch=2, training=True).check_gradients()


def test_gaussian_noise_has_the_mean_and_deviation_that_keras_documents() -> None:
    y = noisy({"type": "GaussianNoise", "stddev": 0.25})
    assert y.mean() == pytest.approx(1.0, abs=0.01)
    assert y.std() == pytest.approx(0.25, abs=0.005)
    y = noisy({"type": "GaussianDropout", "rate": 0.2})
    assert y.mean() == pytest.approx(1.0, abs=0.01)
    assert y.std() == pytest.approx(0.5, abs=0.01)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    made = case({"type": "AlphaDropout", "rate": 0.4}, [(30, 20)], batch=60, training=True)
    (y,) = made.run().outputs
    assert y.mean() == pytest.approx(0.0, abs=0.03)
    assert y.std() == pytest.approx(1.0, abs=0.03)
    dropped, kept = np.unique(noisy({"type": "AlphaDropout", "rate": 0.4}), return_counts=True)
    assert (kept[0] / kept.sum()) == pytest.approx(0.4, abs=0.01)
    # Klambauer et al. (2017): a (x d + alpha' (1 - d)) + b, for ones and alpha' = -1.7580993408473766.
    alpha = -1.7580993408473766
    a = (0.6 * (1 + 0.4 * alpha**2)) ** -0.5
    np.testing.assert_allclose(dropped, [a * alpha * 0.6, a - 0.4 * a * alpha], rtol=1e-12)


def test_alpha_dropout_shares_its_mask() -> None:
    y = noisy({"type": "AlphaDropout", "rate": 0.5, "noise_shape": [None, 1, 5]}, (6, 5))
    assert (y == y[:, :1]).all()
    assert not (y == y[:, :, :1]).all()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_whole_channels_are_dropped(rank: int) -> None:
    shape = (4, 3, 2)[:rank]
    y = noisy({"type": f"SpatialDropout{rank}D", "rate": 0.5}, (*shape, 20)).reshape(40, -1, 20)
    assert (y == y[:, :1]).all()
    assert set(np.unique(y)) == {0.0, 2.0}
    assert not (y == y[:1]).all()
    assert not (y == y[:, :, :1]).all()

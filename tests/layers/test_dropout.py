"""Dropout: share and scale, what the mask depends on, masks shared along axes, gradients."""

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

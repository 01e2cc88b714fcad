"""TimeDistributed where the lists of cases cannot show it: masks of steps, penalties, draws."""

from __future__ import annotations

import numpy as np

from tests.layers.harness import case

LSTM = {"type": "LSTM", "units": 3}


def test_words_are_masked_in_each_sentence() -> None:
    """The mask of the words is the layer's, and a sentence without a word is masked for who comes after."""
    made = case({"type": "TimeDistributed", "layer": LSTM}, [(4, 5, 2)], masks={0: 3})
    (mask,) = made.masks
    assert mask is not None
    mask[0, 1] = 0
    result = made.run()
    alone = case(LSTM, [(5, 2)], masks=[0])
    alone.weights = {name.removeprefix("layer/"): w for name, w in made.weights.items()}
    for step in range(4):
        alone.inputs, alone.masks = [made.inputs[0][:, step]], [np.ascontiguousarray(mask[:, step])]
        np.testing.assert_array_equal(result.outputs[0][:, step], alone.run().outputs[0])
    np.testing.assert_array_equal(result.masks[0], mask.any(2))


def test_a_mask_that_a_step_keeps_goes_on() -> None:
    made = case(
        {"type": "TimeDistributed", "layer": {"type": "Dense", "units": 2}}, [(4, 5, 3)], masks={0: 3}
    )
    np.testing.assert_array_equal(made.run().masks[0], made.masks[0])


def test_a_penalty_is_that_of_all_steps_per_example() -> None:
    dense = {"type": "Dense", "units": 2, "activity_regularizer": "l2"}
    each, whole = case({"type": "TimeDistributed", "layer": dense}, [(4, 3)]), case(dense, [(4, 3)])
    whole.weights = {name.removeprefix("layer/"): w for name, w in each.weights.items()}
    np.testing.assert_allclose(each.run().losses, whole.run().losses)


def test_a_mask_for_a_whole_batch_is_drawn_at_each_step() -> None:
    dropout = {"type": "Dropout", "rate": 0.5, "noise_shape": [1, 50]}
    made = case({"type": "TimeDistributed", "layer": dropout}, [(2, 50)], training=True)
    kept = made.run().outputs[0] != 0
    np.testing.assert_array_equal(kept, kept[:1].repeat(3, 0))
    assert (kept[0, 0] != kept[0, 1]).any()

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


def test_each_call_in_a_model_draws_for_itself_and_may_rest() -> None:
    dropout = {"type": "Dropout", "rate": 0.5, "name": "a"}
    layers = [{"type": "Input", "name": "x"}, dropout, {"use": "a", "name": "b", "inputs": "x"}]
    layers += [{"use": "a", "name": "c", "inputs": "x", "training": False}]
    layers += [{"type": "Add", "inputs": ["a", "b", "c"]}]
    made = case(
        {"type": "TimeDistributed", "layer": {"type": "Functional", "layers": layers}},
        [(2, 40)],
        training=True,
    )
    made.inputs = [np.ones((3, 2, 40))]
    assert set(np.unique(made.run().outputs[0])) == {1.0, 3.0, 5.0}


def test_a_model_gives_the_output_that_it_names() -> None:
    layers = [{"type": "Input", "name": "x"}, {"type": "ReLU", "name": "a"}, {**LSTM, "return_state": True}]
    model = {"type": "Functional", "layers": layers, "outputs": "a"}
    made = case({"type": "TimeDistributed", "layer": model}, [(4, 5, 2)])
    np.testing.assert_array_equal(made.run().outputs[0], np.maximum(made.inputs[0], 0))
    found = []
    for model["outputs"] in ("lstm", "lstm:1", "lstm:2"):
        found += case({"type": "TimeDistributed", "layer": model}, [(4, 5, 2)]).run().outputs
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).all()

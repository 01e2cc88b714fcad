"""Where weights lie: padded segments of one buffer, aligned, each filled from a stream of its own."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.graph.build import build
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.program.weights import SEGMENT, aligned, allocate, initialize
from nnctl.spec.language.model import ModelSpec


def model() -> LayerGraph:
    layers = [
        {"type": "Dense", "units": 4, "name": "a"},
        {"type": "BatchNormalization", "name": "norm"},
        {"type": "Dense", "units": 2, "name": "frozen", "trainable": False},
        {"type": "Dense", "units": 4, "name": "b"},
    ]
    return build(ModelSpec.model_validate({"layers": layers}), {"x": InputInfo((5,), "float32")})


def test_trainable_weights_lie_in_one_buffer_in_segments_of_sixteen() -> None:
    store = allocate(model(), "float64")
    assert store.trainable == ["a/kernel", "a/bias", "norm/gamma", "norm/beta", "b/kernel", "b/bias"]
    assert store.sizes == [20, 4, 4, 4, 8, 4]
    assert store.starts == [0, 32, 48, 64, 80, 96, 112]
    assert SEGMENT == 16
    assert store.flat.size == store.gradients.size == 112
    store.flat[...] = np.arange(112)
    store.gradients[...] = -np.arange(112)
    for name, start in zip(store.trainable, store.starts, strict=False):
        array, gradient = store.arrays[name], store.gradient_views[name]
        expected = np.arange(start, start + array.size).reshape(array.shape)
        np.testing.assert_array_equal(array, expected)
        np.testing.assert_array_equal(gradient, -expected)


def test_the_others_have_memory_of_their_own() -> None:
    store = allocate(model(), "float32")
    others = [name for name in store.arrays if name not in store.trainable]
    assert others == ["norm/moving_mean", "norm/moving_variance", "frozen/kernel", "frozen/bias"]
    assert list(store.arrays) == list(model().weights)
    assert store.arrays["frozen/kernel"].shape == (4, 2)
    for name in others:
        assert store.arrays[name].dtype == np.float32
        assert not np.shares_memory(store.arrays[name], store.flat)
        assert name not in store.gradient_views


def test_without_gradients_there_is_no_room_for_them() -> None:
    store = allocate(model(), "float32", gradients=False)
    assert store.gradients.size == 0
    assert store.gradient_views == {}
    assert store.flat.size == 112


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [1, 5, 16, 1000])
def test_memory_is_aligned_and_zero(count: int, dtype: str) -> None:
    for _ in range(4):
        array = aligned(count, dtype)
        assert (array.shape, array.dtype) == ((count,), np.dtype(dtype))
        assert array.ctypes.data % 64 == 0
        assert not array.any()


def test_what_is_loaded_fits() -> None:
    store = allocate(model(), "float32")
    initialize(store, model(), 1)
    values = store.snapshot()
    other = allocate(model(), "float32")
    other.load(values)
    for name, array in store.arrays.items():
        np.testing.assert_array_equal(other.arrays[name], array)
    store.arrays["a/bias"][...] = 9
    assert not values["a/bias"].any()
    with pytest.raises(ValueError, match=r"'b/bias' is \(3,\), the model wants \(4,\)"):
        other.load({**values, "b/bias": np.zeros(3)})
    with pytest.raises(KeyError):
        other.load({})


def test_each_weight_draws_by_the_seed_and_its_name() -> None:
    """Two layers alike differ; what is added between them, or how it is frozen, changes neither."""

    def drawn(seed: int, *between: str) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
        names = ["a", *between, "b"]
        layers = [{"type": "Dense", "units": 5, "name": name, "trainable": name != "b"} for name in names]
        graph = build(ModelSpec.model_validate({"layers": layers}), {"x": InputInfo((5,), "float32")})
        store = allocate(graph, "float32")
        initialize(store, graph, seed)
        return store.snapshot()

    first = drawn(1)
    assert not np.array_equal(first["a/kernel"], first["b/kernel"])
    assert not np.array_equal(first["a/kernel"], drawn(2)["a/kernel"])
    more = drawn(1, "c")
    for name, array in first.items():
        np.testing.assert_array_equal(more[name], array)

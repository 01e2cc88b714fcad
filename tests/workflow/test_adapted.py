"""Layers whose weights are statistics of the training split."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nnctl.core.errors import ConfigError, DataError
from nnctl.core.events import Adapting, Event
from nnctl.data.feeding import in_memory
from nnctl.data.sources import hdf5
from nnctl.formats.keras.archive import keras_archive
from nnctl.layers.adapting import moments, quantiles
from nnctl.workflow.assemble import Assembled, assemble
from nnctl.workflow.check import check
from nnctl.workflow.initial import Initial
from nnctl.workflow.train import first_weights, start

IRIS = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"


def assembled(*layers: str, more: Sequence[str] = ()) -> Assembled:
    out = "{type: Dense, units: 3, activation: softmax, name: species}"
    return assemble(IRIS, overrides=[f"model.layers=[{', '.join([*layers, out])}]", *more])


def test_statistics_are_those_of_the_training_split() -> None:
    made = assembled("{type: Normalization, name: norm}", "{use: norm}")
    session, train = made.session(1), made.data.train
    first_weights(session, None, train)
    (part,) = train.inputs.values()
    ((_, x),) = train.pieces(part, "float64")
    found = {name: session.weights.arrays[f"norm/{name}"] for name in ("mean", "variance", "count")}
    np.testing.assert_allclose(found["mean"], x.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found["variance"], x.var(axis=0), rtol=1e-6)
    assert found["count"] == len(train) == 98
    # Of a run that goes on from another's weights they are that one's.
    given = {name: np.full_like(array, 7) for name, array in session.weights.arrays.items()}
    first_weights(session, Initial("a run", given, ("norm",)), train)
    assert (found["mean"] == 7).all()


@pytest.mark.parametrize("axes", [[3], [3, 1], [], [2]], ids=str)
def test_moments_in_one_pass(axes: list[int]) -> None:
    """Far from 0, too, where squares would lose all that is left of a variance."""
    x = np.random.default_rng(1).standard_normal((29, 2, 3, 4)) + 1e8
    over = tuple(a for a in range(4) if a not in axes)
    blocks = [x[:7], x[7:8], x[8:]]
    mean, variance, count = moments(iter(blocks), sorted(axes))
    np.testing.assert_allclose(mean, x.mean(axis=over), rtol=1e-15)
    np.testing.assert_allclose(variance, x.var(axis=over), rtol=1e-6)
    assert count == x.size // max(variance.size, 1)
    assert not moments(iter([np.full((5, 3), 0.1)]), [1])[1].any()


@pytest.mark.keras
@pytest.mark.parametrize(("bins", "epsilon", "count"), [(4, 0.01, 500), (7, 0.05, 90), (10, 0.1, 11)])
def test_bins_are_those_of_keras(bins: int, epsilon: float, count: int) -> None:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    x = np.random.default_rng(2).standard_normal((count, 3)).astype(np.float32)
    theirs = keras.layers.Discretization(num_bins=bins, epsilon=epsilon)
    blocks = [x[:60], x[60:]] if count == 90 else [x]
    for block in blocks:  # as `adapt` does, which needs TensorFlow
        theirs.update_state(block)
    theirs.finalize_state()
    ours = quantiles(iter(blocks), bins, epsilon)
    assert ours is not None
    np.testing.assert_allclose(ours, theirs.bin_boundaries, rtol=1e-6)


def test_bins_are_found_in_the_training_split() -> None:
    made = assembled("{type: Discretization, name: bins, num_bins: 4, output_mode: one_hot}", "Flatten")
    session, train = made.session(1), made.data.train
    first_weights(session, None, train)
    (part,) = train.inputs.values()
    ((_, x),) = train.pieces(part, "float32")
    found = session.weights.arrays["bins/bin_boundaries"]
    np.testing.assert_allclose(found, np.quantile(x, [0.25, 0.5, 0.75]), atol=0.1)
    few = "{type: Discretization, num_bins: 400, epsilon: 1e-3, output_mode: multi_hot}"
    made = assembled(few)
    with pytest.raises(ConfigError, match="fewer than 400 numbers are no 400 bins"):
        first_weights(made.session(1), None, made.data.train)
    out = "{type: Dense, units: 3, activation: softmax}"
    with pytest.raises(ConfigError, match="fewer than 400 numbers are no 400 bins") as caught:
        check(IRIS, overrides=[f"model.layers=[{few}, {out}]"])
    assert caught.value.problems[0].place is not None


@pytest.mark.parametrize(
    ("layers", "message", "path"),
    [
        (["{type: Dense, units: 2}", "Normalization"], "reads the layer 'dense'", ("model", "layers", 1)),
        (
            ["{type: Dropout, rate: 0.5}", "Normalization"],
            "reads the layer 'dropout'",
            ("model", "layers", 1),
        ),
    ],
)
def test_only_an_input_has_statistics(layers: list[str], message: str, path: Any) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        assembled(*layers)
    assert caught.value.problems[0].path == path


@pytest.mark.keras
def test_keras_has_what_was_found(tmp_path: Path) -> None:
    """Means among the weights of its file, boundaries in the config."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    bins = "{type: Discretization, name: bins, num_bins: 4, output_mode: one_hot, inputs: x}"
    join = "{type: Concatenate, inputs: [norm, flatten]}"
    layers = "{type: Normalization, name: norm, inputs: x}", bins, "Flatten", join
    inputs = "model.inputs={x: {shape: [4]}}"
    made = assembled(*layers, more=[inputs, "data.inputs={x: ['sepal*', 'petal*']}"])
    session = made.session(1)
    first_weights(session, None, made.data.train)
    weights = session.weights.arrays
    spec = made.loaded.experiment.model
    path = tmp_path / "m.keras"
    path.write_bytes(keras_archive(spec, made.model, weights, name="m", dtype="float32"))
    theirs = keras.saving.load_model(path)
    x = np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32) + 3
    normal = (x - weights["norm/mean"]) / np.sqrt(weights["norm/variance"])
    np.testing.assert_allclose(theirs.get_layer("norm")(x), normal, rtol=1e-5)
    assert theirs.get_layer("bins").bin_boundaries == weights["bins/bin_boundaries"].tolist()
    program = session.prediction({"x": (5, 4)})
    program.inputs["input:x"][...] = x
    program.run()
    np.testing.assert_allclose(program.outputs["species"], theirs(x), rtol=1e-5)


def test_blocks_hold_so_many_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 98 examples of 4 numbers each: 30 in a block, not as many blocks as examples."""
    monkeypatch.setattr("nnctl.workflow.adapted._BLOCK", 122)
    seen: list[int] = []

    def counted(blocks: Iterator[Any], axes: Sequence[int]) -> Any:
        held = list(blocks)
        seen.extend(map(len, held))
        return moments(held, axes)

    monkeypatch.setattr("nnctl.layers.normalization.moments", counted)
    made = assembled("{type: Normalization, name: norm}")
    told: list[Event] = []
    first_weights(made.session(1), None, made.data.train, told.append)
    assert seen == [30, 30, 30, 8]
    assert not told, "it took no time"
    monkeypatch.setattr("nnctl.workflow.adapted.PATIENCE", -1)
    first_weights(made.session(1), None, made.data.train, told.append)
    assert told == [Adapting(done, 98, "norm") for done in (0, 30, 60, 90, 98)]


def test_what_cannot_be_read_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that is infinite in a file that stays on disk: said before there is a run directory."""
    x = np.ones((40, 3))
    x[7, 1] = np.inf
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = x, x[:, 0]
    monkeypatch.setattr(hdf5, "IN_MEMORY", 0)
    monkeypatch.setattr(in_memory, "budget", lambda: 0)
    layers = "[Normalization, {type: Dense, units: 1, name: out}]"
    (tmp_path / "c.yaml").write_text(
        "nnctl: 1\n"
        "data: {source: a.h5, inputs: x, target: y, split: {validation: 0.2}}\n"
        f"model: {{layers: {layers}}}\n"
        "training: {loss: mse, optimizer: SGD, epochs: 1}\n"
    )
    monkeypatch.chdir(tmp_path)
    for run in (None, tmp_path / "run"):
        with pytest.raises(DataError, match=r"a.h5:8, column 'x': the value is infinite"):
            list(start(tmp_path / "c.yaml", run_dir=run).events())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.h5", "c.yaml"]

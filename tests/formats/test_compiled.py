"""Exported models as Keras opens them: compiled, the optimizer's state with them, the same next step."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
keras = pytest.importorskip("keras")

import h5py  # noqa: E402

from nnctl.core.registry import Registry  # noqa: E402
from nnctl.formats.exports.base import COMPILED, STATE, TrainedModel  # noqa: E402
from nnctl.formats.exports.keras import keras as keras_format  # noqa: E402
from nnctl.formats.keras.compiling import compiling, optimizer_object  # noqa: E402
from nnctl.formats.keras.json_text import keras_json  # noqa: E402
from nnctl.formats.keras.optimizer import optimizer_variables  # noqa: E402
from nnctl.formats.keras.patterns import NotCompiled, by_name, expressions  # noqa: E402
from nnctl.formats.keras.scopes import read_scope  # noqa: E402
from nnctl.formats.keras.weights import KerasWeight, by_layer  # noqa: E402
from nnctl.graph.objective import Measured, Objective, OutputObjective  # noqa: E402
from nnctl.losses.base import LossSpec, Target, losses  # noqa: E402
from nnctl.losses.regression import MeanSquaredError  # noqa: E402
from nnctl.metrics.base import metrics  # noqa: E402
from nnctl.optimizers.adam import Adam  # noqa: E402
from nnctl.optimizers.gradient import GradientOptimizer  # noqa: E402
from nnctl.optimizers.multi_optimizer import MultiOptimizer  # noqa: E402
from nnctl.optimizers.muon import Muon  # noqa: E402
from nnctl.optimizers.sgd import SGD  # noqa: E402
from nnctl.schedules.base import ScheduleSpec, schedules  # noqa: E402
from tests.formats.trained import Batch, Trained  # noqa: E402
from tests.losses import cases as loss_cases  # noqa: E402
from tests.metrics.test_keras import CASES as METRICS  # noqa: E402
from tests.optimizers.cases import COMMON, VARIANTS  # noqa: E402
from tests.optimizers.runs import stepping  # noqa: E402
from tests.sampling import everyday, sampled  # noqa: E402
from tests.schedules.test_schedules import CASES as SCHEDULES  # noqa: E402

pytestmark = pytest.mark.keras

SMALL = {
    "inputs": {"x": [4], "n": {"shape": [3], "dtype": "int32"}},
    "layers": [
        {"type": "Embedding", "name": "words", "input_dim": 5, "output_dim": 3, "inputs": "n"},
        {"type": "GlobalAveragePooling1D", "name": "mean"},
        {"type": "Dense", "name": "hidden", "units": 6, "activation": "tanh", "inputs": "x"},
        {"type": "Concatenate", "inputs": ["mean", "hidden"]},
        {"type": "BatchNormalization", "name": "norm"},
        {"type": "Dense", "name": "kinds", "units": 3, "activation": "softmax"},
    ],
}
"""Weights of one and of two axes, some that do not train, and in Keras another order of layers."""


def opened(model: TrainedModel, path: Path) -> Any:
    """The model as Keras opens it."""
    path.write_bytes(b"".join(keras_format().pieces(model)))
    return keras.saving.load_model(path)


def stepped(theirs: Any, inputs: Batch, targets: Batch) -> dict[str, float]:
    """One step of Keras's; its logs."""
    x, y = list(inputs.values()), list(targets.values())
    found = theirs.train_on_batch(x if len(x) > 1 else x[0], y if len(y) > 1 else y[0], return_dict=True)
    return {name: float(value) for name, value in found.items()}


def same_weights(made: Trained, theirs: Any) -> None:
    """Keras's weights are ours, to 1e-5 of their size."""
    scope = read_scope(made.spec, made.graph, made.session.dtype)
    places = [at for own in by_layer(scope, made.graph, "m").values() for at in own]
    for at, weight in zip(places, theirs.weights, strict=True):
        ours, size = made.session.weights.arrays[at.name], np.abs(np.asarray(weight)).max()
        np.testing.assert_allclose(weight, ours, rtol=1e-5, atol=1e-5 * size, err_msg=at.name)


def goes_on(made: Trained, theirs: Any, steps: int = 1) -> None:
    """Both take the next step alike."""
    for _ in range(steps):
        batch = made.batch()
        made.session.reset_states()
        made.train(*batch)
        assert stepped(theirs, *batch) == pytest.approx(made.session.logs(), rel=1e-5)
        same_weights(made, theirs)


def arrays(path: Path) -> dict[str, Any]:
    """Every array of a file of weights."""
    found: dict[str, Any] = {}
    with zipfile.ZipFile(path) as opened, h5py.File(io.BytesIO(opened.read("model.weights.h5"))) as file:
        file.visititems(
            lambda name, at: found.update({name: at[()]}) if isinstance(at, h5py.Dataset) else None
        )
    return found


SPARSE = "sparse_categorical_crossentropy"
OPTIMIZERS = [*((name, fields) for name in stepping() for fields in COMMON), *VARIANTS]
EVERYDAY = ("Adam", "Nadam", "Adafactor", "MultiOptimizer")
"""Those whose state lies in Keras as no other's; Muon and ScheduleFreeAdamW are tried below."""


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("RMSprop", {"centered": True, "momentum": 0.5, "epsilon": 1e-3}),
        *sampled([case for case in OPTIMIZERS if case[0] in EVERYDAY], lambda case: case[0], 1),
        *sampled([case for case in OPTIMIZERS if case[0] not in EVERYDAY], lambda case: case[0], 0),
    ],
    ids=str,
)
def test_optimizers(name: str, fields: dict[str, Any], tmp_path: Path) -> None:
    """What Keras reads is what it would have written, and all that its next step needs."""
    optimizer = {"type": name, **fields}
    if "learning_rate" not in fields and name != "MultiOptimizer":
        optimizer["learning_rate"] = 0.02
    made = Trained(SMALL, {"loss": SPARSE, "optimizer": optimizer}).steps(3)
    theirs = opened(made.exported(), tmp_path / "m.keras")
    theirs.save(tmp_path / "again.keras")
    ours, again = arrays(tmp_path / "m.keras"), arrays(tmp_path / "again.keras")
    assert ours.keys() == again.keys()
    for path, array in ours.items():
        np.testing.assert_array_equal(array, again[path], err_msg=path)
        assert array.dtype == again[path].dtype, path
    theirs.run_eagerly = True  # Compiling a step takes JAX longer than many small operations.
    goes_on(made, theirs)
    (tmp_path / "then.keras").write_bytes(b"".join(keras_format().pieces(made.exported())))
    then = arrays(tmp_path / "then.keras")
    for at, variable in enumerate(theirs.optimizer.variables):
        ours, value = then[f"optimizer/vars/{at}"], np.asarray(variable)
        np.testing.assert_allclose(ours, value, rtol=0, atol=1e-4 * np.abs(value).max(), err_msg=at)


TOWERS = {
    "inputs": {"x": [4]},
    "layers": [
        {
            "type": "Functional",
            "name": "tower",
            "layers": [
                {"type": "Input", "name": "in", "shape": [4]},
                {"type": "Dense", "name": "first", "units": 5, "activation": "tanh"},
                {"type": "Sequential", "name": "own", "layers": [{"type": "Dense", "name": "d", "units": 3}]},
            ],
        },
        {"type": "Dense", "name": "first", "units": 3, "inputs": "x"},
        {"type": "Add", "name": "sum", "inputs": ["tower", "first"]},
        {"type": "Dense", "name": "embedding_of_all", "units": 2, "inputs": "sum"},
        {"type": "Reshape", "target_shape": [2, 1], "inputs": "embedding_of_all"},
        {
            "type": "Bidirectional",
            "name": "both",
            "layer": {"type": "GRU", "units": 2},
        },
    ],
}  # fmt: skip
"""Weights whose names in Keras are others: two layers called `first`, one in a nested model."""


MUON = {"type": "Muon", "learning_rate": 0.1}


def of_several(**optimizers: Any) -> dict[str, Any]:
    """Optimizers by patterns in place of names, SGD for the rest."""
    return {"type": "MultiOptimizer", "optimizer_map": optimizers, "default_optimizer": "SGD"}


@pytest.mark.parametrize(
    "optimizer",
    [
        MUON,
        {**MUON, "exclude_layers": ["tower/own", "both/.*/recurrent"]},
        of_several(**{"tower/own/*": "Adam", "both": "Adagrad", "sum": "Lion"}),
        of_several(**{"*": {"type": "Adam", "gradient_accumulation_steps": 2}})
        | {"default_optimizer": {"type": "SGD", "gradient_accumulation_steps": 2}},
    ],
    ids=["embeddings", "excluded", "map", "no default"],
)
def test_names_of_nested_models_are_not_those_of_keras(optimizer: dict[str, Any], tmp_path: Path) -> None:
    made = Trained(TOWERS, {"loss": "mse", "optimizer": optimizer}).steps(2)
    goes_on(made, opened(made.exported(), tmp_path / "m.keras"), 2)


@pytest.mark.parametrize(
    "optimizer",
    [
        of_several(**{"tower/first": "Adam"}),
        of_several(**{"both/*forward*": "Adam"}),
        {**MUON, "exclude_layers": ["tower/first"]},
    ],
    ids=["map", "inside a layer", "Muon"],
)
def test_weights_that_keras_calls_alike_are_not_told_apart(optimizer: dict[str, Any], tmp_path: Path) -> None:
    made = Trained(TOWERS, {"loss": "mse", "optimizer": optimizer}).exported()
    assert "it is not compiled: in Keras '" in keras_format().hint(made, "m.keras")
    assert not opened(made, tmp_path / "m.keras").compiled


def at(name: str, layer: str) -> KerasWeight:
    return KerasWeight(name, (2, 3), "", layer)


def test_patterns_match_some_weights_and_no_others() -> None:
    kernel, bias = at("n/a.b/kernel", "m/a.b"), at("n/a.b/bias", "m/a.b")
    (pattern,) = expressions([kernel], [bias, at("axb/kernel", "m/axb"), at("long/kernel", "m/a.b_1")])
    for path, matches in (
        ("m/a.b/kernel", 1),
        ("m/a.b/cell/kernel", 1),
        ("m/axb/kernel", 0),
        ("m/a.b/bias", 0),
    ):
        assert bool(re.fullmatch(pattern, path)) == matches
    for layer in ("m/a.b", "m/a.b/c", "m"):
        with pytest.raises(NotCompiled, match="go different ways"):
            expressions([kernel], [at("other/kernel", layer)])


def test_muon_is_told_other_patterns_only_where_it_must_be() -> None:
    """A pattern that matches nothing here might match a path of Keras's."""
    weights = [at("embedding/kernel", "embedding"), at("n/kernel", "n")]
    assert by_name(Muon(), weights) == {}
    told = {"exclude_embeddings": False, "exclude_layers": ["^embedding/(.*/)?kernel$"]}
    assert by_name(Muon(exclude_layers=["none"]), weights) == told
    assert by_name(Muon(), [at("embedding/kernel", "e"), at("n/kernel", "n")]) != {}
    assert by_name(SGD(), weights) == {}


def test_an_optimizer_without_weights_has_counted_nothing() -> None:
    weights = {"n/kernel": np.zeros((2, 3), np.float32)}
    several = MultiOptimizer(optimizer_map={"*": SGD()}, default_optimizer=Adam())
    found = optimizer_variables(several, [at("n/kernel", "n")], weights, {}, 7, None, "float32")
    assert found["optimizers/sgd"][0] == ("sgd/iteration", 7)
    assert found["optimizers/adam"][0] == ("adam/iteration", 0)
    assert len(found[""]) == 6


SEVERAL = {
    "inputs": {"x": [4], "z": [3, 2]},
    "layers": [
        {"type": "Dense", "name": "kinds", "units": 3, "activation": "softmax", "inputs": "x"},
        {"type": "Dense", "name": "flag", "units": 1, "activation": "sigmoid", "inputs": "x"},
        {"type": "LSTM", "name": "read", "units": 2, "return_state": True, "inputs": "z"},
        {"type": "Dense", "name": "free", "units": 2, "inputs": "read:1"},
    ],
    "outputs": ["read:2", "kinds", "free", "flag", "read"],
}


def test_outputs_have_losses_metrics_and_weights_of_their_own(tmp_path: Path) -> None:
    """Two outputs are of one layer, and one has no loss."""
    training = {
        "optimizer": {"type": "SGD", "learning_rate": 0.2},
        "loss": {
            "kinds": SPARSE,
            "free": None,
            "flag": {"type": "BinaryCrossentropy", "label_smoothing": 0.1},
        }
        | {"read": "mae", "read:2": {"type": "Huber", "delta": 0.3, "reduction": "sum"}},
        "loss_weights": {"flag": 0.3, "read:2": 2.5},
        "metrics": {"kinds": ["accuracy", {"type": "SparseTopKCategoricalAccuracy", "k": 2}], "flag": "auc"},
        "weighted_metrics": {"kinds": "accuracy", "read": "mse"},
    }
    made = Trained(SEVERAL, training).steps(1)
    theirs = opened(made.exported(), tmp_path / "m.keras")
    inputs, targets = made.batch()
    made.train(inputs, targets)
    order = [targets.get(name) for name in made.graph.outputs]
    order[2] = np.zeros((5, 2), np.float32)
    theirs.train_on_batch(list(inputs.values()), order)
    same_weights(made, theirs)
    config = theirs.get_compile_config()
    assert config["loss_weights"] == [2.5, 1.0, 1.0, 0.3, 1.0]
    names = [[m["config"]["name"] for m in own] for own in config["metrics"]]
    assert names == [[], ["accuracy", "sparse_top_k_categorical_accuracy"], [], ["auc"], []]
    weighted = [[m["config"]["name"] for m in own] for own in config["weighted_metrics"]]
    assert weighted == [[], ["accuracy"], [], [], ["mse"]]


def test_logs_have_the_same_names(tmp_path: Path) -> None:
    metrics = ["accuracy", {"type": "Precision", "class_id": 1, "name": "of_one"}, "accuracy", "ce"]
    metrics = [*metrics[:3], {"type": "CategoricalCrossentropy", "label_smoothing": 0.2}]
    training = {"loss": "categorical_crossentropy", "metrics": metrics, "weighted_metrics": ["accuracy"]}
    made = Trained(SMALL, training).steps(2)
    goes_on(made, opened(made.exported(), tmp_path / "m.keras"))


def test_a_rate_that_callbacks_set_is_the_next_step_s(tmp_path: Path) -> None:
    schedule = {"type": "CosineDecay", "initial_learning_rate": 0.5, "decay_steps": 10}
    made = Trained(SMALL, {"loss": SPARSE, "optimizer": {"type": "SGD", "learning_rate": schedule}}).steps(2)
    made.rate = 0.03
    theirs = opened(made.exported(), tmp_path / "m.keras")
    assert float(theirs.optimizer.learning_rate) == np.float32(0.03)
    goes_on(made, theirs)


ANEW = ["adam", "ScheduleFreeAdamW", "adafactor", "nadam", "muon"]


@pytest.mark.parametrize("optimizer", everyday(ANEW, ["ScheduleFreeAdamW", "adafactor"]))
def test_without_its_state_an_optimizer_starts_anew(optimizer: str, tmp_path: Path) -> None:
    made = Trained(SMALL, {"loss": SPARSE, "optimizer": optimizer}).steps(3)
    model = made.exported()
    model = replace(model, training=replace(model.training, slots=None))
    assert "its optimizer starts anew" in keras_format().hint(model, "m.keras")
    assert set(keras_format().keeps) - set(keras_format().kept(model)) == {STATE}
    assert keras_format().kept(made.exported()) == keras_format().keeps
    theirs = opened(model, tmp_path / "m.keras")
    fresh = Trained(SMALL, {"loss": SPARSE, "optimizer": optimizer})
    fresh.session.weights.load(made.session.weights.arrays)
    assert int(theirs.optimizer.iterations) == 0
    assert all(np.isfinite(variable).all() for variable in theirs.optimizer.variables)
    goes_on(fresh, theirs)


def test_what_keras_has_not_is_told(tmp_path: Path) -> None:
    """A metric is left out; without the loss, or the optimizer, the model is not compiled."""
    training = {"loss": "mse", "metrics": ["mae", {"type": "Huber", "name": "near"}]}
    line = {"inputs": {"x": [2]}, "layers": [{"type": "Dense", "units": 1}]}
    made = Trained(line, training).exported()
    assert keras_format().hint(made, "m.keras").endswith(": x; Keras has no metric near")
    config = opened(made, tmp_path / "m.keras").get_compile_config()
    assert [m["config"]["name"] for m in config["metrics"]] == ["mae"]

    class Odd(LossSpec):
        """A plugin's."""

    class Swarm(GradientOptimizer):
        """A plugin's."""

    class Zigzag(ScheduleSpec):
        """A plugin's."""

    (output,) = made.objective.outputs
    without = (
        (replace(made, objective=Objective((replace(output, loss=Odd()),))), "no loss 'Odd'"),
        (replace(made, objective=Objective(())), "there is no loss"),
        (replace(made, training=replace(made.training, optimizer=Swarm())), "no optimizer 'Swarm'"),
        (
            replace(made, training=replace(made.training, optimizer=SGD(learning_rate=Zigzag()))),
            "no schedule",
        ),
    )
    for model, reason in without:
        assert set(keras_format().keeps) - set(keras_format().kept(model)) == {COMPILED, STATE}
        assert f"it is not compiled: {reason}" in keras_format().hint(model, "m.keras").replace(
            "Keras has ", ""
        )
        assert not opened(model, tmp_path / "m.keras").compiled


def test_float64_is_what_losses_and_metrics_are_in() -> None:
    line = {"inputs": {"x": [2]}, "layers": [{"type": "Dense", "units": 1}]}
    made = Trained(line, {"loss": "mse", "metrics": ["mae"], "optimizer": "adam"}, "float64").steps(1)
    data = b"".join(keras_format().pieces(made.exported()))
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        config = json.loads(opened.read("config.json"))["compile_config"]
        with h5py.File(io.BytesIO(opened.read("model.weights.h5"))) as file:
            assert {file[f"optimizer/vars/{i}"].dtype.str for i in range(1, 6)} == {"<f8"}
    assert (config["loss"]["config"]["dtype"], config["metrics"][0]["config"]["dtype"]) == ("float64",) * 2


def made_of(family: Registry[Any], name: str, fields: dict[str, Any]) -> Any:
    cls = family.get(name)
    assert cls is not None
    return cls(**fields)


@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_metrics_of_outputs_are_not_those_of_keras(name: str) -> None:
    """Keras's are of values that are passed to them."""
    line = {"inputs": {"x": [2]}, "layers": [{"type": "Dense", "units": 1}]}
    made = Trained(line, {"loss": "mse", "metrics": [{"type": name, "name": "m"}]}).exported()
    assert keras_format().hint(made, "m.keras").endswith("Keras has no metric m")


def arguments(theirs: Any) -> Any:
    """What a loss or metric of Keras was made with."""
    told = {**theirs.get_config(), **getattr(theirs, "_fn_kwargs", {})}
    return json.loads(json.dumps(told, default=lambda array: np.asarray(array).tolist()))


@pytest.mark.parametrize("name", losses.names())
def test_losses_with_all_their_arguments(name: str) -> None:
    """Keras's loss of what is written has every argument that it is given here."""
    found = [dict(case.fields) for case in loss_cases.CASES if case.name == name]
    for fields in [{}, {"reduction": "sum"}, *found]:
        ours = made_of(losses, name, fields)
        output = OutputObjective("y", (2,), ours, 1.0, Target("numbers", (2,)), ())
        made = compiling(Objective((output,)), ["y"], SGD(), [], "float32").config
        theirs = keras.saving.deserialize_keras_object(made["loss"])
        assert type(theirs) is getattr(keras.losses, name)
        expected = getattr(keras.losses, name)(**fields)
        assert arguments(theirs) == arguments(expected)


@pytest.mark.parametrize("name", metrics.names())
def test_metrics_with_all_their_arguments(name: str) -> None:
    for fields in [dict(case[1]) for case in METRICS if case[0] == name]:
        ours = made_of(metrics, name, fields)
        measured = Measured("m", ours, False, (2,))
        output = OutputObjective("y", (2,), MeanSquaredError(), 1.0, Target("numbers", (2,)), (measured,))
        made = compiling(Objective((output,)), ["y"], SGD(), [], "float32")
        if not hasattr(keras.metrics, name):
            assert (made.config["metrics"], made.left_out) == (None, ("m",))
            continue
        (written,) = made.config["metrics"]
        theirs = keras.saving.deserialize_keras_object(written)
        assert type(theirs) is getattr(keras.metrics, name)
        expected = getattr(keras.metrics, name)(**{"name": ours.log_name(), **fields})
        assert arguments(theirs) == arguments(expected)


@pytest.mark.parametrize("name", schedules.names())
def test_schedules(name: str) -> None:
    """Every argument arrives: the same rates."""
    for fields in [dict(case[1]) for case in SCHEDULES if case[0] == name]:
        ours = made_of(schedules, name, fields)
        made = optimizer_object(SGD(learning_rate=ours), [])
        theirs = keras.saving.deserialize_keras_object(made)._learning_rate
        for step in (0, 2, 7, 12):
            assert float(theirs(step)) == pytest.approx(ours.at(step), rel=1e-5), fields


def test_its_json_is_what_keras_makes_a_model_of(tmp_path: Path) -> None:
    """Compiled, with weights of its own."""
    made = Trained(SMALL, {"loss": SPARSE, "optimizer": "adam", "metrics": ["accuracy"]})
    theirs = keras.models.model_from_json(keras_json(made.exported()).decode())
    whole = opened(made.exported(), tmp_path / "m.keras")
    assert theirs.get_config() == whole.get_config()
    assert theirs.get_compile_config() == whole.get_compile_config()

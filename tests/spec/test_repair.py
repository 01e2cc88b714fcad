"""What stays of a wrong config: later checks may only say what is wrong whatever the user meant."""

from __future__ import annotations

from typing import Any

import pytest

from nnctl.core.errors import Path, Problem
from nnctl.layers.base import Layer
from nnctl.spec.diagnosis.repair import repaired

UNKNOWN = {"type": "Danse", "units": 3}
WRONG = {"type": "Dense", "unit": 3}
CALLBACKS = ["a", "b", "c"]


def config(*layers: Any, data: Any = None, inputs: Any = None, **training: Any) -> dict[str, Any]:
    return {
        "data": {"source": "d.csv", "shuffle": True, **(data or {})},
        "model": {"layers": list(layers) or ["Flatten"], **({"inputs": inputs} if inputs else {})},
        "training": {"loss": "mse", "epochs": 3, **training},
        "name": "c",
    }


def at(*path: str | int, key: bool = False, near: str | None = None) -> Problem:
    return Problem("wrong", path, suggestion=near, at_key=key)


def left(data: Any, *problems: Problem) -> Any:
    """What is left of a config, all of whose entries are known."""
    found = repaired(data, problems)
    assert found is not None
    assert found[1] == frozenset()
    return found[0]


def layers(data: Any, *indices: int) -> list[Any] | None:
    """The layers that are left where some have problems inside; None if nothing may be checked further."""
    found = repaired(data, [at("model", "layers", index, "unit") for index in indices])
    if found is None:
        return None
    assert found[1] == frozenset(indices)
    made: list[Any] = found[0]["model"]["layers"]
    return made


@pytest.mark.parametrize("section", ["data", "model", "training"])
@pytest.mark.parametrize("value", [None, 3, ["a"]])
def test_nothing_is_left_without_one_of_the_sections(section: str, value: Any) -> None:
    assert repaired(config() | {section: value}, [at("name")]) is None
    missing = config()
    del missing[section]
    assert repaired(missing, [at("name")]) is None


@pytest.mark.parametrize(
    "path",
    [
        ("name",), ("dtype",), ("data", "batch_size"), ("data", "shuffle"), ("training", "epochs"),
        ("training", "optimizer"), ("training", "optimizer", "learning_rate"), ("training", "loss_weights"),
        ("training", "steps_per_epoch"), ("training", "validation_frequency"), ("training", "class_weight"),
        ("training", "validation_batch_size"), ("training", "checkpoint"),
        ("training", "checkpoint", "every"),
    ],
)  # fmt: skip
def test_a_setting_that_nothing_hangs_on_is_left_out_alone(path: Path) -> None:
    wrong = config(optimizer={"type": "adam"}, callbacks=CALLBACKS)
    section = wrong[path[0]] if path[0] in ("data", "training") else wrong
    key = path[1] if section is not wrong else path[0]
    section[key] = {"every": 1}
    kept = left(wrong, at(*path))
    assert section[key] == {"every": 1}, "what was given stays as it is"
    del section[key]
    assert kept == wrong


@pytest.mark.parametrize("key", ["metrics", "weighted_metrics"])
def test_without_a_metric_the_callbacks_that_may_watch_it_go(key: str) -> None:
    kept = left(config(**{key: ["acuracy"]}, callbacks=CALLBACKS), at("training", key, 0))
    assert kept == config()


def test_all_callbacks_may_go() -> None:
    assert left(config(callbacks=3), at("training", "callbacks")) == config()


@pytest.mark.parametrize(
    ("path", "near"),
    [
        (("training", "optimiser"), "optimizer"),
        (("training", "learning_rate"), None),
        (("training", "batch_size"), "x"),
        (("data", "epochs"), None),
        (("data", "shufle"), "shuffle"),
        (("epoch",), "epochs"),
        (("shuffle",), None),
    ],
)
def test_an_unknown_key_that_means_such_a_setting_goes_and_all_callbacks_with_it(
    path: Path, near: str | None
) -> None:
    wrong = config(callbacks=CALLBACKS)
    (wrong if len(path) == 1 else wrong[path[0]])[path[-1]] = 1
    expected = config()
    if path[-1] == "shuffle":
        expected["data"]["shuffle"] = True
    assert left(wrong, at(*path, key=True, near=near)) == expected


@pytest.mark.parametrize(
    "problem",
    [
        at("training", "validation_split", key=True),
        at("training", "los", key=True, near="loss"),
        at("training", "learning_rate"),
        at("training", "loss", "epochs", key=True, near="epochs"),
        at("data", "columns", "shuffle", key=True),
        at("data", "source"),
        at("model", "layers"),
        at("model", "layers", 0),
        at("model", "inputs", "epochs", key=True),
        at("model", "epochs", key=True),
        at("training"),
        at("data"),
        at(),
        at(key=True, near="epochs"),
        at("seed"),
    ],
)
def test_nothing_is_left_where_anything_else_is_wrong(problem: Problem) -> None:
    """Also not of an entry that is right by itself: what is wrong there stands elsewhere."""
    assert repaired(config(), [problem]) is None
    assert repaired(config(), [at("name"), problem, at("training", "epochs")]) is None


def test_a_wrong_callback_leaves_the_others_in_their_places() -> None:
    kept = left(config(callbacks=CALLBACKS), at("training", "callbacks", 1, "type"))
    assert kept["training"]["callbacks"] == ["a", "TerminateOnNaN", "c"]
    both = [at("training", "callbacks", 0), at("training", "callbacks", 2, "monitor")]
    wrong = config(callbacks=CALLBACKS)
    assert left(wrong, *both)["training"]["callbacks"] == ["TerminateOnNaN", "b", "TerminateOnNaN"]
    assert wrong["training"]["callbacks"] == ["a", "b", "c"]


def test_a_wrong_callback_does_not_bring_back_those_that_have_gone() -> None:
    kept = left(
        config(callbacks=CALLBACKS, metrics=3), at("training", "metrics"), at("training", "callbacks", 0)
    )
    assert kept["training"]["callbacks"] == []


def test_a_wrong_entry_is_stood_in_for_and_all_keep_the_names_they_go_by() -> None:
    found = layers(config("Flatten", WRONG, {"type": "Dense", "units": 2, "name": "x"}, "Dense"), 1)
    assert found == [
        {"type": "Flatten", "name": "flatten"},
        {"layer": Layer(name="dense")},
        {"type": "Dense", "units": 2, "name": "x"},
        {"type": "Dense", "name": "dense_1"},
    ]


def test_a_whole_entry_that_is_wrong_is_stood_in_for() -> None:
    """And what is wrong with an entry that is right by itself is not."""
    wrong = config("Flatten", "Danse", UNKNOWN)
    for index, name in ((1, "danse"), (2, "danse_1")):
        found = repaired(wrong, [at("model", "layers", index)])
        assert found is not None
        assert found[1] == frozenset([index])
        assert found[0]["model"]["layers"][index] == {"layer": Layer(name=name)}
    assert repaired(wrong, [at("model", "layers", 0)]) is None


def test_an_entry_of_no_type_or_one_near_input_may_be_an_input() -> None:
    assert layers(config("Flatten", {"unit": 3}), 1) is None
    assert layers(config("Flatten", {"type": "Imput", "shape": [3]}), 1) is None
    assert layers(config("Flatten", {"type": "Input", "shap": [3]}), 1) is None
    assert layers(config("Flatten", {"type": 7}), 1) is None
    assert layers(config("Flatten", {"use": "flatten", "unit": 3}), 1) is not None


def test_what_may_decide_how_the_data_is_read_is_not_stood_in_for() -> None:
    """An unknown layer, or one that reads numbers of words, where it reads an input."""
    inner = {"type": "Sequential", "layers": ["Danse"]}
    for entry in (UNKNOWN, inner, {"type": "Embedding", "input_dims": 3}, {"type": "Functional", "layer": 3}):
        assert layers(config(entry, "Flatten"), 0) is None
        assert layers(config("Flatten", entry), 1) is not None
        assert layers(config("Flatten", {**entry, "inputs": "input"}), 1) is None
        assert layers(config("Flatten", {**entry, "inputs": ["flatten", "input"]}), 1) is None
        assert layers(config("Flatten", {**entry, "inputs": ["flatten"]}), 1) is not None
        assert layers(config({"type": "Input", "shape": [3], "name": "x"}, entry), 1) is None
    for told in (WRONG, {**WRONG, "inputs": "input"}):
        assert layers(config(told, "Flatten"), 0) is not None
        assert layers(config({"type": "Input", "shape": [3]}, told), 1) is not None
    assert layers(config("Flatten", {"use": "dens", "unit": 3, "inputs": "input"}), 1) is None
    assert layers(config({"use": "dens", "unit": 3}), 0) is None


def test_inputs_by_their_names() -> None:
    """Those of the model, of its Input entries and of the data's; where none is declared, `input`."""

    def reading(name: str) -> Any:
        return {**UNKNOWN, "inputs": name}

    first: Any = {"type": "Flatten", "name": "f"}
    assert layers(config(first, reading("a"), inputs={"a": [3], "b": [3]}), 1) is None
    assert layers(config(first, reading("b"), inputs={"a": [3], "b": [3]}), 1) is None
    declared: Any = {"type": "Input", "shape": [3], "name": "p"}
    assert layers(config(declared, first, reading("p")), 2) is None
    assert layers(config(first, reading("c"), data={"inputs": {"c": ["u"]}}), 1) is None
    assert layers(config(first, reading("z"), data={"inputs": {"c": ["u"]}}), 1) is not None
    assert layers(config(first, reading("z"), inputs={"a": [3]}), 1) is not None
    assert layers(config(first, reading("input"), data={"inputs": {"c": ["u"]}}), 1) is not None
    assert layers(config(first, reading("input"), data={"inputs": ["u"]}), 1) is None


def test_an_entry_does_not_take_the_name_of_an_input() -> None:
    def names(*entries: Any, **more: Any) -> list[Any]:
        found = layers(config(*entries, WRONG, **more), len(entries))
        assert found is not None
        return [entry["layer"].name if "layer" in entry else entry["name"] for entry in found]

    assert names("Flatten", inputs={"flatten": [3]}) == ["flatten_1", "dense"]
    assert names("Flatten", data={"inputs": {"flatten": ["a"]}}) == ["flatten_1", "dense"]
    assert names("Flatten", data={"inputs": {"flatten": ["a"]}}, inputs={"x": [3]}) == ["flatten", "dense"]
    assert names({"type": "Input", "shape": [3]}, data={"inputs": {"dense": ["a"]}}) == ["input", "dense"]
    assert names({"type": "Flatten", "name": "input"}, "Flatten") == ["input", "flatten", "dense"]


def test_inputs_that_are_none_leave_nothing() -> None:
    assert layers(config(WRONG, inputs=3), 0) is None
    assert layers(config(WRONG, inputs=["a"]), 0) is None

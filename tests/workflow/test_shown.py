"""How outputs are shown, part by part: names, classes, probabilities, columns that are carried over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.data.preprocessing import NumberPrep, TargetPrep
from nnctl.formats.outputs import class_names, target_names
from nnctl.formats.predictions.base import ShownOutput
from nnctl.formats.predictions.csv import csv
from nnctl.formats.predictions.jsonl import jsonl
from nnctl.losses.base import Target, losses
from nnctl.workflow.shown import in_own_units, kept_names, shown_outputs


def target(*columns: str, names: tuple[str, ...] | None = None, **number: Any) -> TargetPrep:
    """A target of columns of numbers; `names`: its classes'."""
    prepared = {column: NumberPrep(**number) for column in columns}
    return TargetPrep(columns=prepared, kind="number", shape=(len(columns),), class_names=names)


def stored(targets: dict[str, TargetPrep], *outputs: tuple[str, str, Any, Target, tuple[int, ...]]) -> Any:
    """A run of these targets; `outputs`: name, loss, its fields, what it reads, and the model's shape."""
    named = {name: t.class_names for name, t in targets.items() if t.class_names is not None}
    objective = [
        SimpleNamespace(output=name, loss=losses.get(loss).model_validate(said), target=reads, shape=shape)
        for name, loss, said, reads, shape in outputs
    ]
    return SimpleNamespace(
        preprocessing=SimpleNamespace(targets=targets, class_names=named),
        model=SimpleNamespace(outputs=[*targets, "free"]),
        objective=SimpleNamespace(outputs=objective),
    )


def test_names_of_targets() -> None:
    """An output goes by its one column, unless another does; one without a target, or of two, by its own."""
    run = stored({"a": target("x"), "b": target("y"), "c": target("y"), "d": target("p", "q")})
    assert target_names(run.model.outputs, run.preprocessing) == {
        "a": "x",
        "b": "b",
        "c": "c",
        "d": "d",
        "free": "free",
    }
    outputs = {"d": np.zeros((5, 2)), "a": np.zeros((5, 1)), "free": np.zeros((5, 3, 4))}
    assert shown_outputs(run, outputs, bare=False) == [
        ShownOutput("d", "d", (2,), None, ("p", "q")), ShownOutput("a", "x", (1,)),
        ShownOutput("free", "free", (3, 4)),
    ]  # fmt: skip


SPARSE, ONEHOT, LOGITS = "SparseCategoricalCrossentropy", "CategoricalCrossentropy", {"from_logits": True}
OF_THREE, ROWS_OF_TWO, NUMBERS = Target("classes", (), 3), Target("onehot", (2,), 2), Target("numbers", (1,))


def test_classes() -> None:
    """Two of one number, if they have names; else as many as the loss reads, by name or by number."""
    run = stored(
        {
            "two": target("t", names=("no", "yes")), "nameless": target("n"), "three": target("u"),
            "named": target("v", names=("a", "b")), "number": target("w"), "one": target("r", names=("c",)),
            "pair": target("o", names=("c", "d")), "wide": target("s", names=("c", "d")),
        },
        ("two", "BinaryCrossentropy", {}, NUMBERS, (1,)),
        ("nameless", "BinaryCrossentropy", {}, NUMBERS, (1,)),
        ("three", SPARSE, {}, OF_THREE, (3,)),
        ("named", ONEHOT, {}, ROWS_OF_TWO, (2,)),
        ("number", SPARSE, {}, Target("classes", ()), (3,)),
        ("pair", "MeanSquaredError", {}, NUMBERS, (1,)),
        ("wide", "BinaryCrossentropy", {}, Target("numbers", (2,), 2), (2,)),
        ("one", "BinaryCrossentropy", {}, NUMBERS, (1,)),
    )  # fmt: skip
    known = {"two": ("no", "yes"), "three": ("0", "1", "2"), "named": ("a", "b")}
    assert class_names(run.objective, run.preprocessing) == known
    outputs = {"three": np.zeros((4, 3))}
    assert [each.classes for each in shown_outputs(run, outputs, bare=False)] == [("0", "1", "2")]
    assert [each.classes for each in shown_outputs(run, outputs, bare=True)] == [None]


def test_probabilities() -> None:
    """Of logits; two classes of one number get one each; what is none stays. `bare`: all stays."""
    run = stored(
        {
            "two": target("t", names=("no", "yes")),
            "three": target("u"),
            "named": target("v"),
            "raw": target("w"),
        },
        ("two", "BinaryCrossentropy", LOGITS, NUMBERS, (1,)),
        ("three", SPARSE, LOGITS, OF_THREE, (3,)),
        ("named", ONEHOT, LOGITS, ROWS_OF_TWO, (2,)),
        ("raw", "BinaryCrossentropy", LOGITS, NUMBERS, (1,)),
    )
    given = {
        "two": np.array([[0.0], [1.0], [-1000.0], [1000.0]]), "raw": np.array([[4.0]]),
        "three": np.array([[0.0, 1.0, 2.0], [900.0, 900.0, 0.0]]), "free": np.array([[5.0]]),
        "named": np.array([[3.0, 3.0], [0.0, 1.0]], np.float32),
    }  # fmt: skip
    found = in_own_units(run, given, bare=False)
    p, least = 1 / (1 + np.exp(-1.0)), 1 / (1 + np.exp(700.0))
    np.testing.assert_allclose(found["two"], [[0.5, 0.5], [1 - p, p], [1, least], [0, 1]], rtol=1e-12)
    shares = np.exp([0.0, 1.0, 2.0])
    np.testing.assert_allclose(found["three"], [shares / shares.sum(), [0.5, 0.5, 0]], rtol=1e-12)
    np.testing.assert_allclose(found["named"], [[0.5, 0.5], [1 - p, p]], rtol=1e-6)
    assert found["named"].dtype == np.float32
    assert (found["raw"].tolist(), found["free"].tolist()) == ([[4.0]], [[5.0]])
    for name, values in in_own_units(run, given, bare=True).items():
        np.testing.assert_array_equal(values, given[name])


def test_what_are_probabilities_already() -> None:
    """And numbers that were scaled come back in their own unit."""
    run = stored(
        {"two": target("t", names=("no", "yes")), "three": target("u"),
         "size": target("s", scale="standard", shift=(10.0,), divide=(4.0,))},
        ("two", "BinaryCrossentropy", {}, NUMBERS, (1,)),
        ("three", SPARSE, {}, OF_THREE, (3,)),
        ("size", "MeanSquaredError", {}, NUMBERS, (1,)),
    )  # fmt: skip
    given = {"two": np.array([[0.25]]), "three": np.array([[0.5, 0.25, 0.25]]), "size": np.array([[1.5]])}
    found = in_own_units(run, given, bare=False)
    assert {name: values.tolist() for name, values in found.items()} == {
        "two": [[0.75, 0.25]], "three": [[0.5, 0.25, 0.25]], "size": [[16.0]]
    }  # fmt: skip
    assert in_own_units(run, given, bare=True)["size"].tolist() == [[16.0]]


def test_names_of_what_is_carried_over() -> None:
    """Two names of the file for one column would be none; JSON Lines have only the outputs' names."""
    shown = [ShownOutput("o", "kind", (2,), ("a", "b")), ShownOutput("p", "size", (1,))]
    assert kept_names(["row", "kind", "kind_a"], csv.names(shown)) == {
        "row": "row", "kind": "kind_given", "kind_a": "kind_a_given"
    }  # fmt: skip
    assert kept_names(["kind_a", "size"], jsonl.names(shown)) == {"kind_a": "kind_a", "size": "size_given"}
    shown.append(ShownOutput("q", "size_given", (1,)))
    for keep in (["size"], ["kind", "kind_given"]):
        with pytest.raises(
            ConfigError, match=f"has a column '{keep[0]}_given' already; '{keep[0]}' cannot be"
        ):
            kept_names(keep, csv.names(shown))

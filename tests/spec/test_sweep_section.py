"""The `sweep` section: ranges, conditions, what is wrong with them, and that no run depends on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnctl.core.errors import ConfigError
from nnctl.spec.language.sweep import SweepSpec
from nnctl.spec.load import load
from nnctl.spec.output.resolved import config_sha256
from nnctl.workflow.sweep.settings import check_ranges, chosen, grid, overrides
from tests.workflow.sweeping import SWEEP, config

RATE = "training.optimizer.learning_rate"


def sweep(ranges: dict[str, Any], **more: Any) -> SweepSpec:
    return SweepSpec.model_validate({"ranges": ranges} | more)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"low": 1}, "needs 'low' and 'high'"),
        ({"low": 2, "high": 1}, "is not below"),
        ({"low": 0, "high": 1, "log": True}, "'log' goes with positive bounds"),
        ({"low": 0.5, "high": 3, "int": True}, "'int' goes with whole bounds"),
        ({"choices": [1], "low": 0}, "'choices' are the values themselves"),
        ({"low": 0, "high": 1, "when": {"other": 1}}, "depends on 'other', which has no range"),
        ([], "'training.epochs' cannot be []"),
    ],
)
def test_wrong_ranges(tmp_path: Path, said: Any, why: str) -> None:
    file = config(tmp_path, f"\nsweep: {{ranges: {{training.epochs: {said}}}}}\n")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert why in str(caught.value)
    place = caught.value.problems[0].place
    assert place is not None
    assert "training.epochs" in place.text


def test_circles_and_grids_without_end() -> None:
    with pytest.raises(ValueError, match="depend on each other"):
        sweep({"a": {"choices": [1], "when": {"b": 1}}, "b": {"choices": [1], "when": {"a": 1}}})
    with pytest.raises(ValueError, match="too many values for a grid"):
        sweep({"a": {"low": 0, "high": 1}}, sampler="grid")


def test_a_grid_has_each_combination_once() -> None:
    search = sweep(
        {
            "momentum": {"low": 0.0, "high": 0.6, "step": 0.3, "when": {"type": "SGD"}},
            "type": ["Adam", "SGD"],
            "units": {"low": 3, "high": 5, "int": True, "step": 2},
        },
        sampler="grid",
    )
    found = grid(search)
    assert len(found) == 2 + 3 * 2
    assert {"type": "Adam", "units": 3} in found
    assert {"momentum": pytest.approx(0.6), "type": "SGD", "units": 5} in found


def test_a_setting_that_does_not_count_is_left_alone() -> None:
    search = sweep({"b": {"low": 1, "high": 2, "when": {"a": [3, 4]}}, "a": [3, 4, 5]})
    assert chosen(search, lambda path, _: {"a": 4, "b": 1.5}[path]) == {"b": 1.5, "a": 4}
    assert chosen(search, lambda path, _: {"a": 5, "b": 1.5}[path]) == {"a": 5}
    assert overrides({"a.b": 1e-05, "a": [1, "x"]}) == ("a=[1, x]", "a.b=1.0e-05")


def test_no_run_depends_on_it(tmp_path: Path) -> None:
    file = config(tmp_path)
    with_sweep = load(file).experiment
    file.write_text(file.read_text().removesuffix(SWEEP))
    assert load(file).experiment.sweep is None
    assert config_sha256(load(file).experiment) == config_sha256(with_sweep)


@pytest.mark.parametrize(
    ("ranges", "why", "suggestion"),
    [
        ("training.optimiser.learning_rate: [1e-3]", "has no 'optimiser'", "optimizer"),
        ("training.optimizer.learnin_rate: [1e-3]", "has no key 'learnin_rate'", "learning_rate"),
        ("model.layers.0.units: {low: -3, high: 4, int: true}", "-3 cannot stand there", None),
        ("training.epochs: [1]\n  objective: val_acuracy", "no 'val_acuracy'", "val_accuracy"),
    ],
)
def test_paths_and_values_are_tried(tmp_path: Path, ranges: str, why: str, suggestion: str | None) -> None:
    file = config(tmp_path, f"\nsweep:\n  ranges:\n    {ranges}\n")
    loaded = load(file)
    with pytest.raises(ConfigError) as caught:
        check_ranges(file, (), loaded, ["loss", "val_loss", "val_accuracy"])
    (problem,) = caught.value.problems
    assert why in problem.message
    assert problem.suggestion == suggestion
    assert problem.place is not None
    text = file.read_text().splitlines()[problem.place.line - 1]
    assert ranges.split("\n")[-1].strip().split(":")[0] in text


def test_a_condition_is_set_before_what_depends_on_it_is_tried(tmp_path: Path) -> None:
    text = """
sweep:
  ranges:
    training.optimizer: [adam, {type: SGD}]
    training.optimizer.momentum: {low: 0, high: 0.9, when: {training.optimizer: {type: SGD}}}
"""
    file = config(tmp_path, text)
    check_ranges(file, (), load(file), ["val_loss"])

"""Whatever stands in a config, loading gives placed problems, or an experiment that fits the JSON Schema."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnctl.core.errors import ConfigError, Problem
from nnctl.spec.diagnosis.problems import MOST
from nnctl.spec.language.experiment import Experiment
from nnctl.spec.load import validate
from nnctl.spec.output.render import render_all
from nnctl.spec.output.schema import json_schema
from nnctl.spec.yaml.document import parse_document
from nnctl.spec.yaml.emit import block
from nnctl.spec.yaml.source_text import SourceText

from .conftest import GOOD, Problems
from .test_names import GRAPH

WIDE = """\
nnctl: 1
data:
  source: {path: a.csv}
  inputs: {x: [a, b], y: c}
  columns: {x: number, y: {scale: 255}, z: {type: category, encoding: index}}
  target: t
  window: {length: 3}
model:
  inputs: {x: [null, 3], y: null}
  layers:
    - {type: Dense, units: 3, inputs: [x], kernel_regularizer: l2, activity_regularizer: {type: L1, l1: 0.1}}
    - {use: dense, inputs: y}
    - {type: Add, inputs: [dense, dense_1]}
training:
  loss: {add: {type: Huber, delta: 2}}
  optimizer:
    type: sgd
    learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 10}
  metrics: {add: mae}
  loss_weights: [1, 2.0]
  callbacks: [{type: EarlyStopping}, TerminateOnNaN]
  checkpoint: {every: 10, keep: 3}
"""

_STARTS = [parse_document(SourceText("c", text)).data for text in (GOOD, GRAPH, WIDE)]

_WORDS = st.sampled_from(
    """type use inputs outputs layers name units shape path Dense Sequential Functional Input input dense relu
    mse adam CSV csv a.csv a b left encoder digit a:1 * p* standard EarlyStopping CosineDecay""".split()  # noqa: SIM905
)
_SCALARS = st.none() | st.booleans() | st.integers(-2, 70000) | st.floats() | _WORDS | st.text(max_size=3)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=6,
)


@cache
def _validator() -> Any:
    return pytest.importorskip("jsonschema").Draft202012Validator(json_schema())


def _places(data: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in the data."""
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else []
    found = [(data, key) for key in keys]
    for key in keys:
        found += _places(data[key])
    return found


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_mutated_config_loads_or_is_refused(draw: st.DataObject) -> None:
    data = copy.deepcopy(draw.draw(st.sampled_from(_STARTS)))
    for _ in range(draw.draw(st.integers(1, 3))):
        container, key = draw.draw(st.sampled_from(_places(data)))
        if isinstance(container, dict) and draw.draw(st.booleans()):
            key = draw.draw(_WORDS)
        container[key] = draw.draw(_VALUES)
    document = parse_document(SourceText("c.yaml", block(data)))
    found: tuple[Problem, ...] = ()
    try:
        validate(Experiment, document, {"name": "c", **document.data})
    except ConfigError as refused:
        found = refused.problems
    assert None not in [problem.place for problem in found]
    assert bool(found) == bool(render_all(found))
    if not found:
        assert [error.json_path for error in _validator().iter_errors(document.data)] == []


_HEAD = "nnctl: 1\ndata: {source: d.csv}\ntraining: {loss: mse}\nmodel:\n  layers:\n"


@pytest.mark.parametrize(
    "text",
    [
        _HEAD + "    - {use: x}\n" * 3000,
        _HEAD + "    - {type: Flatten, inputs: x, nam: y}\n" * 2000,
        _HEAD + "    - {type: Flatten, inputs: input, name: a}\n" * 2000,
        _HEAD + "    - {type: Flatten, " + ", ".join(f"k{i}: 1" for i in range(3000)) + "}\n",
        _HEAD + "    - " + "x" * 1_000_000 + "\n",
        "a: 1\n" * 3000,
        "".join(f"k{i}: 1\n" for i in range(3000)),
    ],
    ids=["use", "inputs", "names", "keys", "long", "twice", "root"],
)
def test_a_config_with_thousands_of_problems_is_refused_briefly(problems: Problems, text: str) -> None:
    found = problems(text)
    assert 1 <= len(found) <= 2 * MOST + 10
    assert len(render_all(found)) < 250_000

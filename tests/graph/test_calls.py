"""Inputs by name and arguments of calls: what a layer's methods are given."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.core.shapes import Shape
from nnctl.graph.build import build
from nnctl.graph.lengths import GivenShapes, length_problems
from nnctl.graph.model import LayerGraph, Ref
from nnctl.graph.objective import Objective
from nnctl.layers.base import Layer
from nnctl.layers.call_arguments import Flag
from nnctl.layers.calling import at_parameters
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Graph, Value
from nnctl.ops.elementwise import add, scale
from nnctl.ops.embedding import not_equal
from nnctl.program.trace import trace
from nnctl.spec.language.model import ModelSpec


class Sums(Layer):
    """x, plus ten times the first and a hundred times the second of what else is given."""

    doubled: Flag = False

    def compute_output_shape(self, x: Shape, ten: Shape | None = None, hundred: Shape | None = None) -> Shape:
        assert hundred in (None, x)
        return x

    def call(
        self, ctx: LayerContext, x: Value, ten: Value | None = None, hundred: Value | None = None
    ) -> Value:
        given = [(v, f) for v, f in ((ten, 10.0), (hundred, 100.0)) if v is not None]
        for value, factor in given:
            x = add(x, scale(value, factor))
        return scale(x, 2.0) if self.doubled else x

    def output_mask(
        self, ctx: LayerContext, x: Value, ten: Value | None = None, hundred: Value | None = None
    ) -> Value | list[Value | None] | None:
        assert len(ctx.masks) == 1 + (ten is not None or hundred is not None) + (hundred is not None)
        return not_equal(hundred, 0) if hundred is not None else ctx.mask


INPUTS = {"a": [2], "b": [2], "c": [2]}


def graph(*entries: object) -> LayerGraph:
    return build(ModelSpec.model_validate({"inputs": INPUTS, "layers": list(entries)}))


def ran(model: LayerGraph) -> list[float]:
    """Each call's value for inputs of 1, 2 and 3, computed from the ops that it adds."""
    ops = Graph()
    inputs = {name: ops.input(name, (1, 2)) for name in INPUTS}
    traced = trace(model, ops, inputs, False, 0)
    known: dict[Value, float] = dict(zip(inputs.values(), (1, 2, 3), strict=True))
    for node in ops.nodes:
        if node.outputs[0].dtype == "uint8":
            continue
        given = [known[v] for v in node.inputs]
        known[node.outputs[0]] = sum(given) if len(given) == 2 else given[0] * getattr(node.op, "a")  # noqa: B009
    return [known[traced.values[Ref(node.name)]] for node in model.nodes]


def test_each_input_is_where_its_name_says() -> None:
    model = graph(
        {"layer": Sums(name="one"), "inputs": "a"},
        {"layer": Sums(name="list"), "inputs": ["a", "b", "c"]},
        {"layer": Sums(name="named"), "inputs": {"hundred": "b", "x": "c", "ten": "a"}},
        {"layer": Sums(name="gap"), "inputs": {"hundred": "b", "x": "c"}},
        {"layer": Sums(name="short"), "inputs": {"x": "c", "ten": "b"}},
        {"use": "gap", "inputs": {"x": "a", "hundred": "a"}, "doubled": True},
        {"layer": Sums(name="loud", doubled=True), "inputs": "a"},
        {"use": "loud", "name": "quiet", "inputs": "a"},
    )
    assert ran(model) == [1, 321, 213, 203, 23, 202, 2, 1]
    assert [node.input_names for node in model.nodes][2:4] == [("hundred", "x", "ten"), ("hundred", "x")]
    assert model.node("gap").at_parameters(["h", "x"]) == ["x", None, "h"]
    assert model.node("short").at_parameters([1, 2]) == [1, 2]
    given = GivenShapes(dict.fromkeys(INPUTS, (2,)), {}, {}, "")
    assert length_problems(model, Objective(()), given) == []


def test_placed_by_names_or_as_given() -> None:
    layer = Sums()
    assert at_parameters(layer, (), [1, 2]) == [1, 2]
    assert at_parameters(layer, ("hundred", "x"), [1, 2]) == [2, None, 1]
    assert at_parameters(layer, ("ten", "x"), [1, 2]) == [2, 1]
    assert at_parameters(layer, ("hundred", "x"), [None, None]) == [None, None, None]


def test_too_few_inputs_name_those_that_are_needed() -> None:
    class Both(Sums):
        def call(self, ctx: LayerContext, x: Value, ten: Value, hundred: Value | None = None) -> Value:  # type: ignore[override]
            return x

    with pytest.raises(ConfigError) as caught:
        graph({"layer": Both(name="both"), "inputs": "a"})
    (problem,) = caught.value.problems
    assert problem.message == "Both 'both' takes 2 to 3 inputs, 1 given"
    assert problem.expected == "inputs: {x: ..., ten: ...}"


def test_a_wrong_name_is_told_at_its_place() -> None:
    with pytest.raises(ConfigError) as caught:
        graph({"layer": Sums(name="s"), "inputs": {"x": "a", "ten": "missing"}})
    assert [p.path for p in caught.value.problems] == [("model", "layers", 0, "inputs", "ten")]


def test_sums_are_what_they_say() -> None:
    assert np.isclose(ran(graph({"layer": Sums(), "inputs": ["b", "a"]}))[0], 12)

"""Every formula that a registered class gives, by name."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import Any

from nnctl.activations.base import activations
from nnctl.activations.elementwise import Elementwise
from nnctl.losses import crossentropy
from nnctl.losses.base import losses
from nnctl.losses.termwise import Termwise
from nnctl.ops.activation import RELU, SIGMOID
from nnctl.ops.base import Graph
from nnctl.ops.formula import Formula, formula
from nnctl.ops.optimizers import Update
from nnctl.optimizers.base import optimizers
from nnctl.program.step import optimize
from tests.optimizers.runs import stepping


def of_activations() -> dict[str, Formula]:
    """Values and slopes, with the numbers of the defaults."""
    found = [RELU.value, RELU.slope, SIGMOID.value, SIGMOID.slope]
    for name in activations.names():
        cls = activations.get(name)
        assert cls is not None
        required = {name: 0.4 for name, field in cls.model_fields.items() if field.is_required()}
        made = cls.model_validate(required)
        node = made.apply(Graph("float32").input("x", (2, 2))).node
        found += [v for v in vars(node.op).values() if isinstance(v, Formula)] if node is not None else []
        if isinstance(made, Elementwise):
            given = (cls.value, getattr(cls, "slope", None), cls.slope_by_output)
            found += [formula(f, 1, made, made.derived()) for f in given if f is not None]
    return {f.function.__qualname__: f for f in found}


def of_losses() -> dict[str, tuple[Formula, Formula]]:
    """The term and the slope of every loss that has them, by the term's name; smoothing and widths are 0.4."""
    pairs = [(crossentropy.of_probability, crossentropy.of_probability_slope)]
    pairs += [(crossentropy.of_logit, crossentropy.of_logit_slope)]
    for name in losses.names():
        cls = losses.get(name)
        assert cls is not None
        if issubclass(cls, Termwise):
            pairs.append((cls.term, cls.slope))
    return {term.__qualname__: (_filled(term), _filled(slope)) for term, slope in pairs}


def _filled(function: Callable[..., Any]) -> Formula:
    return Formula(function, (0.4,) * (len(inspect.signature(function).parameters) - 2))


def of_optimizers() -> list[tuple[Formula, int, int]]:
    """Every optimizer's rules, with how many slots and numbers of a step they take."""
    variants: tuple[dict[str, Any], ...] = (
        {}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"amsgrad": True}, {"centered": True},
        {"centered": True, "momentum": 0.9}, {"use_ema": True, "gradient_accumulation_steps": 2},
    )  # fmt: skip
    found: dict[Any, tuple[Formula, int, int]] = {}
    for name, fields in itertools.product(stepping(), variants):
        cls = optimizers.get(name)
        assert cls is not None
        if set(fields) <= set(cls.model_fields):
            graph = Graph("float32")
            optimize(graph, cls.model_validate(fields), (0, 16), ((16,),), ("w",))
            for op in (node.op for node in graph.nodes):
                if isinstance(op, Update):
                    found[op.after.function] = op.after, op.slots, op.numbers[1] - op.numbers[0]
    return list(found.values())

"""A model as Keras compiles it, with the optimizer's state: what the next step goes on from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.formats.keras.compiling import compiling
from nnctl.formats.keras.objects import KerasObject, name_in_keras
from nnctl.formats.keras.optimizer import Variable, optimizer_variables
from nnctl.formats.keras.patterns import NotCompiled
from nnctl.formats.keras.scopes import Scope, read_scope
from nnctl.formats.keras.weights import by_layer
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective

if TYPE_CHECKING:
    from nnctl.formats.exports.base import TrainedModel, Training


@record
class Compiled:
    """What Keras is told of a model's training.

    Attributes:
        config: The `compile_config`.
        variables: The optimizer's, in Keras's order, by group (`optimizer_variables`).
        left_out: The metrics that Keras has not, by their names in the logs.
        anew: Whether the optimizer starts anew: the model was kept without its state.
    """

    config: KerasObject
    variables: Mapping[str, Sequence[Variable]]
    left_out: tuple[str, ...]
    anew: bool


def compiled(
    scope: Scope,
    graph: LayerGraph,
    weights: Mapping[str, Array],
    name: str,
    dtype: str,
    objective: Objective,
    training: Training,
) -> Compiled:
    """A model called `name` in Keras, compiled as it was trained.

    Raises:
        NotCompiled: Keras has not what it was trained with.
    """
    trainable = set(graph.trainable())
    layers = by_layer(scope, graph, name).values()
    trained = [at for layer in layers for at in layer if at.name in trainable]
    optimizer, rate = training.optimizer, training.learning_rate
    made = compiling(objective, list(graph.outputs), optimizer, trained, dtype, rate)
    variables = optimizer_variables(optimizer, trained, weights, training.slots, training.step, rate, dtype)
    return Compiled(made.config, variables, made.left_out, training.slots is None)


def told_of_training(model: TrainedModel, anew: bool = False) -> list[str]:
    """What of a model's training Keras is not told, in words.

    Args:
        anew: Whether the format has no room for the optimizer's state.
    """
    try:
        made = _compiled(model)
    except NotCompiled as reason:
        return [f"it is not compiled: {reason}"]
    left = [f"Keras has no metric {', '.join(made.left_out)}"] if made.left_out else []
    if made.anew:
        left.append("its optimizer starts anew: the model was kept without its state")
    elif anew:
        left.append(
            "its optimizer starts anew, as every optimizer of this format: --format keras keeps its state"
        )
    return left


def lost(model: TrainedModel) -> tuple[str, ...]:
    """Which of the parts that Keras's formats keep they do not keep of this model."""
    from nnctl.formats.exports.base import COMPILED, STATE

    try:
        made = _compiled(model)
    except NotCompiled:
        return COMPILED, STATE
    return (STATE,) if made.anew else ()


def _compiled(model: TrainedModel) -> Compiled:
    scope = read_scope(model.spec, model.graph, model.dtype)
    name = name_in_keras(model.name)
    return compiled(scope, model.graph, model.weights, name, model.dtype, model.objective, model.training)

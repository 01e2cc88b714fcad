"""What a model was compiled with, as Keras's `compile_config` has it: losses, metrics, optimizer.

Losses and metrics are lists in the order of the model's outputs: several outputs of one layer have one name.
Source: keras.src.trainers.trainer.Trainer.compile, keras.src.trainers.compile_utils.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnctl.core.records import record
from nnctl.core.registry import snake_case
from nnctl.core.spec import Spec
from nnctl.formats.keras.objects import KerasObject, is_keras, keras_object
from nnctl.formats.keras.patterns import NotCompiled, by_name, optimizer_map
from nnctl.formats.keras.weights import KerasWeight
from nnctl.graph.objective import Objective, OutputObjective
from nnctl.metrics.base import MetricSpec
from nnctl.optimizers.base import OptimizerSpec
from nnctl.optimizers.gradient import GradientOptimizer
from nnctl.optimizers.multi_optimizer import MultiOptimizer
from nnctl.schedules.base import ScheduleSpec


@record
class Compiling:
    """A `compile_config`, and the metrics that it lacks since Keras does, by their names in the logs."""

    config: KerasObject
    left_out: tuple[str, ...]


def compiling(
    objective: Objective,
    outputs: Sequence[str],
    optimizer: OptimizerSpec,
    trained: Sequence[KerasWeight],
    dtype: str,
    rate: float | None = None,
) -> Compiling:
    """What Keras compiles a model with.

    Args:
        outputs: All outputs of the model, in order.
        trained: The trainable weights, in Keras's order.
        dtype: The experiment's.
        rate: The learning rate, if it is not the optimizer's own.

    Raises:
        NotCompiled: Keras has no such loss, optimizer or schedule.
    """
    if not objective.outputs:
        raise NotCompiled("there is no loss")
    with_loss = {output.output: output for output in objective.outputs}
    held = [with_loss.get(name) for name in outputs]
    losses = [None if output is None else _loss(output, dtype) for output in held]
    weights = [1.0 if output is None else output.loss_weight for output in held]
    measured = [m for output in objective.outputs for m in output.metrics]
    config = {
        "optimizer": optimizer_object(optimizer, trained, rate),
        "loss": losses if len(losses) > 1 else losses[0],
        "loss_weights": (weights if len(weights) > 1 else weights[0]) if set(weights) != {1.0} else None,
        "metrics": _metrics(held, False, dtype),
        "weighted_metrics": _metrics(held, True, dtype),
    }
    left_out = tuple(m.name for m in measured if not _known(m.metric))
    return Compiling(config, left_out)


def _loss(output: OutputObjective, dtype: str) -> KerasObject:
    name = type(output.loss).__name__
    if not is_keras("loss", "losses", output.loss):
        raise NotCompiled(f"Keras has no loss '{name}'")
    fields = _said(output.loss) | {"reduction": output.loss.reduction} | _of_dtype(dtype)
    return keras_object("keras.losses", name, fields)


def _metrics(outputs: Sequence[OutputObjective | None], weighted: bool, dtype: str) -> list[Any] | None:
    """The metrics of each output, those that Keras has not left out; None where there are none."""
    found: list[list[KerasObject]] = []
    for output in outputs:
        measured = [] if output is None else output.metrics
        found.append(
            [
                keras_object(
                    "keras.metrics",
                    type(m.metric).__name__,
                    _said(m.metric) | {"name": m.metric.log_name()} | _of_dtype(dtype),
                )
                for m in measured
                if m.weighted == weighted and _known(m.metric)
            ]
        )
    if not any(found):
        return None
    return found if len(found) > 1 else found[0]


def _known(metric: MetricSpec) -> bool:
    """Whether Keras has the metric; its metrics of outputs alone are none of a model's training."""
    return metric.reads_target and is_keras("metric", "metrics", metric)


def optimizer_object(
    optimizer: OptimizerSpec, trained: Sequence[KerasWeight], rate: float | None = None
) -> KerasObject:
    """An optimizer of Keras with the same arguments.

    Args:
        trained: The weights that it updates.
        rate: As `compiling`'s.

    Raises:
        NotCompiled: Keras has no such optimizer or schedule, or its names of weights do not tell them apart.
    """
    kind = type(optimizer).__name__
    if not is_keras("optimizer", "optimizers", optimizer):
        raise NotCompiled(f"Keras has no optimizer '{kind}'")
    own: KerasObject = {"name": snake_case(kind)}
    if not isinstance(optimizer, MultiOptimizer):
        fields = {name: value for name, value in _fields(optimizer).items() if not _unsaid(name, value)}
        fields |= {} if rate is None else {"learning_rate": rate}
        return keras_object("keras.optimizers", kind, own | fields | by_name(optimizer, trained))
    by_pattern, default = optimizer_map(optimizer, trained)
    names = {at.name: at for at in trained}
    found = {
        pattern: optimizer_object(part.optimizer, [names[name] for name in part.names])
        for pattern, part in by_pattern.items()
    }
    inner = {
        "default_optimizer": optimizer_object(default.optimizer, [names[name] for name in default.names]),
        "optimizer_map": found,
    }
    own["optimizer_map"] = keras_object("keras.optimizers", "OptimizerMap", inner)
    return keras_object("keras.optimizers", kind, own)


def _said(spec: Spec) -> KerasObject:
    """Arguments that are not at their defaults, which are Keras's: Keras 2 does not know all of them."""
    defaults = {name: info.default for name, info in type(spec).model_fields.items()}
    return {name: value for name, value in _fields(spec).items() if getattr(spec, name) != defaults[name]}


def _unsaid(name: str, value: Any) -> bool:
    """Whether an argument of all optimizers is as it is unless said: Keras 2 does not know all of them."""
    info = GradientOptimizer.model_fields.get(name)
    return info is not None and name != "learning_rate" and bool(value == info.default)


def _fields(spec: Spec) -> KerasObject:
    """Arguments but those that are null by default and left so: older versions of Keras do not know some."""
    found: KerasObject = {}
    for name, info in type(spec).model_fields.items():
        value = getattr(spec, name)
        if value is not None or info.default is not None:
            found[name] = _value(value)
    return found


def _value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_value(part) for part in value]
    if isinstance(value, ScheduleSpec):
        name = type(value).__name__
        if not is_keras("schedule", "schedules", value):
            raise NotCompiled(f"Keras has no schedule '{name}'")
        return keras_object("keras.optimizers.schedules", name, _fields(value))
    return value


def _of_dtype(dtype: str) -> KerasObject:
    """What losses and metrics are computed in, where it is not what they are computed in by default."""
    return {} if dtype == "float32" else {"dtype": dtype}

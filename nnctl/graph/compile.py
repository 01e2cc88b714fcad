"""From the training section and a layer graph to its objective: which loss and metrics each output has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nnctl.core.errors import ConfigError, Path, Problem, ShapeError, nearest
from nnctl.core.registry import snake_case
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Measured, Objective, OutputObjective
from nnctl.losses.base import LossSpec, Target
from nnctl.metrics.base import MetricSpec, agree
from nnctl.spec.language.class_weight import by_output, goes_by_output
from nnctl.spec.language.training import TrainingSpec

_TRAINING: Path = ("training",)

ROW_NAMES = ("epoch", "step", "seconds", "learning_rate")
"""What a row of the logs holds besides losses and metrics."""


def compile_objective(
    training: TrainingSpec, model: LayerGraph, *, sample_weight: str | Mapping[str, str] | None = None
) -> Objective:
    """The objective of a model, as Keras's `compile` makes it.

    Args:
        sample_weight: What the data says under this name: a column for all outputs, or one by output.

    Raises:
        ConfigError: a loss or metric names no output, is missing, or does not fit its output's shape.
    """
    objective, problems = compile_partly(training, model, sample_weight=sample_weight)
    if problems:
        raise ConfigError(problems)
    return objective


def compile_partly(
    training: TrainingSpec, model: LayerGraph, *, sample_weight: str | Mapping[str, str] | None = None
) -> tuple[Objective, list[Problem]]:
    """As `compile_objective`: the losses and metrics that fit, and what is wrong with the others.

    No output is in it where it is not sure which loss was meant for which.
    """
    compiler = _Compiler(training, model)
    objective = compiler.compile(sample_weight)
    mixed = any(problem.path == (*_TRAINING, "loss") for problem in compiler.problems)
    return replace(objective, outputs=()) if mixed else objective, compiler.problems


class _Compiler:
    def __init__(self, training: TrainingSpec, model: LayerGraph) -> None:
        self.training = training
        self.model = model
        self.names = list(model.outputs)
        self.shapes = model.output_shapes()
        self.problems: list[Problem] = []

    def compile(self, sample_weight: str | Mapping[str, str] | None) -> Objective:
        losses = self._by_output(self.training.loss, "loss")
        weights = self._loss_weights()
        metrics = self._by_output(self.training.metrics, "metrics", several=True)
        weighted = self._by_output(self.training.weighted_metrics, "weighted_metrics", several=True)
        weighed = self._weighed(sample_weight, losses)
        outputs = []
        for name in self.names:
            made = self._output(name, losses, weights, metrics, weighted)
            if made is not None:
                outputs.append(replace(made, weighted=name in weighed))
        if not outputs and not self.problems:
            self.problems.append(Problem("no output has a loss", (*_TRAINING, "loss")))
        objective = Objective(tuple(outputs))
        self.problems += _taken_names(objective)
        return objective

    def _output(
        self,
        name: str,
        losses: Mapping[str, tuple[Any, Path]],
        weights: Mapping[str, float],
        metrics: Mapping[str, tuple[Any, Path]],
        weighted: Mapping[str, tuple[Any, Path]],
    ) -> OutputObjective | None:
        loss, path = losses.get(name, (None, (*_TRAINING, "loss")))
        if loss is None:
            self._unmeasured(name)
            return None
        shape = self.shapes[name]
        try:
            target = loss.target(shape)
        except ShapeError as error:
            self._misfit(error, f"the loss does not fit output '{name}'", path)
            return None
        assert isinstance(loss, LossSpec)
        if loss.reduction == "sum" and (self.training.shards or 1) > 1:
            message = "a loss that is summed over a batch cannot be computed in shards, which are averaged"
            self.problems.append(Problem(message, path, expected="reduction: sum_over_batch_size"))
        if target.kind == "classes" and loss.of_shares() is None:
            self._need_unmixed(name, loss, path)
        plain = self._measured(name, metrics, loss, target, shape)
        more = self._measured(name, weighted, loss, target, shape, beside=plain)
        unique = tuple(_numbered([*plain, *more]))
        return OutputObjective(name, shape, loss, weights.get(name, 1.0), target, unique)

    def _need_unmixed(self, name: str, loss: LossSpec, path: Path) -> None:
        """A problem where a layer mixes targets that the loss cannot read so."""
        for mixer in self.model.mixers(self.model.outputs[name]):
            kind = self.model.node(mixer).layer.kind
            loss_name = snake_case(type(loss).__name__)
            message = (
                f"{kind} '{mixer}' mixes the targets of '{name}', and {loss_name} cannot read mixed ones"
            )
            self.problems.append(Problem(message, path, expected="sparse_categorical_crossentropy"))
            return

    def _measured(
        self,
        name: str,
        metrics: Mapping[str, tuple[Any, Path]],
        loss: LossSpec,
        target: Target,
        shape: Any,
        beside: Sequence[Measured] | None = None,
    ) -> list[Measured]:
        """An output's metrics; the weighted ones where `beside`, the plain ones, is given."""
        found: list[Measured] = []
        taken = {m.name for m in beside or ()}
        chosen, path = metrics.get(name, ([], _TRAINING))
        for at, metric in enumerate(chosen):
            try:
                resolved: MetricSpec = metric.resolve(target, shape).beside(loss)
                # A plugin's `resolve` need not look at the target.
                agree(resolved, target, shape)
            except ShapeError as error:
                self._misfit(error, f"the metric does not fit output '{name}'", (*path, at))
                continue
            log = metric.log_name()
            full = log if len(self.names) == 1 else f"{name}_{log}"
            if full in taken:
                full = f"{full.removesuffix(log)}weighted_{log}"
            found.append(Measured(full, resolved, beside is not None, shape))
        return found

    def _unmeasured(self, name: str) -> None:
        """Metrics asked for by the name of an output without a loss: there is no target for them."""
        for field in ("metrics", "weighted_metrics"):
            given = getattr(self.training, field)
            if isinstance(given, Mapping) and given.get(name):
                message = f"output '{name}' has no loss, so nothing of it can be measured"
                self.problems.append(
                    Problem(message, (*_TRAINING, field, name), expected="a loss for it", at_key=True)
                )

    def _weighed(
        self, sample_weight: str | Mapping[str, str] | None, losses: Mapping[str, tuple[Any, Path]]
    ) -> set[str]:
        """The outputs whose examples have weights, from the data or by class."""
        by_class = self.training.class_weight
        weighed = set(by_output(by_class, self.names))
        if goes_by_output(by_class):
            named = self._by_output(by_class, "class_weight")
            self._no_loss([path for _, path in named.values()], losses)
        if isinstance(sample_weight, str):
            return weighed | set(self.names)
        self._no_loss([("data", "sample_weight", name) for name in sample_weight or ()], losses)
        return weighed | set(sample_weight or ())

    def _no_loss(self, paths: Sequence[Path], losses: Mapping[str, tuple[Any, Path]]) -> None:
        """Weights for an output without a loss: there is nothing that they could weigh."""
        for path in paths:
            if losses.get(str(path[-1]), (None,))[0] is None:
                message = f"output '{path[-1]}' has no loss, so nothing of it can be weighed"
                self.problems.append(Problem(message, path, expected="a loss for it", at_key=True))

    def _misfit(self, error: ShapeError, what: str, path: Path) -> None:
        problem = Problem(f"{what}: {error}", (*path, *error.path), expected=error.expected)
        self.problems.append(problem)

    def _loss_weights(self) -> dict[str, float]:
        given = self.training.loss_weights
        if given is None or isinstance(given, int | float):
            return dict.fromkeys(self.names, 1.0 if given is None else float(given))
        return {name: float(w) for name, (w, _) in self._by_output(given, "loss_weights").items()}

    def _by_output(self, given: Any, field: str, *, several: bool = False) -> dict[str, tuple[Any, Path]]:
        """What is written for each output, and where: one for all, a list in order, or by name."""
        path: Path = (*_TRAINING, field)
        if isinstance(given, Mapping):
            for name in given:
                if name not in self.names:
                    outputs = ", ".join(f"'{n}'" for n in self.names)
                    hint = nearest(name, self.names)
                    self.problems.append(
                        Problem(
                            f"the model has no output '{name}'; it has {outputs}",
                            (*path, name),
                            suggestion=hint,
                            at_key=True,
                        )
                    )
            return {n: (v, (*path, n)) for n, v in given.items() if n in self.names}
        if several or not isinstance(given, Sequence):
            return dict.fromkeys(self.names, (given, path))
        if len(given) != len(self.names):
            count = len(self.names)
            self.problems.append(Problem(f"{len(given)} given for {count} output{'s' * (count != 1)}", path))
        return {n: (v, (*path, i)) for i, (n, v) in enumerate(zip(self.names, given, strict=False))}


def _taken_names(objective: Objective) -> Iterator[Problem]:
    """Metrics whose name in the logs something else has: a loss, another output's metric, the row itself."""
    validated = {f"val_{name}" for name in objective.log_names()}
    taken = {*objective.loss_names(), *ROW_NAMES, *validated}
    for measured in (m for output in objective.outputs for m in output.metrics):
        if measured.name in taken:
            message = f"a metric would be '{measured.name}' in the logs, where that is something else already"
            yield Problem(message, (*_TRAINING, "metrics"), expected="another `name` for it")
        taken.add(measured.name)


def _numbered(measured: Sequence[Measured]) -> list[Measured]:
    """Metrics under unique names: a second `accuracy` becomes `accuracy_1`.

    A weighted one beside a plain one is `weighted_accuracy` already, as in Keras.
    """
    seen: dict[str, int] = {}
    out = []
    for m in measured:
        count = seen.get(m.name, 0)
        seen[m.name] = count + 1
        out.append(m if count == 0 else replace(m, name=f"{m.name}_{count}"))
    return out

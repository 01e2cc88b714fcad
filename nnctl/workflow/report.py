"""`report`: what there is to see of runs: how they went, what their models are and say, their origin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from nnctl.core.arrays import Array
from nnctl.core.errors import DataError, RunError
from nnctl.core.events import Event
from nnctl.core.records import record
from nnctl.core.shapes import show
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.splitting.splits import SplitName
from nnctl.evaluation.spread import Spread, spread
from nnctl.graph.model import LayerGraph
from nnctl.layers.base import Layer
from nnctl.runs.compare import ShownRun, show_run
from nnctl.runs.find import find
from nnctl.workflow.batch_reader import BatchReader
from nnctl.workflow.importance import Importances, importances
from nnctl.workflow.kernels import ready_kernels
from nnctl.workflow.most_wrong import WrongExample, most_wrong
from nnctl.workflow.scored import Scored, score
from nnctl.workflow.scored import watch as output_places
from nnctl.workflow.seen import Seen, Watcher
from nnctl.workflow.stored import StoredModel, open_stored

_PARTS = 40
"""Into how many parts the range of a weight is cut."""
_WAY_OUT = "--data PATH says where the data is now that the run was trained on"


@record
class GraphNode:
    """An input of the model, or a call of a layer: a row of the picture of its graph.

    Attributes:
        reads: The rows that it reads, by number.
        parameters: Of a layer that is called a second time: 0.
        output: Whether the model gives out what it makes.
    """

    name: str
    type: str
    settings: str
    shape: str
    parameters: int
    reads: tuple[int, ...]
    output: bool


@record
class WeightShown:
    """A weight of the model, and how its numbers are spread."""

    name: str
    shape: tuple[int, ...]
    trainable: bool
    spread: Spread | None = field(repr=False)


@record
class Evaluated:
    """What a model says of a split.

    Attributes:
        seen: By output, what can be drawn.
        wrong: By output, the examples that it is most wrong about.
        importances: Of its input columns; or why there are none.
    """

    split: str
    scored: Scored
    seen: Mapping[str, Seen]
    wrong: Mapping[str, Sequence[WrongExample]]
    importances: Importances | str


@record
class RunReport:
    """All that a report shows of a run.

    Attributes:
        resolved: Its config with every default.
        nodes, weights: Of its model; none where it has none yet.
        evaluated: None where that could not be done.
        problems: Why something is missing.
    """

    shown: ShownRun
    nodes: tuple[GraphNode, ...]
    weights: tuple[WeightShown, ...]
    evaluated: Evaluated | None
    problems: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the run is called."""
        return self.shown.summary.name


def report(
    runs: Sequence[str],
    *,
    split: SplitName | None = None,
    data: Path | None = None,
    threads: int | None = None,
    allow_plugins: bool = False,
    watch: Callable[[Event], None] | None = None,
) -> list[RunReport]:
    """What there is to see of each of the runs, one after the other.

    Args:
        split: What models are evaluated on; default: the first of test, validation and train that there is.
        data: Where the training data is now.

    Raises:
        RunError: there is no such run, or a file of it cannot be read.
        ConfigError: there is no such split; plugins are not allowed.
    """
    return [_report(run, split, data, threads, allow_plugins, watch) for run in runs]


def _report(
    run: str,
    split: SplitName | None,
    data: Path | None,
    threads: int | None,
    allow_plugins: bool,
    watch: Callable[[Event], None] | None,
) -> RunReport:
    found = find(run)
    if found.run is None or found.file is not None:
        raise RunError(f"{run} is a single file, not a run")
    shown = show_run(found.run)
    try:
        stored = open_stored(run, allow_plugins=allow_plugins)
    except RunError as error:
        return RunReport(shown, (), (), None, (str(error),))
    evaluated, problems = None, []
    try:
        name, examples = _split(stored, split, data)
        evaluated = _evaluated(stored, name, examples, data, threads, watch)
    except DataError as error:
        problems.append(f"not evaluated: {error}")
    weights = stored.file.state.weights
    return RunReport(
        shown, graph_nodes(stored.model), weights_shown(stored.model, weights), evaluated, tuple(problems)
    )


def _split(stored: StoredModel, split: SplitName | None, place: Path | None) -> tuple[str, Dataset]:
    """The split that is asked for, or the first that there is. Raises ConfigError, DataError."""
    if split is not None:
        return split, stored.split(split, place, _WAY_OUT)
    opened = stored.data(place, _WAY_OUT)
    for name in ("test", "validation"):
        examples = opened.split(name)
        if examples is not None:
            return name, examples
    return "train", opened.train


def _evaluated(
    stored: StoredModel,
    split: str,
    examples: Dataset,
    place: Path | None,
    threads: int | None,
    watch: Callable[[Event], None] | None,
) -> Evaluated:
    from nnctl.kernels.threads import spread as spread_threads
    from nnctl.program.programs import EvaluationProgram

    session, batch = stored.session(threads), stored.loaded.experiment.data.batch_size
    session.prepare([EvaluationProgram(BatchReader(examples).sizes(min(batch, len(examples))))])
    ready_kernels(session, watch)
    order = _order(examples, batch)
    outputs = [
        Watcher(output_places(o, stored.preprocessing, examples), order) for o in stored.objective.outputs
    ]

    def see(measured: Mapping[str, Array]) -> None:
        for output in outputs:
            output.add(measured)

    with spread_threads():
        scored = score(session, stored.objective, stored.preprocessing, examples, batch, see)
        seed = stored.loaded.experiment.seed
        grown = importances(session, stored.preprocessing, examples, batch, seed)
    seen = {one.output: one for output in outputs if (one := output.seen()) is not None}
    columns = [one.column for one in grown.columns] if isinstance(grown, Importances) else []
    part = stored.part(split, place)
    wrong = {name: most_wrong(stored, examples, one, part, columns) for name, one in seen.items()}
    return Evaluated(split, scored, seen, wrong, grown)


def _order(examples: Dataset, batch: int) -> Array:
    """The examples in the order in which evaluation sees them."""
    from nnctl.runner.batches import Batches, in_order

    count = len(examples)
    buckets = examples.buckets.of if examples.buckets is not None else None
    return np.concatenate(list(Batches(count, batch, buckets=buckets).cut(in_order(count))))


def graph_nodes(model: LayerGraph) -> tuple[GraphNode, ...]:
    """The inputs and calls of a model, in order."""
    places = {name: at for at, name in enumerate([*model.inputs, *model.calls])}
    outputs = {ref.name for ref in model.outputs.values()}
    inputs = [
        GraphNode(name, "Input", "", show(info.shape), 0, (), name in outputs)
        for name, info in model.inputs.items()
    ]
    calls = [
        GraphNode(
            name=node.name,
            type=type(node.layer).__name__,
            settings=_settings(node.layer),
            shape=" ".join(map(show, node.output_shapes)),
            parameters=0
            if node.owner != node.name
            else sum(weight.size for weight in model.weights_of(node.owner)),
            reads=tuple(dict.fromkeys(places[ref.name] for ref in node.inputs)),
            output=node.name in outputs,
        )
        for node in model.nodes
    ]
    return (*inputs, *calls)


def _settings(layer: Layer) -> str:
    """What a layer has, beside its name, that it would not have by itself."""
    told = [name for name in type(layer).model_fields if name != "name" and _is_told(layer, name)]
    written = layer.model_dump(mode="json", include=set(told))
    return ", ".join(f"{name} {_setting(written[name])}" for name in told)


def _is_told(layer: Layer, name: str) -> bool:
    """Whether a field has another value than its default, or must have one."""
    others = {field: getattr(layer, field) for field in type(layer).model_fields if field != name}
    try:
        without = type(layer).model_validate(others)
    except ValidationError:
        return True
    return bool(getattr(without, name) != getattr(layer, name))


def _setting(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("type", "{...}"))
    if isinstance(value, list):
        return f"({', '.join(map(_setting, value))})" if len(value) <= 4 else f"({len(value)} entries)"
    return str(value).lower() if isinstance(value, bool) else str(value)


def weights_shown(model: LayerGraph, weights: Mapping[str, Array]) -> tuple[WeightShown, ...]:
    """The weights of a model, in graph order, with these numbers."""
    return tuple(
        WeightShown(name, weights[name].shape, info.trainable, spread(weights[name], _PARTS))
        for name, info in model.weights.items()
    )

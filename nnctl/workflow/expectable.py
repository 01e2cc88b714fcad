"""What `expect` may speak of in an experiment, and what of it is wrong before a step is trained."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Literal

from nnctl.core.errors import Problem, RunError, nearest
from nnctl.core.records import record
from nnctl.evaluation.report import LESS_IS_BETTER, NAMES, WITH_BASELINE
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective, OutputObjective
from nnctl.losses.base import FLAGS
from nnctl.runs.record import Record
from nnctl.spec.language.expect import Expectation
from nnctl.spec.load import LoadedExperiment

Better = Literal["min", "max"]


def kinds(output: OutputObjective) -> tuple[str, ...]:
    """The kinds of report that an output may have; which one may depend on the data."""
    target = output.target
    if target.kind in ("classes", "onehot"):
        return () if target.classes is None or target.own_length else ("classes",)
    if target.classes != FLAGS:
        return ("numbers",)
    several = bool(output.shape) and output.shape[-1] != 1
    return ("labels" if several else "classes", "numbers")


@record
class Expectable:
    """Every number that a run is measured by at its end.

    Attributes:
        logs: The names that the logs have.
        reported: Those that evaluations report besides.
        with_baseline: Those of `reported` that a baseline has, too.
        better: Whether less or more of each is better, where anybody can tell.
    """

    logs: tuple[str, ...]
    reported: tuple[str, ...]
    with_baseline: frozenset[str]
    better: Mapping[str, Better]


def expectable(objective: Objective) -> Expectable:
    """The numbers of an objective's runs."""
    several = len(objective.outputs) > 1
    better: dict[str, Better] = {}
    with_baseline = set()
    for output in objective.outputs:
        for name in dict.fromkeys(name for kind in kinds(output) for name in NAMES[kind]):
            full = called(output.output, name, several)
            better[full] = "min" if name in LESS_IS_BETTER else "max"
            if name in WITH_BASELINE:
                with_baseline.add(full)
    reported = tuple(better)
    return Expectable(objective.log_names(), reported, frozenset(with_baseline), better | objective.better())


def called(output: str, name: str, several: bool) -> str:
    """What a number of an output's report is called, beside those of other outputs or alone."""
    return f"{output}_{name}" if several else name


def expectation_problems(
    loaded: LoadedExperiment, model: LayerGraph, objective: Objective, splits: Collection[str]
) -> Iterator[Problem]:
    """What is known to be wrong with the expectations of an experiment.

    Args:
        splits: Those that there are.
    """
    known = expectable(objective)
    for index, expected in enumerate(loaded.experiment.expect):
        for problem in _problems(expected, known, loaded, model, splits):
            yield problem.below(("expect", index))


def _problems(
    expected: Expectation,
    known: Expectable,
    loaded: LoadedExperiment,
    model: LayerGraph,
    splits: Collection[str],
) -> Iterator[Problem]:
    if expected.metric is not None:
        yield from _of_metric(expected, known)
        if expected.on not in splits:
            message = f"the data has no {expected.on} split"
            at = ("split",) if expected.split is not None else ()
            yield Problem(message, at, expected=f"one of {', '.join(splits)}")
    epochs = loaded.experiment.training.epochs
    if expected.by_epoch is not None and expected.by_epoch > epochs:
        yield Problem(f"training has only {epochs} epochs", ("by_epoch",), expected=f"at most {epochs}")
    has = sum(model.parameters())
    if expected.parameters_at_most is not None and has > expected.parameters_at_most:
        message = f"the model has {has:,} parameters"
        yield Problem(message, ("parameters_at_most",), expected=f"at most {expected.parameters_at_most:,}")
    if expected.needs_record:
        yield from _of_record(expected, loaded)


def _of_metric(expected: Expectation, known: Expectable) -> Iterator[Problem]:
    metric = expected.metric or ""
    names = known.logs if expected.by_epoch is not None else (*known.logs, *known.reported)
    if expected.of == "above_baseline":
        names = tuple(name for name in known.reported if name in known.with_baseline)
    if metric not in names:
        what = "has no baseline" if metric in (*known.logs, *known.reported) else "is not measured"
        if expected.by_epoch is not None and metric in known.reported:
            what = "is measured at the end, and not by epochs"
        listed = ", ".join(dict.fromkeys(names))
        yield Problem(f"'{metric}' {what}", ("metric",), f"one of {listed}", nearest(metric, names))
    elif expected.of == "drop_at_most" and metric not in known.better:
        yield Problem(f"nobody can tell whether less or more '{metric}' is better", ("metric",))


def _of_record(expected: Expectation, loaded: LoadedExperiment) -> Iterator[Problem]:
    file = loaded.directory / (loaded.experiment.record or "")
    try:
        found = Record.read(file)
    except FileNotFoundError:
        yield Problem(f"there is no record {file}", (expected.of,), f"nnctl record {loaded.file}")
        return
    except RunError as error:
        yield Problem(str(error), (expected.of,), f"nnctl record {loaded.file}")
        return
    if expected.metric is not None and expected.metric not in found.numbers.get(expected.on, {}):
        message = f"the record has no '{expected.metric}' of the {expected.on} split"
        yield Problem(message, (expected.of,), f"nnctl record {loaded.file}")


def record_path(loaded: LoadedExperiment) -> Path:
    """Where the record of an experiment is, or would be."""
    return loaded.directory / (loaded.experiment.record or f"{loaded.file.stem}.record.json")

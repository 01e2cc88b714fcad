"""`train --folds`, `train --seeds`: a config trained several times, each a run below one directory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nnctl.core.errors import Problem, RunError
from nnctl.core.records import record
from nnctl.core.threads import thread_count
from nnctl.runs.directory import MANIFEST, allocate, numbered
from nnctl.runs.lock import LOCK_NAME, RunLock
from nnctl.spec.load import LoadedExperiment
from nnctl.storage.disk import DISK, commit, make_directories, storage
from nnctl.workflow.assemble import assemble, load_experiment
from nnctl.workflow.expectable import expectable
from nnctl.workflow.expected import Outcome
from nnctl.workflow.out_of_fold import FILE as PREDICTIONS
from nnctl.workflow.out_of_fold import write_out_of_fold
from nnctl.workflow.output import files_read, keep_run_apart
from nnctl.workflow.placed import refuse_warnings
from nnctl.workflow.processes import Lost, each_alone, ended_by_sigterm
from nnctl.workflow.repeated import Ended, Task, mean_and_deviation, of_mean, train_one
from nnctl.workflow.train import RUNS

SUMMARY = "repeats.json"
"""What the directory around the runs is, and what they came to."""


@record
class Part:
    """One of the runs: its directory's name, its seed, and the fold that it tests (from 1)."""

    name: str
    seed: int
    fold: int | None = None


@record
class Repeats:
    """What became of all of them.

    Attributes:
        runs: In the order of their parts.
        mean, deviation: By split and name, over the runs; the deviation is that of a sample.
        outcomes: Of what the config expects.
        predictions: The file of predictions for every row, each by a model that was not trained on it.
    """

    path: Path
    parts: tuple[Part, ...]
    runs: tuple[Ended, ...]
    mean: Mapping[str, Mapping[str, float]]
    deviation: Mapping[str, Mapping[str, float]]
    outcomes: tuple[Outcome, ...] = ()
    predictions: Path | None = None

    @property
    def exit_code(self) -> int:
        """The first fault's, or 4 where something does not hold."""
        faults = [run.exit_code for run in self.runs if run.exit_code not in (0, 4)]
        if faults:
            return faults[0]
        return 0 if all(outcome.holds for outcome in self.outcomes) else 4

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        runs = [{**asdict(part), **run.as_json()} for part, run in zip(self.parts, self.runs, strict=True)]
        return {
            "run": str(self.path),
            "exit_code": self.exit_code,
            "runs": runs,
            "mean": self.mean,
            "deviation": self.deviation,
            "expectations": [outcome.as_json() for outcome in self.outcomes],
            "predictions": str(self.predictions) if self.predictions is not None else None,
        }


def repeat(
    config: Path,
    *,
    folds: int | None = None,
    seeds: int | None = None,
    jobs: int = 1,
    run_dir: Path | None = None,
    resume: bool = False,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    threads: int | None = None,
    allow_plugins: bool = False,
    strict: bool = False,
    watch: Callable[[Part, Ended], None] = lambda part, ended: None,
) -> Repeats:
    """Train each fold with each seed, `jobs` at a time in processes of their own; what is trained stays.

    Args:
        folds: How many folds the rows are cut into; None: they are split as the config says.
        seeds: How many seeds, from the config's on.
        run_dir: The directory around the runs; default: the next number below `runs/NAME-folds` or `-seeds`.
        watch: Told of each run as soon as it has ended.

    Raises:
        ConfigError: the config is wrong; nothing was written.
        DataError: the data is wrong.
        RunError: the directory holds something else, is in use, or wants --resume.
    """
    loaded = load_experiment(config, overrides, seed, allow_plugins)
    parts = _parts(loaded, folds, seeds)
    said = {part: (*overrides, *_overrides(loaded, folds, part)) for part in parts}
    first = assemble(
        config,
        overrides=said[parts[0]],
        seed=parts[0].seed,
        allow_plugins=allow_plugins,
        recording=True,
    )
    if strict:
        refuse_warnings(first.warnings)
    what = {"folds": folds, "seeds": [part.seed for part in parts if part.fold in (None, 1)]}
    path = _directory(loaded, run_dir, resume, "folds" if folds else "seeds")
    keep_run_apart(path, files_read(loaded, loaded.directory))
    each = threads or max(1, thread_count(None) // min(jobs, len(parts)))
    tasks = [
        Task(config.resolve(), path / part.name, said[part], part.seed, each, allow_plugins) for part in parts
    ]
    found: dict[int, Ended] = {}
    with _held(path, what, resume), ended_by_sigterm():
        for number, result in each_alone(train_one, tasks, jobs):
            ended = Ended.lost(tasks[number].run_dir, result.words()) if isinstance(result, Lost) else result
            watch(parts[number], ended)
            found[number] = ended
        runs = tuple(found[number] for number in range(len(parts)))
        mean, deviation = mean_and_deviation(runs)
        outcomes: tuple[Outcome, ...] = ()
        predictions: Path | None = None
        if all(run.completed for run in runs):
            better = expectable(first.objective).better
            outcomes = of_mean(loaded.experiment.expect, better, runs, mean)
            if folds:
                predictions = write_out_of_fold(path / PREDICTIONS, _whose(parts, tasks), allow_plugins)
        repeats = Repeats(path, parts, runs, mean, deviation, outcomes, predictions)
        _write(path, what | {"status": _status(runs)} | repeats.as_json())
    return repeats


def _parts(loaded: LoadedExperiment, folds: int | None, seeds: int | None) -> tuple[Part, ...]:
    first = loaded.experiment.seed
    parts: list[Part] = []
    for seed in range(first, first + (seeds or 1)):
        for fold in range(1, (folds or 1) + 1):
            words = ([f"seed-{seed}"] if seeds else []) + ([f"fold-{fold}"] if folds else [])
            parts.append(Part("-".join(words), seed, fold if folds else None))
    return tuple(parts)


def _overrides(loaded: LoadedExperiment, folds: int | None, part: Part) -> tuple[str, ...]:
    """What makes the config that of one fold: the fold is the test split, in place of another one."""
    if folds is None:
        return ()
    split = loaded.experiment.data.split
    if split is None:
        return (f"data.split={{folds: {folds}, fold: {part.fold}}}",)
    if split.by:
        problem = Problem("'by' says every row's split; there are no folds to make", ("data", "split", "by"))
        raise loaded.fail([problem])
    whole = ("data.split.test=0",) if split.test else ()
    return (*whole, f"data.split.folds={folds}", f"data.split.fold={part.fold}")


def _directory(loaded: LoadedExperiment, run_dir: Path | None, resume: bool, kind: str) -> Path:
    """Where the runs are, or will be; one that is not named is made.

    Raises:
        RunError: there is nothing to resume, or something else lies there.
    """
    name = f"{loaded.experiment.name}-{kind}"
    if run_dir is None and not resume:
        return allocate(RUNS, name)
    if run_dir is None:
        there = [path for path in numbered(RUNS / name) if (path / SUMMARY).is_file()]
        if not there:
            raise RunError(f"there is nothing of '{name}' under {RUNS}/ to resume")
        return there[0]
    if (run_dir / MANIFEST).exists() or run_dir.is_file():
        raise RunError(
            f"{run_dir} is a run or a file, not a directory for several runs; use another --run-dir"
        )
    names = sorted(set(os.listdir(run_dir)) - {LOCK_NAME}) if run_dir.is_dir() else []
    if names and SUMMARY not in names:
        raise RunError(f"{run_dir} is not empty and holds no repeated runs (it has {names[0]})")
    return run_dir


@contextmanager
def _held(path: Path, what: Mapping[str, Any], resume: bool) -> Iterator[None]:
    """Hold the directory, having seen that it is for the same folds and seeds.

    Raises:
        RunError: another process holds it, it is for others, or it wants --resume.
    """
    with storage(f"cannot make {path}"):
        make_directories(DISK, path)
    with RunLock(path):
        if (path / SUMMARY).exists():
            before = _read(path)
            other = {name: before.get(name) for name in what}
            if other != what:
                raise RunError(f"{path} holds runs of {_words(other)}, not of {_words(what)}")
            if before.get("status") != "completed" and not resume:
                raise RunError(f"{path} was interrupted; add --resume to go on, or use another --run-dir")
        else:
            _write(path, {**what, "status": "running"})
        yield


def _words(what: Mapping[str, Any]) -> str:
    seeds = what.get("seeds")
    return f"{what.get('folds') or 'no'} folds and the seeds {', '.join(map(str, seeds or ()))}"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads((path / SUMMARY).read_text())
        if not isinstance(found, dict):
            raise ValueError("it is no object")
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path / SUMMARY} cannot be read: {error}") from error
    return found


def _write(path: Path, data: Mapping[str, Any]) -> None:
    commit(DISK, path / SUMMARY, [(json.dumps(data, indent=1, allow_nan=False) + "\n").encode()])


def _status(runs: Sequence[Ended]) -> str:
    return "completed" if all(run.completed for run in runs) else "interrupted"


def _whose(parts: Sequence[Part], tasks: Sequence[Task]) -> list[tuple[int, int, Path]]:
    return [(part.seed, part.fold or 1, task.run_dir) for part, task in zip(parts, tasks, strict=True)]

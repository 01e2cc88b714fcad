"""nnctl from Python, for notebooks and tests: what the commands do, with values instead of printed text.

Every function takes what its command takes and raises what its command reports. Nothing is printed without
`show`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import field
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, RunError
from nnctl.core.events import Event
from nnctl.core.records import record
from nnctl.data.reading.given import table_of
from nnctl.data.splitting.splits import SplitName
from nnctl.data.table import Table
from nnctl.report.progress import Show, progress
from nnctl.runs.directory import RunDirectory
from nnctl.runs.find import Found, find
from nnctl.spec.output.render import render_all
from nnctl.workflow.stored import StoredModel, open_stored

AnyPath = str | PathLike[str]


@record
class Predictions:
    """What a model makes of some examples, output by output.

    Attributes:
        values: By output, under the name of its target: numbers in the target's own unit, or a probability
            for each class (N, C).
        classes: By output that tells classes apart: their names.
        kept: By name: the columns that were carried over.
    """

    values: Mapping[str, Array]
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kept: Mapping[str, list[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        """The number of examples."""
        return len(next(iter(self.values.values())))

    def __getitem__(self, output: str) -> Array:
        """The values of one output."""
        return self.values[output]

    def labels(self, output: str | None = None) -> list[str]:
        """The likeliest class of each example.

        Args:
            output: Which output; may be left out where only one tells classes apart.

        Raises:
            ValueError: there are several, or none, and it is left out; or it tells no classes apart.
        """
        known = list(self.classes)
        if output is None and len(known) != 1:
            raise ValueError(f"{len(known)} outputs tell classes apart: {', '.join(known) or 'none'}")
        name = known[0] if output is None else output
        if name not in self.classes:
            raise ValueError(f"'{name}' tells no classes apart")
        return [self.classes[name][i] for i in self.values[name].argmax(axis=-1).tolist()]


class Run:
    """A run, or a model file: what it was, and what it can do.

    Args:
        run: A run directory, a name under `runs/` (its newest run), or a checkpoint file.
        allow_plugins: Run the code of the plugins that its config names.

    Raises:
        RunError: there is no such run, or its files cannot be used.
    """

    def __init__(self, run: AnyPath, *, allow_plugins: bool = False) -> None:
        self._found: Found = find(str(run))
        self._allow = allow_plugins

    def __repr__(self) -> str:
        return f"<nnctl.Run {self.name}, {self.status}>" if self._found.run else f"<nnctl.Run {self.name}>"

    @property
    def name(self) -> str:
        """What it is called: `name/number`, or the file's path."""
        return self._found.name

    @property
    def path(self) -> Path:
        """The run directory, or the file."""
        if self._found.file is not None or self._found.run is None:
            return self._found.model()
        return self._found.run.path

    @property
    def status(self) -> str:
        """`running`, `completed`, `interrupted` or `failed`. Raises RunError for a single file."""
        return self._directory().status()

    @property
    def metrics(self) -> dict[str, float | None]:
        """The numbers that the manifest keeps, None for one that is not finite. Raises as `status`."""
        return dict(self._directory().manifest().metrics)

    @property
    def history(self) -> list[dict[str, Any]]:
        """A row an epoch: its number, step, loss, metrics, learning rate, seconds. Raises as `status`."""
        return self._directory().metrics()

    @property
    def scores(self) -> dict[str, Any]:
        """By split that was evaluated: examples, metrics, and a report of each output. Raises as `status`."""
        directory = self._directory()
        return dict(directory.scores(directory.manifest().weights_sha256 or "").splits)

    @property
    def weights_sha256(self) -> str:
        """The hash of the weights."""
        return self._stored().file.weights_sha256

    @property
    def weights(self) -> dict[str, Array]:
        """The weights by name, in graph order."""
        return dict(self._stored().file.state.weights)

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """By output that tells classes apart, under the name of its target: their names."""
        from nnctl.formats.outputs import class_names, target_names

        stored = self._stored()
        called = target_names(stored.model.outputs, stored.preprocessing)
        return {
            called[output]: names
            for output, names in class_names(stored.objective, stored.preprocessing).items()
        }

    def evaluate(
        self,
        data: AnyPath | Mapping[str, Any] | None = None,
        *,
        split: SplitName | None = None,
        threads: int | None = None,
        show: bool = False,
    ) -> dict[str, float]:
        """Loss and metrics over a split of the run's own data (default: test), or over other data.

        Args:
            data: A file with targets, or columns by name; with `split`, where the run's own data is now.
            split: train, validation or test.
            threads: Threads to use; default: the cores this process may use.
            show: Show progress on stderr.

        Raises:
            ConfigError: there is no such split.
            DataError: the data cannot be used, or is not what the run was trained on.
        """
        from nnctl.workflow.evaluate import evaluate

        given = _given(data)
        with _explained(), _display(show) as watch:
            found = evaluate(
                str(self.path),
                split=split,
                data=given,
                threads=threads,
                allow_plugins=self._allow,
                watch=watch,
            )
        return dict(found.metrics)

    def predict(
        self,
        data: AnyPath | Array | Mapping[str, Any] | None = None,
        *,
        split: SplitName | None = None,
        keep: Sequence[str] = (),
        threads: int | None = None,
        show: bool = False,
    ) -> Predictions:
        """The model's outputs for every example of a file, of arrays, or of a split of the run's own data.

        Args:
            data: A file, columns by name (a DataFrame, too), or one array for a model with one input; with
                `split`, where the run's own data is now.
            split: train, validation or test.
            keep: Columns to carry over; "row" is the number of the row, counted as errors count it.
            threads: Threads to use; default: the cores this process may use.
            show: Show progress on stderr.

        Raises:
            ConfigError: there is nothing to predict, or no such split.
            DataError: the data does not hold what the model needs.
        """
        from nnctl.formats.outputs import class_names, target_names
        from nnctl.workflow.predict import predictions

        stored = self._stored()
        source = _given(data)
        with _explained(), _display(show) as watch:
            blocks = list(predictions(stored, source, split=split, keep=keep, threads=threads, watch=watch))
        called = target_names(stored.model.outputs, stored.preprocessing)
        classes = class_names(stored.objective, stored.preprocessing)
        values = {
            called[name]: np.concatenate([block.outputs[name] for block in blocks])
            for name in stored.model.outputs
        }
        kept = {name: [cell for block in blocks for cell in block.kept[name]] for name in keep}
        return Predictions(values, {called[name]: classes[name] for name in classes}, kept)

    def _stored(self) -> StoredModel:
        return open_stored(str(self.path), allow_plugins=self._allow)

    def _directory(self) -> RunDirectory:
        if self._found.run is None:
            raise RunError(f"{self.name} is a single file, not a run")
        return self._found.run


def train(
    config: AnyPath,
    *,
    overrides: Mapping[str, Any] | None = None,
    run_dir: AnyPath | None = None,
    resume: bool = False,
    seed: int | None = None,
    threads: int | None = None,
    allow_plugins: bool = False,
    strict: bool = False,
    show: bool = False,
) -> Run:
    """Train the experiment of a config and keep everything about it in a run directory.

    Args:
        config: The experiment's YAML file.
        overrides: Values by path, e.g. `{"training.epochs": 3}`.
        run_dir: Where the run is kept; default: `runs/NAME/NUMBER`.
        resume: Go on with an interrupted run.
        seed: Override the seed.
        threads: Threads to use; default: the cores this process may use.
        allow_plugins: Run the code of the plugins that the config names.
        strict: Take warnings for errors.
        show: Show progress on stderr.

    Returns:
        The run; its `status` is `completed`, `interrupted` (by a signal) or `failed` (a loss was not finite).

    Raises:
        ConfigError: the config is wrong; nothing was written.
        DataError: the data is wrong; nothing was written.
        RunError: the run directory holds another run, is in use, or wants `resume`.
        StorageError: the disk failed; older checkpoints are intact.
    """
    from nnctl.report.run_page import run_page
    from nnctl.workflow.train import start

    said = [f"{path}={json.dumps(value)}" for path, value in (overrides or {}).items()]
    with _explained(), _display(show) as watch:
        training = start(
            Path(config),
            run_dir=None if run_dir is None else Path(run_dir),
            resume=resume,
            overrides=said,
            seed=seed,
            threads=threads,
            allow_plugins=allow_plugins,
            strict=strict,
            page=partial(run_page, allow_plugins=allow_plugins),
            watch=watch,
        )
        for event in training.events():
            watch(event)
    return Run(str(training.path), allow_plugins=allow_plugins)


def load(run: AnyPath, *, allow_plugins: bool = False) -> Run:
    """A run that is there already: a directory, a name under `runs/` (its newest run), or a checkpoint file.

    Raises:
        RunError: there is no such run.
    """
    return Run(run, allow_plugins=allow_plugins)


def evaluate(
    run: AnyPath | Run,
    data: AnyPath | Mapping[str, Any] | None = None,
    *,
    split: SplitName | None = None,
    threads: int | None = None,
    allow_plugins: bool = False,
    show: bool = False,
) -> dict[str, float]:
    """`Run.evaluate` of a run by name."""
    return _run(run, allow_plugins).evaluate(data, split=split, threads=threads, show=show)


def predict(
    run: AnyPath | Run,
    data: AnyPath | Array | Mapping[str, Any] | None = None,
    *,
    split: SplitName | None = None,
    keep: Sequence[str] = (),
    threads: int | None = None,
    allow_plugins: bool = False,
    show: bool = False,
) -> Predictions:
    """`Run.predict` of a run by name."""
    return _run(run, allow_plugins).predict(data, split=split, keep=keep, threads=threads, show=show)


def _run(run: AnyPath | Run, allow_plugins: bool) -> Run:
    return run if isinstance(run, Run) else Run(run, allow_plugins=allow_plugins)


def _given(data: Any) -> Path | Table | None:
    """A file, or the data itself as a table."""
    if data is None:
        return None
    return Path(data) if isinstance(data, str | PathLike) else table_of(data)


def _nothing(event: Event) -> None:
    pass


@contextmanager
def _display(show: bool) -> Iterator[Show]:
    """Where events go: to the display that the commands have, or nowhere."""
    if not show:
        yield _nothing
        return
    display: AbstractContextManager[Show] = progress()
    with display as watch:
        yield watch


@contextmanager
def _explained() -> Iterator[None]:
    """The problems of a config with their lines, as notes below the traceback."""
    try:
        yield
    except ConfigError as error:
        if any(problem.place is not None for problem in error.problems):
            error.add_note(render_all(error.problems))
        raise

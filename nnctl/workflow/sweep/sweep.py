"""`sweep`: a study begun, joined or gone on with, by several workers of this machine."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nnctl.core.errors import ConfigError, NnctlError, Problem, RunError
from nnctl.core.threads import thread_count
from nnctl.runs.directory import MANIFEST
from nnctl.runs.find import RUNS
from nnctl.spec.output.resolved import config_sha256
from nnctl.storage.disk import DISK, commit, make_directories, storage
from nnctl.workflow.assemble import Assembled, assemble
from nnctl.workflow.callbacks import better, log_names
from nnctl.workflow.output import files_read, keep_run_apart
from nnctl.workflow.placed import refuse_warnings
from nnctl.workflow.processes import Lost, each_alone, ended_by_sigterm
from nnctl.workflow.sweep.best import BEST, write_best
from nnctl.workflow.sweep.board import Board, Study
from nnctl.workflow.sweep.kept import keep
from nnctl.workflow.sweep.results import Swept, TrialTold, best_of, importance, trials_of
from nnctl.workflow.sweep.samplers import fixed
from nnctl.workflow.sweep.settings import check_ranges, grid
from nnctl.workflow.sweep.storage import need_optuna, open_storage
from nnctl.workflow.sweep.trial import How
from nnctl.workflow.sweep.worker import Work, work

PLACE = "sweep.json"
"""What a directory is, and by which key its trials are told from those of other machines."""
GRACE = 60.0
_TRIALS = 20
_RESTARTS = 20


def sweep(
    config: Path,
    *,
    run_dir: Path | None = None,
    study: str | None = None,
    jobs: int = 1,
    trials: int | None = None,
    seconds: float | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    threads: int | None = None,
    allow_plugins: bool = False,
    strict: bool = False,
    grace: float = GRACE,
    watch: Callable[[TrialTold], None] = lambda trial: None,
) -> Swept:
    """Search the config's ranges; a study that is there is joined, and one that is finished only told of.

    Args:
        run_dir: The directory of this machine's trials; default: `runs/STUDY-sweep`.
        study: The study's name in its storage; default: the experiment's.
        jobs: Workers, each a process of its own.
        trials, seconds: In place of what the config says; of a study that is there, more trials are added.
        grace: After how many seconds without a sign of life another machine's worker counts as dead.
        watch: Told of each trial as soon as it has ended, wherever it was trained.

    Raises:
        ConfigError: the config is wrong, has no sweep, or a package is missing.
        DataError: the data is wrong.
        RunError: the directory holds something else, or the study is another one's.
        StorageError: the study's storage, or the disk, has failed.
    """
    need_optuna()
    assembled = assemble(config, overrides=overrides, seed=seed, allow_plugins=allow_plugins, recording=True)
    if strict:
        refuse_warnings(assembled.warnings)
    made = _study(config, overrides, assembled, study, trials)
    loaded = assembled.loaded
    place = run_dir or RUNS / f"{made.name}-sweep"
    keep_run_apart(place, files_read(loaded, loaded.directory))
    key = _prepare(place)
    board = Board(made, open_storage(place), place, key, grace)
    board.fill()
    begun = not all(trial.ended for trial in trials_of(board))
    if begun:
        sweeping = loaded.experiment.sweep
        assert sweeping is not None
        limit = seconds if seconds is not None else sweeping.seconds
        each = threads or max(1, thread_count(None) // jobs)
        how = How(config.resolve(), tuple(overrides), seed, each, allow_plugins)
        until = time.time() + limit if limit is not None else None
        with _told(board, watch):
            _work(Work(made, place.resolve(), key, how, grace, os.getpid(), until), jobs)
    found = trials_of(board)
    best = best_of(found, made.direction)
    file = write_best(place / BEST, loaded, config, overrides, seed, best.settings) if best else None
    swept = Swept(
        place,
        made.name,
        made.sweep.objective,
        made.direction,
        found,
        best,
        file,
        importance(board),
        begun,
    )
    keep(swept)
    return swept


def _study(
    config: Path, overrides: Sequence[str], assembled: Assembled, name: str | None, trials: int | None
) -> Study:
    """The study that a config asks for. Raises ConfigError, placed, where it cannot be searched."""
    loaded, experiment = assembled.loaded, assembled.loaded.experiment
    search = experiment.sweep
    if search is None:
        message = "the config has no section 'sweep'"
        raise ConfigError(Problem(message, expected="sweep: {ranges: {training.epochs: [5, 10]}}"))
    check_ranges(
        config, overrides, loaded, log_names(assembled.objective, assembled.data.validation is not None)
    )
    known = better(assembled.objective).get(search.objective)
    if search.direction is None and known is None:
        message = f"nobody can tell whether less or more '{search.objective}' is better"
        raise loaded.fail([Problem(message, ("sweep", "objective"), "direction: minimize, or maximize")])
    given = grid(search) if search.sampler == "grid" else []
    number = trials or search.trials or (len(given) if given else _TRIALS)
    number = min(number, len(given)) if given else number
    said = {k: v for k, v in search.config().items() if k not in ("trials", "seconds")}
    return Study(
        name=name or experiment.name,
        sweep=search,
        direction=search.direction or ("minimize" if known == "min" else "maximize"),
        seed=search.seed if search.seed is not None else experiment.seed,
        epochs=experiment.training.epochs,
        number=number,
        identity={
            "config": config_sha256(experiment),
            "data": assembled.data.data_sha256,
            "search": hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest(),
        },
        given=[fixed(settings, search) for settings in given],
    )


def _prepare(place: Path) -> str:
    """Make the directory, or find what it is known by.

    Raises:
        RunError: something else lies there.
    """
    if (place / MANIFEST).exists() or place.is_file():
        raise RunError(f"{place} is a run or a file, not the directory of a sweep; use another --run-dir")
    names = sorted(os.listdir(place)) if place.is_dir() else []
    if names and PLACE not in names:
        raise RunError(f"{place} is not empty and holds no sweep (it has {names[0]})")
    if not names:
        with storage(f"cannot make {place}"):
            make_directories(DISK, place)
        commit(DISK, place / PLACE, [(json.dumps({"key": secrets.token_hex(8)}) + "\n").encode()])
    try:
        return str(json.loads((place / PLACE).read_text())["key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{place / PLACE} cannot be read: {error}") from error


def _work(task: Work, jobs: int) -> None:
    """Have workers work; one that dies is replaced, and its trial is given back. Raises what ended one."""
    left = [_RESTARTS]

    def again(lost: Lost) -> bool:
        left[0] -= 1
        return left[0] >= 0

    errors: list[NnctlError] = []
    with ended_by_sigterm():
        for _, result in each_alone(work, [task] * jobs, jobs, again):
            if isinstance(result, Lost):
                errors.append(NnctlError(f"workers died {_RESTARTS} times; the last one: {result.words()}"))
            elif result.error is not None:
                errors.append(result.error)
    if errors:
        raise errors[0]


@contextmanager
def _told(board: Board, watch: Callable[[TrialTold], None]) -> Iterator[None]:
    """Tell of trials as they end, of those on other machines, too."""
    over = threading.Event()
    seen = {trial.number for trial in trials_of(board) if trial.ended}

    def look() -> None:
        for trial in trials_of(board):
            if trial.ended and trial.number not in seen:
                seen.add(trial.number)
                watch(trial)

    def keep_looking() -> None:
        while not over.wait(1.0):
            try:
                look()
            except NnctlError:
                continue  # The workers say so.

    thread = threading.Thread(target=keep_looking, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    look()

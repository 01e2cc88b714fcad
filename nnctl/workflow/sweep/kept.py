"""A study's results as a file beside its trials, and read again for a report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from nnctl.core.below import is_file, read_capped
from nnctl.core.errors import RunError
from nnctl.runs.find import RUNS
from nnctl.storage.disk import DISK, commit
from nnctl.workflow.sweep.results import Swept

RESULTS = "results.json"
_CAP = 64 << 20

Finite = Annotated[float, Field(allow_inf_nan=False)]


class KeptTrial(BaseModel):
    """A trial as `--json` tells it."""

    trial: Annotated[int, Field(ge=1)]
    outcome: str
    value: Finite | None
    settings: dict[str, Any]
    seconds: Finite | None
    epochs: int | None


class KeptSweep(BaseModel):
    """A study as `--json` tells it."""

    study: str
    objective: str
    direction: str
    trials: tuple[KeptTrial, ...]
    best: KeptTrial | None
    importance: dict[str, Finite]

    def best_so_far(self) -> Iterator[tuple[int, float]]:
        """After each completed trial, the best value until then."""
        better: Callable[[float, float], float] = min if self.direction == "minimize" else max
        found: float | None = None
        for trial in self.trials:
            if trial.outcome == "completed" and trial.value is not None:
                found = trial.value if found is None else better(found, trial.value)
                yield trial.trial, found


def keep(swept: Swept) -> None:
    """Write the results beside the trials. Raises StorageError."""
    commit(DISK, swept.place / RESULTS, [(json.dumps(swept.as_json(), indent=1) + "\n").encode()])


def kept_sweep(text: str) -> tuple[Path, KeptSweep] | None:
    """The sweep in a directory, or by its name under `runs/`; None where `text` is something else.

    Raises:
        RunError: its results cannot be read.
    """
    for place in (Path(text), RUNS / text):
        file = place / RESULTS
        if is_file(file, place):
            try:
                return place, KeptSweep.model_validate_json(read_capped(file, place, _CAP))
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"]))
                raise RunError(f"{file} is damaged: {where or 'all of it'}: {first['msg']}") from error
            except OSError as error:
                raise RunError(f"{file} cannot be read: {error.strerror}") from error
    return None


def best_run(place: Path, sweep: KeptSweep) -> str:
    """The run of the best trial.

    Raises:
        RunError: there is none, or it is on another machine.
    """
    if sweep.best is None:
        raise RunError(f"no trial of the sweep in {place} was completed")
    run = place / str(sweep.best.trial)
    if not run.is_dir():
        raise RunError(f"the best trial, {sweep.best.trial}, was trained elsewhere: {run} is not there")
    return str(run)

"""A run logged to an MLflow tracking server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PrivateAttr
from pydantic_core import PydanticCustomError

from nnctl.callbacks.base import CallbackSpec, register
from nnctl.callbacks.mlflow_run import TrackedRun, keys
from nnctl.core import below
from nnctl.core.errors import ConfigError, Problem
from nnctl.core.events import EpochEnded, Event, Request, RunClosed, RunStarted, Save, Tell

_NEEDED = "the callback MLflow needs the package mlflow: pip install 'nnctl[mlflow]'"
_SERVER = "MLFLOW_TRACKING_URI"
_EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"
_MODEL = "model.h5"
_REPORT = "report.html"

_ENDS = {"completed": "FINISHED", "failed": "FAILED"}
"""MLflow's words for how a run ended; any other end is that of a process that was stopped."""

_LONGEST_TAG = 5000


def _tags(given: dict[str, str]) -> dict[str, str]:
    for name, value in given.items():
        if keys([name])[name] != name or len(value) > _LONGEST_TAG:
            raise PydanticCustomError(
                "tag",
                "MLflow takes no tag '{name}' with this value",
                {
                    "name": name,
                    "expected": "a name of letters, digits, spaces, '_', '-' and '.'; a short text",
                },
            )
    return given


Name = Annotated[str, Field(min_length=1, max_length=250)]


@register
class MLflow(CallbackSpec):
    """Log the run to an MLflow tracking server: config, logs of each epoch, files, and how it ended.

    The environment's MLFLOW_TRACKING_URI names the server. A config cannot: it may be a stranger's, and
    MLflow sends the environment's credentials along. Each field of the resolved config is a param, each log
    a metric whose step is the epoch (from 0); at the end the files of the run directory (not its checkpoints)
    become artifacts, and the hashes become tags. A server that cannot be reached never stops the training:
    the first failure is told, and what the server missed is sent after a later epoch. A resumed run goes on
    in the same MLflow run. Needs `nnctl[mlflow]`, and `nnctl[report]` for the report.
    Source: mlflow.keras.MlflowCallback.
    """

    experiment_name: Name | None = None
    """The MLflow experiment; default: the environment's MLFLOW_EXPERIMENT_NAME, else the config's name."""
    run_name: Name | None = None
    """What MLflow calls the run; default: the run directory's last two names, such as `iris/1`."""
    tags: Annotated[dict[str, str], AfterValidator(_tags)] = {}
    """Tags of the MLflow run."""
    log_models: bool = True
    """Whether the final model, `model.h5`, is among the artifacts."""
    log_report: bool = True
    """Whether a completed run's report is, as `report.html`: the page that `nnctl report` writes."""

    _run: TrackedRun | None = PrivateAttr(None)
    _told: bool = PrivateAttr(False)

    def start(self) -> dict[str, Any]:
        return {"run_id": None}

    def fits(self, state: Any) -> bool:
        if not isinstance(state, dict) or list(state) != ["run_id"]:
            return False
        return state["run_id"] is None or (isinstance(state["run_id"], str) and state["run_id"].isalnum())

    def problems(self, log_names: Sequence[str]) -> list[Problem]:
        return [] if find_spec("mlflow") else [Problem(_NEEDED)]

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        # Where no run is kept, training is only repeated to compare it.
        if isinstance(event, RunStarted) and event.run_dir is not None:
            if not os.environ.get(_SERVER):
                yield Tell(f"MLflow: {_SERVER} is not set in the environment: nothing is logged")
                return
            self._run = self._tracked(event, state)
        elif isinstance(event, EpochEnded) and self._run is not None:
            self._run.add(event.epoch, event.logs)
        else:
            return
        failure = _failure(self._run.send)
        if failure is not None and not self._told:
            self._told = True
            yield Tell(
                f"MLflow: {failure}; training goes on, what is missing is sent later; this is said once"
            )
        if self._run.id != state["run_id"]:
            # From here on a run that is killed goes on in this MLflow run.
            state["run_id"] = self._run.id
            yield Save()

    def closed(self, event: RunClosed) -> Iterator[str]:
        if self._run is None:
            return
        run, self._run = self._run, None
        names = [name for name in below.names_in(event.run_dir, event.run_dir) if not name.startswith(".")]
        files = [event.run_dir / name for name in names if name != _MODEL or self.log_models]
        files = [file for file in files if below.is_file(file, event.run_dir)]
        tags = {f"nnctl.{name}": text for name, text in event.hashes.items()}
        if event.reason:
            tags["nnctl.reason"] = event.reason[:_LONGEST_TAG]
        status, texts = _ENDS.get(event.status, "KILLED"), {}
        if self.log_report and event.page is not None and event.status == "completed":
            try:
                texts[_REPORT] = event.page()
            except ConfigError as error:
                yield f"MLflow: no {_REPORT}: {error}"
        failure = _failure(lambda: run.end(status, tags, files, texts))
        if failure is not None:
            missing = f", {run.waiting} epochs are missing" if run.waiting else ""
            yield f"MLflow: {failure}; the run is not whole there{missing}"

    def _tracked(self, event: RunStarted, state: Mapping[str, Any]) -> TrackedRun:
        """The run at the server; nothing is sent yet."""
        if not find_spec("mlflow"):
            raise ConfigError(_NEEDED)
        assert event.run_dir is not None
        place = event.run_dir.absolute()
        return TrackedRun(
            os.environ[_SERVER],
            experiment=self.experiment_name or os.environ.get(_EXPERIMENT) or event.name,
            name=self.run_name or f"{place.parent.name}/{place.name}",
            tags=self.tags,
            config=event.resolved_config,
            id=state["run_id"],
        )


def _failure(send: Callable[[], None]) -> str | None:
    """Send something; why it could not be, without MLflow's words, which may hold a password."""
    try:
        send()
    except Exception as error:  # MLflow's own, and those of whatever it uses: none of them ends a training.
        code = getattr(error, "error_code", None)
        what = f"{type(error).__name__}, {code}" if isinstance(code, str) else type(error).__name__
        return f"the tracking server cannot be used ({what})"
    return None

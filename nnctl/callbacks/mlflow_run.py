"""A run at an MLflow tracking server: begun or gone on with, logged to, ended. What cannot be sent waits.

MLflow's limits on names and sizes: mlflow/utils/validation.py.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from nnctl.core.events import Logs
from nnctl.core.leaves import flatten

_LONGEST_KEY = 250
_LONGEST_VALUE = 1000
"""MLflow takes 6,000 characters; 100 values of these, each character escaped, stay below a request's 1 MB."""
_PARAMS, _METRICS = 100, 500
"""How many go into a request; of metrics MLflow takes 1,000, whose names may be as long."""
_NOT_IN_KEYS = re.compile(r"[^\w.\- ]")

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""How MLflow's client is to behave where the environment says nothing: by itself it tries for minutes."""


class TrackedRun:
    """A run at a tracking server. Every method that sends raises whatever MLflow's client raises.

    Args:
        uri: The server.
        experiment: The experiment's name, made where there is none of it.
        name: What the run is called there.
        config: What its params are made of.
        id: The run to go on with, of an earlier process.
    """

    def __init__(
        self,
        uri: str,
        *,
        experiment: str,
        name: str,
        tags: Mapping[str, str],
        config: Mapping[str, Any],
        id: str | None = None,
    ) -> None:
        self.id = id
        self._uri = uri
        self._experiment = experiment
        self._name = name
        self._tags = dict(tags)
        self._params = params(config)
        self._waiting: dict[int, dict[str, float]] = {}
        """Numbers by epoch that the server has not got."""
        self._known: frozenset[int] = frozenset()
        """Epochs that it has from an earlier process, to the same bits."""
        self._client: Any = None

    def add(self, epoch: int, logs: Logs) -> None:
        """The numbers of an epoch, to be sent with whatever waits."""
        self._waiting[epoch] = {name: float(value) for name, value in logs.items()}

    @property
    def waiting(self) -> int:
        """How many epochs wait to be sent."""
        return len(self._waiting)

    def send(self) -> None:
        """Send what waits; begin the run if that was not possible until now."""
        with redirect_stdout(sys.stderr):
            client = self._client or self._begin()
            rows = {epoch: logs for epoch, logs in self._waiting.items() if epoch not in self._known}
            for some in _parts(_metrics(rows), _METRICS):
                client.log_batch(self.id, metrics=some)
            self._waiting.clear()

    def end(
        self, status: str, tags: Mapping[str, str], files: Iterable[Path], texts: Mapping[str, str]
    ) -> None:
        """Send what waits, tags, files and texts, and say how the run ended.

        Args:
            status: In MLflow's words: FINISHED, FAILED or KILLED.
            texts: By the name of the file that holds each there.
        """
        self.send()
        with redirect_stdout(sys.stderr):
            for key, value in tags.items():
                self._client.set_tag(self.id, key, value)
            for file in files:
                self._client.log_artifact(self.id, str(file))
            for name, text in texts.items():
                self._client.log_text(self.id, text, name)
            self._client.set_terminated(self.id, status)

    def _begin(self) -> Any:
        """Make the run, or say of an earlier process's that it runs again; the client from then on."""
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient
        from mlflow.entities import Param

        client = MlflowClient(tracking_uri=self._uri)
        if self.id is None:
            made = client.create_run(
                _experiment(client, self._experiment), run_name=self._name, tags=self._tags
            )
            self.id = str(made.info.run_id)
        else:
            client.update_run(self.id, status="RUNNING")
            self._known = frozenset(point.step for point in client.get_metric_history(self.id, "loss"))
        if not self._known:
            for some in _parts([Param(*pair) for pair in self._params.items()], _PARAMS):
                client.log_batch(self.id, params=some)
        self._client = client
        return client


def _experiment(client: Any, name: str) -> str:
    """The id of the experiment of a name; another process may be making it, too."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


def params(config: Mapping[str, Any]) -> dict[str, str]:
    """A config as params: each leaf under its dotted path; what is too long is cut."""
    leaves = dict(flatten(config))
    return {key: _text(leaves[name]) for name, key in keys(leaves).items()}


def _text(value: Any) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def keys(names: Iterable[str]) -> dict[str, str]:
    """What MLflow can call each name: of characters that it takes, not too long, no two the same."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = _NOT_IN_KEYS.sub("_", name) or "_"
        plain = f"_{plain[1:]}" if plain.startswith(".") else plain
        key, count = plain[:_LONGEST_KEY], 1
        while key in taken:
            count += 1
            key = f"{plain[: _LONGEST_KEY - len(str(count)) - 1]}_{count}"
        taken.add(key)
        found[name] = key
    return found


def _metrics(rows: Mapping[int, Logs]) -> list[Any]:
    """MLflow's metrics of epochs, whose numbers are its steps."""
    from mlflow.entities import Metric

    now = time.time_ns() // 1_000_000
    return [
        Metric(key, logs[name], now, epoch)
        for epoch, logs in rows.items()
        for name, key in keys(logs).items()
    ]


def _parts(items: Sequence[Any], most: int) -> list[Sequence[Any]]:
    return [items[start : start + most] for start in range(0, len(items), most)]

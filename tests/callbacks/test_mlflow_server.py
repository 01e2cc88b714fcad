"""Runs logged to a real MLflow tracking server on this machine: `make test-mlflow`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.cli.command import CONFIGS, environment, process

pytestmark = pytest.mark.slow

SECONDS = 120
"""How long the server may take to start, and a run to show."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that keeps runs in SQLite and artifacts in a folder."""
    pytest.importorskip("mlflow.server")
    place = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{place}/runs.db", "--workers", "1"]
    command += ["--artifacts-destination", str(place / "artifacts")]
    told = (place / "server.log").open("w")
    # A group of its own: the server starts workers, which end with it.
    started = subprocess.Popen(
        command,
        cwd=place,
        stdout=told,
        stderr=told,
        start_new_session=True,
        env=quiet(MLFLOW_TRACKING_URI=""),
    )
    try:
        wait_until(lambda: reachable(address), lambda: (place / "server.log").read_text())
        yield address
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        told.close()


def quiet(**more: str) -> dict[str, str]:
    """The environment of nnctl and of the server: no telemetry leaves."""
    return environment(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", **more)


def reachable(address: str) -> bool:
    with suppress(OSError):
        return bool(urlopen(f"{address}/health", timeout=5).status == 200)
    return False


def wait_until(holds: Any, told: Any) -> None:
    last = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < last, told()
        time.sleep(0.2)


def train(server: str, cwd: Path, *more: str, wait: bool = True) -> Any:
    callbacks = 'training.callbacks=[{type: MLflow, tags: {from: "a test"}}]'
    words = ["train", CONFIGS / "iris.yaml", "--run-dir", "runs/iris/1", "--set", callbacks, *more]
    started = process(*words, cwd=cwd, env=quiet(MLFLOW_TRACKING_URI=server))
    if wait:
        out, err = started.communicate(timeout=SECONDS)
        assert "MLflow:" not in err, err
        return started.returncode, out
    return started


def client(server: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=server)


def runs(server: str) -> list[Any]:
    found = client(server)
    experiment = found.get_experiment_by_name("iris")
    return [] if experiment is None else list(found.search_runs([experiment.experiment_id]))


def test_a_run_is_there_whole(server: str, tmp_path: Path) -> None:
    """Params, metrics of each epoch, tags, artifacts to the byte; stdout holds the result alone."""
    before = {run.info.run_id for run in runs(server)}
    code, out = train(server, tmp_path, "--json", "--set", "training.epochs=5")
    assert code == 0
    weights = json.loads(out)["weights_sha256"]
    (run,) = [run for run in runs(server) if run.info.run_id not in before]
    assert (run.info.status, run.info.run_name) == ("FINISHED", "iris/1")
    assert run.data.params["training.epochs"] == "5"
    assert run.data.params["training.optimizer.type"] == "Adam"
    assert (run.data.tags["from"], run.data.tags["nnctl.weights_sha256"]) == ("a test", weights)
    rows = [json.loads(line) for line in (tmp_path / "runs/iris/1/metrics.jsonl").read_text().splitlines()]
    for name in set(rows[0]) - {"epoch", "step", "seconds"}:
        history = client(server).get_metric_history(run.info.run_id, name)
        assert [(p.step, p.value) for p in history] == [(row["epoch"], row[name]) for row in rows], name
    names = {found.path for found in client(server).list_artifacts(run.info.run_id)}
    assert names >= {"config.yaml", "resolved.yaml", "manifest.json", "metrics.jsonl", "model.h5"}
    page = Path(client(server).download_artifacts(run.info.run_id, "report.html", str(tmp_path))).read_text()
    assert page.startswith("<!doctype html>")
    assert weights in page
    for name in names - {"report.html"}:
        got = Path(client(server).download_artifacts(run.info.run_id, name, str(tmp_path)))
        assert got.read_bytes() == (tmp_path / "runs/iris/1" / name).read_bytes(), name


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_stopped_goes_on_there(server: str, tmp_path: Path, how: signal.Signals) -> None:
    """SIGTERM says KILLED, kill -9 says nothing; both go on in the same run, each epoch once."""
    before = {run.info.run_id for run in runs(server)}
    more = ("--set", "training.epochs=150")
    stopped = train(server, tmp_path, *more, wait=False)

    def ours() -> list[Any]:
        return [run for run in runs(server) if run.info.run_id not in before and run.data.metrics]

    wait_until(ours, lambda: stopped.stderr.read())
    stopped.send_signal(how)
    stopped.communicate(timeout=SECONDS)
    (run,) = ours()
    assert run.info.status == ("KILLED" if how == signal.SIGTERM else "RUNNING")
    assert train(server, tmp_path, *more, "--resume")[0] == 0
    (again,) = ours()
    assert (again.info.run_id, again.info.status) == (run.info.run_id, "FINISHED")
    history = client(server).get_metric_history(run.info.run_id, "loss")
    assert [point.step for point in history] == list(range(150))


def test_a_run_that_fails(server: str, tmp_path: Path) -> None:
    before = {run.info.run_id for run in runs(server)}
    code, _ = train(server, tmp_path, "--set", "training.optimizer.learning_rate=1e38")
    assert code == 5
    (run,) = [run for run in runs(server) if run.info.run_id not in before]
    assert run.info.status == "FAILED"
    assert "step" in run.data.tags["nnctl.reason"]

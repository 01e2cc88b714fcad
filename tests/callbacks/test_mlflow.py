"""The MLflow callback beside a client that only remembers; a real server is in `test_mlflow_server.py`."""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.callbacks.mlflow_run import keys, params
from nnctl.core.errors import ConfigError
from nnctl.core.events import EpochEnded, Request, RunClosed, RunStarted, Save, Tell
from nnctl.workflow.train import start
from tests.cli.command import nnctl

from .script import make


class MlflowException(Exception):
    error_code = "INTERNAL_ERROR"


class Server:
    """What a tracking server would hold."""

    def __init__(self) -> None:
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, SimpleNamespace] = {}
        self.down = False
        self.requests: list[int] = []
        """The sizes of the batches that came."""

    def reach(self) -> None:
        if self.down:
            raise MlflowException("http://me:secret@host refused")


class Client:
    """The part of `mlflow.MlflowClient` that is used."""

    server = Server()

    def __init__(self, tracking_uri: str) -> None:
        self.uri = tracking_uri

    def get_experiment_by_name(self, name: str) -> Any:
        self.server.reach()
        found = self.server.experiments.get(name)
        return found and SimpleNamespace(experiment_id=found)

    def create_experiment(self, name: str) -> str:
        return self.server.experiments.setdefault(name, f"e{len(self.server.experiments)}")

    def create_run(self, experiment_id: str, run_name: str, tags: dict[str, str]) -> Any:
        print("View run at http://...")
        made = SimpleNamespace(
            experiment=experiment_id, name=run_name, tags=dict(tags), status="RUNNING", files={}
        )
        made.params, made.metrics = {}, defaultdict(list)
        id = f"{len(self.server.runs):032x}"
        self.server.runs[id] = made
        return SimpleNamespace(info=SimpleNamespace(run_id=id))

    def update_run(self, run_id: str, status: str) -> None:
        self.server.reach()
        self.server.runs[run_id].status = status

    def get_metric_history(self, run_id: str, key: str) -> list[Any]:
        return [SimpleNamespace(step=step) for step, _ in self.server.runs[run_id].metrics[key]]

    def log_batch(self, run_id: str, metrics: Any = (), params: Any = ()) -> None:
        self.server.reach()
        self.server.requests.append(len(metrics) + len(params))
        run = self.server.runs[run_id]
        for metric in metrics:
            run.metrics[metric.key].append((metric.step, metric.value))
        for param in params:
            assert run.params.setdefault(param.key, param.value) == param.value, "a param never changes"

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        self.server.reach()
        self.server.runs[run_id].tags[key] = value

    def log_artifact(self, run_id: str, path: str) -> None:
        self.server.runs[run_id].files[Path(path).name] = Path(path).read_bytes()

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        self.server.runs[run_id].files[artifact_file] = text.encode()

    def set_terminated(self, run_id: str, status: str) -> None:
        self.server.reach()
        self.server.runs[run_id].status = status


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """MLflow as it is imported, and the server that its client reaches."""
    entities, exceptions, package = (
        ModuleType(n) for n in ("mlflow.entities", "mlflow.exceptions", "mlflow")
    )
    entities.Param = lambda key, value: SimpleNamespace(key=key, value=value)  # type: ignore[attr-defined]
    entities.Metric = lambda key, value, timestamp, step: SimpleNamespace(  # type: ignore[attr-defined]
        key=key, value=value, timestamp=timestamp, step=step
    )
    exceptions.MlflowException = MlflowException  # type: ignore[attr-defined]
    package.MlflowClient = Client  # type: ignore[attr-defined]
    for module in (package, entities, exceptions):
        module.__spec__ = SimpleNamespace(name=module.__name__)  # type: ignore[assignment]
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@host:5000")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    for name in ("DISABLE_TELEMETRY", "HTTP_REQUEST_TIMEOUT", "HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.setenv(f"MLFLOW_{name}", "1")
    monkeypatch.setattr(Client, "server", Server())
    return Client.server


def started(run_dir: Path | None, epoch: int = 0, **config: Any) -> RunStarted:
    return RunStarted("iris", run_dir, 5, 2, epoch, 2 * epoch, 9, {"seed": 7, **config})


def ended(epoch: int, **logs: float) -> EpochEnded:
    return EpochEnded(epoch, 2 * epoch + 2, {"loss": epoch + 0.5, **logs}, 0.1)


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnctl.callbacks.mlflow.find_spec", lambda name: None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host")
    callback = make("MLflow")
    (problem,) = callback.problems(["loss"])
    assert "pip install 'nnctl[mlflow]'" in problem.message
    with pytest.raises(ConfigError, match=r"pip install 'nnctl\[mlflow\]'"):
        list(callback.handle(started(tmp_path), callback.start()))


def test_a_run_from_its_start_to_its_end(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first request has a checkpoint made that knows the run; stdout stays the command's own."""
    run_dir = tmp_path / "iris" / "3"
    (run_dir / "checkpoints").mkdir(parents=True)
    for name in ("model.h5", "resolved.yaml", "metrics.jsonl", ".lock"):
        (run_dir / name).write_text(name)
    (run_dir / "link.txt").symlink_to("/etc/hostname")
    callback = make("MLflow", tags={"team": "a b"})
    assert callback.problems(["loss"]) == []
    state = callback.start()
    assert list(callback.handle(started(run_dir, data={"x": [1, 2]}), state)) == [Save()]
    (id,) = server.runs
    assert state == {"run_id": id}
    assert callback.fits(state)
    asked = [*callback.handle(ended(0, val_loss=math.nan), state), *callback.handle(ended(1), state)]
    assert asked == []
    run = server.runs[id]
    assert (run.name, run.status, server.experiments) == ("iris/3", "RUNNING", {"iris": run.experiment})
    assert run.params == {"seed": "7", "data.x": "[1, 2]"}
    assert run.metrics["loss"] == [(0, 0.5), (1, 1.5)]
    ((step, value),) = run.metrics["val_loss"]
    assert step == 0
    assert math.isnan(value)
    closed = RunClosed(run_dir, "completed", None, {"weights_sha256": "abc"})
    assert list(callback.closed(closed)) == []
    assert run.status == "FINISHED"
    assert run.tags == {"team": "a b", "nnctl.weights_sha256": "abc"}
    assert sorted(run.files) == ["metrics.jsonl", "model.h5", "resolved.yaml"], (
        "neither a lock nor what a link leads to"
    )
    run.status = "looked at"
    assert list(callback.closed(closed)) == []
    assert run.status == "looked at", "once"
    out = capsys.readouterr()
    assert out.out == ""
    assert "View run" in out.err


def reported(server: Server, run_dir: Path, status: str, page: Any, **fields: Any) -> list[str]:
    callback = make("MLflow", **fields)
    list(callback.handle(started(run_dir), callback.start()))
    return list(callback.closed(RunClosed(run_dir, status, page=page)))


@pytest.mark.parametrize(
    ("status", "log_report", "there"),
    [("completed", True, True), ("completed", False, False), ("interrupted", True, False)],
)
def test_a_completed_runs_report(
    server: Server, tmp_path: Path, status: str, log_report: bool, there: bool
) -> None:
    assert reported(server, tmp_path, status, lambda: "<p>é", log_report=log_report) == []
    (run,) = server.runs.values()
    assert run.files == ({"report.html": "<p>é".encode()} if there else {})


def test_a_report_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    def page() -> str:
        raise ConfigError("a report needs more")

    assert reported(server, tmp_path, "completed", page) == ["MLflow: no report.html: a report needs more"]
    (run,) = server.runs.values()
    assert (run.status, run.files) == ("FINISHED", {})


@pytest.mark.parametrize(
    ("status", "said"),
    [("completed", "FINISHED"), ("failed", "FAILED"), ("interrupted", "KILLED"), ("?", "KILLED")],
)
def test_how_it_ended(server: Server, tmp_path: Path, status: str, said: str) -> None:
    (tmp_path / "model.h5").write_text("")
    callback = make("MLflow", log_models=False, experiment_name="E", run_name="R")
    list(callback.handle(started(tmp_path), callback.start()))
    list(callback.closed(RunClosed(tmp_path, status, "why" if status == "failed" else None)))
    (run,) = server.runs.values()
    assert (run.status, run.name, list(server.experiments), run.files) == (said, "R", ["E"], {})
    assert run.tags == ({"nnctl.reason": "why"} if status == "failed" else {})


def test_the_environments_experiment(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "theirs")
    callback = make("MLflow")
    list(callback.handle(started(tmp_path), callback.start()))
    assert list(server.experiments) == ["theirs"]


def test_a_resumed_run_goes_on(server: Server, tmp_path: Path) -> None:
    """No epoch stands there twice, and a param that has changed stays what it was."""
    first = make("MLflow")
    state = first.start()
    list(first.handle(started(tmp_path), state))
    for epoch in range(3):
        list(first.handle(ended(epoch), state))
    list(first.closed(RunClosed(tmp_path, "interrupted", "signal 15")))
    second = make("MLflow")
    assert list(second.handle(started(tmp_path, 2, epochs=9), json.loads(json.dumps(state)))) == []
    ((id, run),) = server.runs.items()
    assert run.status == "RUNNING"
    for epoch in (2, 3):
        assert list(second.handle(ended(epoch), state)) == []
    assert run.metrics["loss"] == [(0, 0.5), (1, 1.5), (2, 2.5), (3, 3.5)]
    assert run.params == {"seed": "7"}
    assert state == {"run_id": id}


def test_a_server_that_is_away(server: Server, tmp_path: Path) -> None:
    """Told once, without the password; what it missed it gets later."""
    server.down = True
    callback = make("MLflow")
    state = callback.start()
    asked: list[Request] = [*callback.handle(started(tmp_path), state), *callback.handle(ended(0), state)]
    (told,) = asked
    assert isinstance(told, Tell)
    assert "the tracking server cannot be used (MlflowException, INTERNAL_ERROR)" in told.text
    assert "secret" not in told.text
    server.down = False
    assert list(callback.handle(ended(1), state)) == [Save()]
    (run,) = server.runs.values()
    assert run.metrics["loss"] == [(0, 0.5), (1, 1.5)]
    server.down = True
    assert list(callback.handle(ended(2), state)) == [], "told once"
    server.down = False
    assert list(callback.closed(RunClosed(tmp_path, "completed"))) == []
    assert run.metrics["loss"][-1] == (2, 2.5)


def test_a_server_that_is_away_at_the_end(server: Server, tmp_path: Path) -> None:
    callback = make("MLflow")
    state = callback.start()
    list(callback.handle(started(tmp_path), state))
    server.down = True
    assert len(list(callback.handle(ended(0), state))) == 1
    (said,) = callback.closed(RunClosed(tmp_path, "completed"))
    assert said.startswith("MLflow: the tracking server cannot be used (")
    assert said.endswith("the run is not whole there, 1 epochs are missing")


def test_an_experiment_that_another_process_makes(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(self: Client, name: str) -> str:
        self.server.experiments[name] = "theirs"
        raise MlflowException("RESOURCE_ALREADY_EXISTS")

    monkeypatch.setattr(Client, "create_experiment", taken)
    callback = make("MLflow")
    assert list(callback.handle(started(tmp_path), callback.start())) == [Save()]
    (run,) = server.runs.values()
    assert run.experiment == "theirs"


def test_nothing_is_logged(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no run is kept; and where no server is named, which is told."""
    callback = make("MLflow")
    assert list(callback.handle(started(None), callback.start())) == []
    assert list(callback.handle(ended(0), {"run_id": None})) == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    (told,) = callback.handle(started(tmp_path), callback.start())
    assert told == Tell("MLflow: MLFLOW_TRACKING_URI is not set in the environment: nothing is logged")
    assert list(callback.closed(RunClosed(tmp_path, "completed"))) == []
    assert server.runs == {}


def test_many_params_and_metrics_go_in_parts(server: Server, tmp_path: Path) -> None:
    callback = make("MLflow")
    state = callback.start()
    list(callback.handle(started(tmp_path, **{f"k{i}": i for i in range(250)}), state))
    list(callback.handle(ended(0, **{f"m{i}": i for i in range(1000)}), state))
    assert server.requests == [100, 100, 51, 500, 500, 1]
    (run,) = server.runs.values()
    assert (len(run.params), len(run.metrics)) == (251, 1001)


def test_params_are_what_mlflow_takes() -> None:
    """By path; no two the same, none too long, no character that it refuses."""
    long = "x" * 300
    config = {"a": {"b": None, "c": ""}, "layers": [{"name": "d", "units": 3}, {"units": 4}], "t": "as it is"}
    assert params(config) == {
        "a.b": "null",
        "a.c": '""',
        "layers.d.name": "d",
        "layers.d.units": "3",
        "layers.1.units": "4",
        "t": "as it is",
    }
    assert params({"v": long * 4}) == {"v": (long * 4)[:997] + "..."}
    assert params({"v": "x" * 1000}) == {"v": "x" * 1000}
    names = ["a/b", "a:b", "a b", "..", "", long, f"{long}y", "größe"]
    found = keys(names)
    assert list(found.values()) == ["a_b", "a_b_2", "a b", "_.", "_", "x" * 250, "x" * 248 + "_2", "größe"]


@pytest.mark.parametrize("tags", [{"a/b": "c"}, {"": "c"}, {"a": "c" * 5001}, {"x" * 251: "c"}])
def test_tags_that_mlflow_refuses(tags: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="MLflow takes no tag"):
        make("MLflow", tags=tags)


@pytest.mark.parametrize(
    ("state", "fits"),
    [
        ({"run_id": None}, True),
        ({"run_id": "0a"}, True),
        ({"run_id": "../x"}, False),
        ({"run_id": 3}, False),
        ({}, False),
    ],
)
def test_states(state: Any, fits: bool) -> None:
    assert make("MLflow").fits(state) is fits


CONFIG = """
nnctl: 1
data: {source: {type: npz, path: d.npz}, inputs: x, target: y, batch_size: 4, split: {validation: 4}}
model: {layers: [{type: Dense, units: 3, activation: softmax, name: o}]}
training:
  epochs: 2
  optimizer: {type: sgd, learning_rate: RATE}
  loss: sparse_categorical_crossentropy
  callbacks: [MLflow]
"""


def write(place: Path, rate: str = "0.1") -> Path:
    np.savez(place / "d.npz", x=np.linspace(0, 1, 64).reshape(16, 4), y=np.arange(16) % 3)
    (place / "c.yaml").write_text(CONFIG.replace("RATE", rate))
    return place / "c.yaml"


def test_a_training_is_logged_whole(server: Server, tmp_path: Path) -> None:
    """Its files as they are when all is written: the manifest says that the run is completed."""
    config = write(tmp_path)
    list(start(config, run_dir=tmp_path / "run", threads=1).events())
    ((id, run),) = server.runs.items()
    manifest = json.loads(run.files["manifest.json"])
    assert (run.status, manifest["status"]) == ("FINISHED", "completed")
    assert run.tags["nnctl.weights_sha256"] == manifest["weights_sha256"]
    assert run.files["model.h5"] == (tmp_path / "run" / "model.h5").read_bytes()
    assert run.files["metrics.jsonl"].count(b"\n") == 2
    assert run.params["model.layers.o.units"] == "3"
    assert [step for step, _ in run.metrics["val_loss"]] == [0, 1]
    list(
        start(
            config, run_dir=tmp_path / "run", threads=1, resume=True, overrides=["training.epochs=3"]
        ).events()
    )
    assert list(server.runs) == [id]
    assert [step for step, _ in run.metrics["loss"]] == [0, 1, 2]
    assert run.status == "FINISHED"


def test_a_training_that_fails_says_so(server: Server, tmp_path: Path) -> None:
    done = nnctl("train", write(tmp_path, "1e38"), "--run-dir", tmp_path / "run", "--threads", "1")
    assert done.code == 5, done.err
    (run,) = server.runs.values()
    assert run.status == "FAILED"
    assert "at step" in run.tags["nnctl.reason"]
    assert "nnctl.weights_sha256" not in run.tags
    server.down = True
    done = nnctl("train", tmp_path / "c.yaml", "--run-dir", tmp_path / "other", "--set", "training.epochs=1")
    assert done.err.count("the tracking server cannot be used") == 2, "once while it trains, once at its end"
    assert "model.h5" not in run.files


def test_a_training_that_is_left_says_so(server: Server, tmp_path: Path) -> None:
    """Whoever drives it goes away: no event tells of that end."""
    events = start(write(tmp_path), run_dir=tmp_path / "run", threads=1).events()
    for event in events:
        if isinstance(event, EpochEnded):
            break
    events.close()  # type: ignore[attr-defined]
    (run,) = server.runs.values()
    assert run.status == "KILLED"
    assert json.loads(run.files["manifest.json"])["status"] == "interrupted"

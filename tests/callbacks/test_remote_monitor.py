"""RemoteMonitor posts to a server on this machine; what goes wrong is told once and stops nothing."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from nnctl.core.events import EpochEnded, Request, RunStarted, Tell

from .script import make


class Server(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.got: list[tuple[str, dict[str, str], str]] = []
        self.status = 200

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", f"{self.server.root}/elsewhere")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def send(run_dir: Path | None, rows: int = 1, **fields: Any) -> list[Request]:
    """What a run of some epochs asks for."""
    callback = make("RemoteMonitor", **fields)
    state = callback.start()
    asked = list(callback.handle(RunStarted("r", run_dir, 2, 2, 0, 0, 9), state))
    for epoch in range(rows):
        asked += callback.handle(EpochEnded(epoch, 2, {"loss": 0.5, "val_loss": math.inf}, 0.1), state)
    assert state == {}
    return asked


def test_a_form_or_json(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNCTL_TOKEN", "s3cret")
    headers = {"Authorization": "Bearer ${NNCTL_TOKEN}", "X-Plain": "$5"}
    assert send(tmp_path, rows=2, root=server.root) == []
    assert send(tmp_path, root=server.root, path="/own?x=1", send_as_json=True, headers=headers) == []
    assert send(tmp_path, root=server.root, field="row") == []
    form, second, own, named = server.got
    row = {"epoch": 0, "loss": 0.5, "val_loss": None}
    assert form[0] == "/publish/epoch/end/"
    assert form[1]["Content-Type"] == "application/x-www-form-urlencoded"
    assert json.loads(parse_qs(form[2])["data"][0]) == row
    assert json.loads(parse_qs(second[2])["data"][0]) == row | {"epoch": 1}
    assert json.loads(parse_qs(named[2])["row"][0]) == row
    assert (own[0], json.loads(own[2])) == ("/own?x=1", row)
    assert own[1]["Content-Type"] == "application/json"
    assert (own[1]["Authorization"], own[1]["X-Plain"]) == ("Bearer s3cret", "$5")
    assert "s3cret" not in json.dumps(make("RemoteMonitor", headers=headers).config())


@pytest.mark.parametrize(("status", "words"), [(500, "answered 500"), (302, "answered 302")])
def test_what_a_server_refuses(server: Server, tmp_path: Path, status: int, words: str) -> None:
    """Every epoch is tried, the first failure told; nothing is sent on to another address."""
    server.status = status
    (told,) = send(tmp_path, rows=3, root=server.root)
    assert isinstance(told, Tell)
    assert words in told.text
    assert [path for path, _, _ in server.got] == ["/publish/epoch/end/"] * 3


def test_what_cannot_be_sent(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNCTL_TOKEN", raising=False)
    fields = {"root": server.root, "headers": {"X-Key": "${NNCTL_TOKEN}"}}
    (told,) = send(tmp_path, rows=2, **fields)
    assert "'X-Key' reads the environment's NNCTL_TOKEN, which is not set" in told.text  # type: ignore[attr-defined]
    monkeypatch.setenv("NNCTL_TOKEN", "s3\ncret")
    (told,) = send(tmp_path, **fields)
    assert "characters that HTTP does not allow" in told.text  # type: ignore[attr-defined]
    assert "cret" not in told.text  # type: ignore[attr-defined]
    assert send(None, root=server.root) == []
    assert server.got == [], "nor where a run is only repeated"


def test_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that refuses nor one that keeps silent stops the training."""
    with HTTPServer(("127.0.0.1", 0), Answers) as silent:  # connects, and is never served
        root = f"http://127.0.0.1:{silent.server_port}"
        monkeypatch.setattr("nnctl.callbacks.remote_monitor._SECONDS", 0.05)
        (slow,) = send(tmp_path, root=root)
    (gone,) = send(tmp_path, rows=2, root=root)
    assert (
        slow
        == gone
        == Tell(
            f"RemoteMonitor: could not reach the server at {root}; training goes on, and this is said once"
        )
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"root": "file:///etc"}, "no server's address"),
        ({"root": "localhost:9000"}, "no server's address"),
        ({"root": "http://"}, "no server's address"),
        ({"root": "http://h:x"}, "no server's address"),
        ({"root": "http://me:secret@host"}, "would be written down with the config"),
        ({"path": "/a b"}, "no path of an address"),
        ({"headers": {"a:b": "c"}}, "no header that HTTP allows"),
        ({"headers": {"a": "c\r\nd: e"}}, "no header that HTTP allows"),
        ({"headers": {"a": "${HOME}"}}, "only variables meant for nnctl, not 'HOME'"),
    ],
)
def test_wrong_fields(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        make("RemoteMonitor", **fields)

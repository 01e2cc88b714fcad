"""The rows of a query of a database: SQLite, PostgreSQL, MySQL."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ConfigError, DataError, Problem
from nnctl.data.base import Hint, Source, Verbatim, no_hint, register
from nnctl.data.paths import Content, DataPath, find
from nnctl.data.reading import statement
from nnctl.data.reading.blocks import BLOCK_ROWS
from nnctl.data.reading.cells_of_rows import column_of, kind_of, written
from nnctl.data.reading.extra import extra
from nnctl.data.reading.several import behind_another
from nnctl.data.table import Column, Origin, Pick, Table

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg", "mysql": "mysql+pymysql"}
_DRIVERS["mariadb"] = "mariadb+pymysql"
_KNOWN = ("sqlite", "postgresql", "mysql", "mariadb")


def _query(query: str) -> str:
    fault = statement.fault(query)
    if fault is not None:
        raise PydanticCustomError("query", "{fault}", {"fault": fault})
    return query


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        message = "names an environment variable, which holds the address and its password"
        raise PydanticCustomError("variable", message)
    return name


@register
class SQL(Source):
    """The rows of a query, in the order that it asks for; a database is only read.

    `path` names a SQLite file, `connection` an environment variable with the address of a database
    (`postgresql://user:password@host/name`, `mysql://...`): a config holds no passwords, and neither does
    what is made of it. Needs `nnctl[sql]`.
    """

    query: Annotated[str, AfterValidator(_query)]
    """A SELECT with an ORDER BY, by something that no two rows share: the split follows from the order."""
    path: DataPath | None = None
    """A SQLite file."""
    connection: Annotated[str, AfterValidator(_variable)] | None = None
    """The environment variable that holds the address, as SQLAlchemy writes it."""

    @classmethod
    def reads(cls, path: Path) -> bool:
        return path.suffix.lower() in (".sqlite", ".sqlite3", ".db")

    @model_validator(mode="after")
    def _agree(self) -> SQL:
        if (self.path is None) == (self.connection is None):
            raise PydanticCustomError("database", "needs either 'path', a SQLite file, or 'connection'")
        return self

    @property
    def label(self) -> str:
        return self.path or f"${self.connection}"

    def files(self) -> dict[str, str]:
        return {} if self.path is None else {"path": self.path}

    def size(self, base: Path) -> int | None:
        return None

    def digests(self, base: Path) -> dict[str, Content]:
        digest = _Digest()
        for names, rows in self._rows(base):
            digest.add(names, rows)
        return self._content(digest)

    def read(self, base: Path, hint: Hint = no_hint, rows: int | None = None) -> Table:
        tables: list[Table] = []
        digest, count = _Digest(), 0
        for names, found in self._rows(base, rows):
            digest.add(names, found)
            tables.append(self._table(names, found, 1 + count))
            count += len(found)
        table = tables[0] if len(tables) == 1 else behind_another([t for t in tables if t.longest])
        whole = rows is None or count < rows
        found_all = {"total": count, "content": self._content(digest)} if whole else {"total": None}
        return replace(table, origin=Origin(self.label), **found_all)

    def blocks(self, base: Path, hint: Hint, pick: Pick, texts: Verbatim) -> Iterator[Table]:
        first = 1
        for names, rows in self._rows(base):
            table = self._table(names, rows, first)
            first += len(rows)
            yield table.only(pick(table.names, table.origin))

    def _table(self, names: Sequence[str], rows: Sequence[Sequence[Any]], first: int) -> Table:
        columns: dict[str, Column] = {}
        unread: dict[str, DataError] = {}
        kinds = {}
        origin = Origin(self.label, first)
        for name, cells in zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True):
            try:
                columns[name] = column_of(cells, name, origin)
            except DataError as error:
                unread[name] = error
            if (kind := kind_of(cells)) is not None:
                kinds[name] = kind
        options = {"type": "sql", "query": self.query}
        return Table(columns, origin, len(rows), options, unread=unread, kinds=kinds)

    def _content(self, digest: _Digest) -> dict[str, Content]:
        return {"query": Content(self.label, digest.hash.hexdigest(), digest.bytes)}

    def _rows(self, base: Path, most: int | None = None) -> Iterator[tuple[list[str], list[Sequence[Any]]]]:
        """The names of the columns and the rows, some at a time; once at least."""
        alchemy = extra("sqlalchemy", "sqlalchemy", "sql", "sql")
        with self._engine(base) as engine:
            options = {"stream_results": True, "max_row_buffer": BLOCK_ROWS}
            if engine.dialect.name == "postgresql":
                options["postgresql_readonly"] = True
            with engine.connect().execution_options(**options) as connection:
                if engine.dialect.name in ("mysql", "mariadb"):
                    connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
                    connection.rollback()
                result = connection.execute(alchemy.text(self.query.replace(":", "\\:")))
                names = list(result.keys())
                twice = next((name for name in names if names.count(name) > 1), None)
                if twice is not None:
                    raise DataError("two columns have the same name", file=self.label, column=twice)
                left, any_rows = most, False
                while left is None or left > 0:
                    rows = result.fetchmany(BLOCK_ROWS if left is None else min(left, BLOCK_ROWS))
                    if not rows:
                        break
                    any_rows = True
                    left = None if left is None else left - len(rows)
                    yield names, list(rows)
                if not any_rows:
                    raise DataError("the query finds no rows", file=self.label)

    @contextmanager
    def _engine(self, base: Path) -> Iterator[Engine]:
        """A connection's engine; what goes wrong is a DataError without a word of who connects."""
        from sqlalchemy import create_engine, event
        from sqlalchemy.exc import SQLAlchemyError

        url: URL | None = None
        if self.path is not None:
            full = quote(str(find(base, self.path).absolute()))
            how = f"file:{full}?mode=ro"
            engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(how, uri=True))
        else:
            url = self._address()
            try:
                engine = create_engine(url, hide_parameters=True)
            except (SQLAlchemyError, ImportError) as error:
                raise DataError(f"cannot be connected to ({_told(error, url)})", file=self.label) from None
            if url.get_backend_name() == "sqlite":
                event.listen(engine, "connect", lambda held, _: held.execute("PRAGMA query_only = ON"))
        try:
            yield engine
        except SQLAlchemyError as error:
            raise DataError(f"the query fails ({_told(error, url)})", file=self.label) from None
        finally:
            engine.dispose()

    def _address(self) -> URL:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        assert self.connection is not None
        given = os.environ.get(self.connection)
        if not given:
            message = f"the environment has no {self.connection}, which holds the address of the database"
            hint = f"{self.connection}=postgresql://user:password@host/name"
            raise ConfigError(Problem(message, ("data",), hint))
        try:
            url = make_url(given)
        except (ArgumentError, ValueError):
            raise DataError("holds no address as SQLAlchemy writes it", file=self.label) from None
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        if url.get_backend_name() not in _KNOWN:
            known = ", ".join(_KNOWN)
            raise DataError(f"is the address of another database than those known: {known}", file=self.label)
        return url


class _Digest:
    """A hash of rows, in their order: the names of columns, and each cell with its type."""

    def __init__(self) -> None:
        self.hash, self.bytes = hashlib.sha256(), 0
        self.named = False

    def add(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Some more rows."""
        if not self.named:
            self.hash.update(repr(list(names)).encode())
            self.named = True
        for row in rows:
            cells = [None if cell is None else (type(cell).__name__, _plain(cell)) for cell in row]
            line = repr(cells).encode("utf-8", "surrogatepass")
            self.hash.update(line)
            self.bytes += len(line)


def _plain(cell: Any) -> Any:
    return cell if isinstance(cell, bool | int | float | str | bytes) else written(cell)


def _told(error: Exception, url: URL | None) -> str:
    """The first line of what a database says, who connects and where left out."""
    said = str(getattr(error, "orig", None) or error)
    if url is not None:
        for secret in (url.password, url.username, url.host, url.render_as_string(hide_password=False)):
            if secret:
                said = said.replace(str(secret), "***")
    return (said.strip().splitlines() or [type(error).__name__])[0][:300]

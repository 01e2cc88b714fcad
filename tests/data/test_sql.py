"""Queries as tables: SQLite and a real PostgreSQL; an order is demanded, no password is ever told."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.errors import ConfigError, DataError
from nnctl.data.base import no_hint
from nnctl.data.open import open_data
from nnctl.data.reading.statement import outermost
from nnctl.data.sources import sql
from nnctl.data.sources.sql import SQL
from nnctl.data.spec import DataSpec
from nnctl.data.splitting.trained_on import data_files
from nnctl.data.table import Table, Words
from tests.data.examples import examples
from tests.databases import Postgres

pytest.importorskip("sqlalchemy")


def database(path: Path) -> None:
    with sqlite3.connect(path) as held:
        held.execute("CREATE TABLE t (id INTEGER, x REAL, word TEXT, blob BLOB, gap INTEGER)")
        rows = [(2, 0.5, "b", b"1", None), (1, 1.5, "a", b"2", 4), (3, 2.5, None, b"3", 9007199254740993)]
        held.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)
    held.close()


def cells(table: Table, name: str) -> list[Any]:
    column = table.columns[name]
    if isinstance(column, Words):
        return [column.vocabulary[code] if code >= 0 else None for code in column.codes]
    found: list[Any] = column.values.tolist()  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("size", [1, 2, 16384])
def test_rows_of_sqlite(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "BLOCK_ROWS", size)
    database(tmp_path / "a.db")
    source = SQL(path="a.db", query="SELECT * FROM t WHERE word != ':x%' OR word IS NULL ORDER BY id")
    table = source.read(tmp_path)
    assert {n: cells(table, n) for n in ("id", "x", "word")} == {
        "id": [1, 2, 3],
        "x": [1.5, 0.5, 2.5],
        "word": ["a", "b", None],
    }
    np.testing.assert_array_equal(cells(table, "gap"), [4, np.nan, 9007199254740992])
    assert table.columns["gap"].names is not None or size == 1  # type: ignore[union-attr]
    assert (
        str(table.unread["blob"]) == "a.db:1, column 'blob': holds bytes; numbers, texts and times are read"
    )
    assert table.total == 3
    assert source.read(tmp_path, no_hint, 2).total is None
    assert cells(source.read(tmp_path, no_hint, 2), "id") == [1, 2]
    assert str(table.origin.error("bad", 2, "x")) == "a.db:3, column 'x': bad"
    blocks = list(source.blocks(tmp_path, no_hint, lambda names, _: ["x"], lambda _: False))
    assert [value for block in blocks for value in cells(block, "x")] == [1.5, 0.5, 2.5]
    assert source.digests(tmp_path) == table.content


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT x FROM t", "needs an ORDER BY"),
        ("SELECT x FROM (SELECT x FROM t ORDER BY x)", "needs an ORDER BY"),
        ("SELECT 'ORDER BY' FROM t -- ORDER BY x", "needs an ORDER BY"),
        ("SELECT x FROM t /* ORDER BY x */", "needs an ORDER BY"),
        ("DELETE FROM t ORDER BY x", "expected a SELECT"),
        ("SELECT 1 ORDER BY 1; DROP TABLE t", "expected a single statement"),
    ],
)
def test_queries_that_are_none(query: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SQL(path="a.db", query=query)


def test_queries_that_are() -> None:
    for query in ("select x from t\norder  by x;", "WITH a AS (SELECT 1) SELECT ';' FROM a ORDER BY (1)"):
        assert SQL(path="a.db", query=query).query == query
    assert outermost("a ('(' b) \"c--\" d").split() == ["a", "?", "d"]


def test_a_database_is_only_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database(tmp_path / "a.db")
    before = (tmp_path / "a.db").read_bytes()
    SQL(path="a.db", query="SELECT x FROM t ORDER BY x").read(tmp_path)
    assert (tmp_path / "a.db").read_bytes() == before
    for query, said in (
        ("SELECT nope FROM t ORDER BY 1", r"a.db: the query fails \(no such column: nope\)"),
        ("SELECT x FROM t WHERE x > 99 ORDER BY x", "a.db: the query finds no rows"),
        ("SELECT x, x FROM t ORDER BY x", "a.db, column 'x': two columns have the same name"),
    ):
        with pytest.raises(DataError, match=said):
            SQL(path="a.db", query=query).read(tmp_path)
    (tmp_path / "no.db").write_text("no database " * 99)
    with pytest.raises(DataError, match=r"no.db: the query fails \(file is not a database\)"):
        SQL(path="no.db", query="SELECT 1 ORDER BY 1 ").read(tmp_path) and SQL(
            path="no.db", query="SELECT x FROM t ORDER BY x"
        ).read(tmp_path)
    with pytest.raises(DataError, match=r"gone.db: no such file"):
        SQL(path="gone.db", query="SELECT 1 ORDER BY 1").read(tmp_path)


def test_what_names_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    query = "SELECT 1 AS x ORDER BY 1"
    with pytest.raises(ValidationError, match="needs either 'path'"):
        SQL(query=query)
    with pytest.raises(ValidationError, match="names an environment variable, which holds"):
        SQL(query=query, connection="postgresql://u:secret@h/d")
    monkeypatch.delenv("A_DATABASE", raising=False)
    with pytest.raises(ConfigError, match="the environment has no A_DATABASE"):
        SQL(query=query, connection="A_DATABASE").read(tmp_path)
    for address, said in (
        ("secret@@:nonsense", "holds no address as SQLAlchemy writes it"),
        ("oracle://u:secret@h/d", "is the address of another database than those known: sqlite"),
        ("postgresql://me:secret@127.0.0.1:9/d", "the query fails"),
        ("mysql://me:secret@127.0.0.1:9/d", "the query fails"),
    ):
        monkeypatch.setenv("A_DATABASE", address)
        with pytest.raises(DataError, match=said) as caught:
            SQL(query=query, connection="A_DATABASE").read(tmp_path)
        assert caught.value.file == "$A_DATABASE"
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None
    monkeypatch.setenv("A_DATABASE", f"sqlite:///{tmp_path / 'new.db'}")
    assert cells(SQL(query=query, connection="A_DATABASE").read(tmp_path), "x") == [1]


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sqlalchemy", None)
    with pytest.raises(ConfigError, match="the data source sql needs the package sqlalchemy") as caught:
        SQL(path="a.db", query="SELECT 1 ORDER BY 1").read(tmp_path)
    assert caught.value.problems[0].expected == "pip install 'nnctl[sql]'"


@pytest.fixture
def house(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> str:
    name = postgres.new_database()
    postgres.run(
        "CREATE TABLE house (id int PRIMARY KEY, area numeric(8, 2), kind text, sold timestamp, pool bool, "
        "price real)",
        name,
    )
    postgres.run(
        "INSERT INTO house SELECT i, i * 1.5, CASE WHEN i % 3 = 0 THEN 'flat' ELSE 'villa' END, "
        "timestamp '2024-01-01' + i * interval '1 day', i % 2 = 0, i * 2 FROM generate_series(1, 41) AS s(i)",
        name,
    )
    monkeypatch.setenv("HOUSES", postgres.url(name).replace("postgresql+psycopg", "postgresql"))
    return name


def test_rows_of_postgresql(house: str, postgres: Postgres, tmp_path: Path) -> None:
    source = SQL(
        connection="HOUSES", query="SELECT * FROM house WHERE kind LIKE 'f%' AND id::int < 10 ORDER BY id"
    )
    table = source.read(tmp_path)
    assert {name: cells(table, name) for name in table.columns} == {
        "id": [3, 6, 9],
        "area": [4.5, 9, 13.5],
        "kind": ["flat"] * 3,
        "sold": ["2024-01-04 00:00:00", "2024-01-07 00:00:00", "2024-01-10 00:00:00"],
        "pool": [False, True, False],
        "price": [6, 12, 18],
    }
    assert table.kinds == {"sold": "time"}
    removing = "WITH gone AS (DELETE FROM house RETURNING id) SELECT id FROM gone ORDER BY id"
    with pytest.raises(DataError, match=r"\$HOUSES: the query fails \(DECLARE CURSOR must not"):
        SQL(connection="HOUSES", query=removing).read(tmp_path)
    with pytest.raises(DataError, match="the query fails") as caught:
        SQL(connection="HOUSES", query="SELECT nothing FROM house ORDER BY 1").read(tmp_path)
    assert postgres.password not in str(caught.value)


def test_training_data_of_postgresql(house: str, postgres: Postgres, tmp_path: Path) -> None:
    config = {
        "source": {"type": "sql", "connection": "HOUSES", "query": "SELECT * FROM house ORDER BY id"},
        "inputs": ["area", "pool"],
        "target": "price",
        "split": {"test": 0.25},
        "shuffle": False,
    }
    spec = DataSpec.model_validate(config)
    data = open_data(spec, tmp_path, 3)
    found = examples(data.train)
    np.testing.assert_allclose(found["input"][:, 0] * 4 / 3, found["price"])
    ((name, file),) = data.files.items()
    assert (name, file.path, file.rows) == ("source.query", "$HOUSES", 41)
    assert data_files(spec, tmp_path, {})[name].sha256 == file.sha256
    said = json.dumps([data.preprocessing.model_dump(mode="json"), spec.config()], default=str)
    assert postgres.password not in said
    postgres.run("UPDATE house SET price = 7 WHERE id = 40", house)
    assert data_files(spec, tmp_path, {})[name].sha256 != file.sha256


def test_a_server_that_is_gone(house: str, postgres: Postgres, tmp_path: Path) -> None:
    postgres.stop()
    try:
        with pytest.raises(DataError, match=r"\$HOUSES: the query fails \(.*[Cc]onnection") as caught:
            SQL(connection="HOUSES", query="SELECT id FROM house ORDER BY id").read(tmp_path)
        assert postgres.user not in str(caught.value)
    finally:
        postgres.start()

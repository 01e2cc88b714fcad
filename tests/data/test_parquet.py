"""Parquet: each type of a column, folders of partitions, projection, and what errors say."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, DataError
from nnctl.data.base import no_hint
from nnctl.data.head import head
from nnctl.data.open import open_data
from nnctl.data.sources.parquet import Parquet
from nnctl.data.spec import DataSpec
from nnctl.data.table import Table
from tests.data.examples import cells, examples

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def write(path: Path, columns: dict[str, Any], **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)


def read(folder: Path, path: Any = "a.parquet", **fields: Any) -> Table:
    return Parquet(path=path, **fields).read(folder)


def test_every_type(tmp_path: Path) -> None:
    columns = {
        "i": pa.array([3, 1, 2], "int16"),
        "gap": pa.array([3, None, 2], "int32"),
        "id": pa.array([9007199254740993, None, 1], "int64"),
        "f": pa.array([0.5, None, 2], "float32"),
        "b": pa.array([True, False, True]),
        "maybe": pa.array([True, None, False]),
        "s": pa.array(["one", None, "two"]),
        "d": pa.array(["x", None, "y"]).dictionary_encode(),
        "t": pa.array([datetime(2024, 5, 6, 7, 8, 9), None, datetime(2025, 1, 2)], "timestamp[ms]"),
        "z": pa.array([datetime(2024, 5, 6, 7), None, None], pa.timestamp("us", "Europe/Berlin")),
        "day": pa.array([date(2024, 5, 6), date(2023, 1, 1), None]),
        "l": pa.array([[1, 2], [], [3]], pa.list_(pa.int32())),
        "fix": pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.float32(), 2)),
        "e": pa.array([Decimal("1.25"), Decimal(2), Decimal(5)]),
    }
    write(tmp_path / "a.parquet", columns)
    table = read(tmp_path)
    expected = {
        "i": [3, 1, 2],
        "b": [True, False, True],
        "s": ["one", None, "two"],
        "d": ["x", None, "y"],
        "day": ["2024-05-06", "2023-01-01", None],
        "l": [[1, 2], [0, 0], [3, 0]],
        "fix": [[1, 2], [3, 4], [5, 6]],
        "e": [1.25, 2, 5],
    }
    assert {name: cells(table, name) for name in expected} == expected
    for name, values in {"gap": [3, np.nan, 2], "f": [0.5, np.nan, 2], "maybe": [1, np.nan, 0]}.items():
        np.testing.assert_array_equal(cells(table, name), values)
    assert [cells(table, name)[0][:16] for name in ("t", "z")] == ["2024-05-06 07:08", "2024-05-06 09:00"]
    assert table.columns["id"].names.vocabulary == ("9007199254740993", "1")  # type: ignore[union-attr]
    assert table.columns["i"].dtype == np.int16  # type: ignore[union-attr]
    assert table.kinds == {"d": "category", "l": "sequence"} | dict.fromkeys(("t", "z", "day"), "time")
    for size in (1, 2):
        blocks = Parquet(path="a.parquet").blocks(tmp_path, no_hint, lambda names, _: names, lambda _: False)
        assert [row for block in blocks for row in cells(block, "s")] == ["one", None, "two"], size


def test_what_is_no_column_matters_only_where_it_is_wanted(tmp_path: Path) -> None:
    columns = {
        "x": [1, 2],
        "s": [{"a": 1}, {"a": 2}],
        "w": [["a"], ["b"]],
        "l": pa.array([[1], None], pa.list_(pa.int8())),
    }
    write(tmp_path / "a.parquet", columns)
    table = read(tmp_path)
    said = {name: str(error) for name, error in table.unread.items()}
    assert said["s"].startswith("a.parquet, column 's': holds struct<a: int64>; numbers, texts, times")
    assert said["w"] == "a.parquet, column 'w': holds lists of string; lists of numbers are read"
    assert said["l"] == "a.parquet:2, column 'l': the list is missing"


def test_a_folder_of_partitions(tmp_path: Path) -> None:
    for year, part, values in ((2023, "k=a%20b", [1, 2]), (2024, "k=__HIVE_DEFAULT_PARTITION__", [3])):
        write(tmp_path / "d" / f"year={year}" / part / "p.parquet", {"x": values})
    (tmp_path / "d" / "_SUCCESS").write_text("")
    (tmp_path / "d" / ".x.parquet").write_text("")
    for path in ("d", "d/**/*.parquet"):
        table = read(tmp_path, path)
        assert [cells(table, name) for name in ("x", "year", "k")] == [
            [1, 2, 3],
            [2023, 2023, 2024],
            ["a b", "a b", None],
        ]
        assert str(table.origin.error("bad", 2)) == (
            "d/year=2024/k=__HIVE_DEFAULT_PARTITION__/p.parquet:1: bad"
        )
    assert list(read(tmp_path, "d", columns=("y*",)).columns) == ["year"]
    assert Parquet(path="d").digests(tmp_path)["path"].bytes == Parquet(path="d").size(tmp_path)


def test_only_what_is_used_is_read(tmp_path: Path) -> None:
    write(
        tmp_path / "a.parquet",
        {"id": ["u", "v", "w"], "x": [1.0, 2, 4], "y": [3, 5, 9], "l": [[1], [2], [3]]},
    )
    spec = DataSpec.model_validate(
        {"source": "a.parquet", "target": "y", "inputs": ["!id", "!l"], "shuffle": False}
    )
    data = open_data(spec, tmp_path, 0)
    assert examples(data.train)["input"].tolist() == [[1], [2], [4]]
    table = Parquet(path="a.parquet").narrowed(["x"]).read(tmp_path)
    assert list(table.columns) == ["x"]
    assert table.names == ["x", "id", "y", "l"]
    assert list(read(tmp_path, columns=("y", "i*")).columns) == ["id", "y"]
    with pytest.raises(DataError, match=r"a.parquet: has no column 'idd'") as caught:
        read(tmp_path, columns=("idd",))
    assert caught.value.hint == "did you mean 'id'?"


def test_times_and_sequences_need_no_declaration(tmp_path: Path) -> None:
    stamps = pa.array([datetime(2024, 5, 6), datetime(2024, 6, 7), datetime(2024, 7, 1)])
    write(tmp_path / "a.parquet", {"t": stamps, "l": [[1], [2, 3, 4], []], "y": [0.0, 1, 2]})
    config = {"source": "a.parquet", "target": "y", "shuffle": False}
    spec = DataSpec.model_validate({**config, "inputs": {"when": "t", "seen": "l"}})
    wanted: dict[str, Any] = {"input_shapes": {"when": None, "seen": None}}
    found = examples(open_data(spec, tmp_path, 0, **wanted).train)
    assert found["when"][:, :3].tolist() == [[2024, 5, 6], [2024, 6, 7], [2024, 7, 1]]
    assert found["seen"].tolist() == [[1, 0, 0], [2, 3, 4], [0, 0, 0]]
    seen = head(spec, tmp_path, **wanted)
    assert [(c.name, c.kind) for c in seen.columns] == [("t", "time"), ("l", "sequence"), ("y", "number")]


def test_the_first_rows_and_the_number_of_all(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", {"x": list(range(7))}, row_group_size=2)
    for rows, kept in ((1, 1), (3, 3), (9, 7)):
        table = Parquet(path="a.parquet").read(tmp_path, no_hint, rows)
        assert (cells(table, "x"), table.total) == (list(range(kept)), 7)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("no")
    with pytest.raises(DataError, match=r"a.parquet: is not a readable Parquet file"):
        read(tmp_path)
    write(tmp_path / "b.parquet", {"x": list(range(99))})
    raw = (tmp_path / "b.parquet").read_bytes()
    for cut in (8, len(raw) // 2, len(raw) - 1):
        (tmp_path / "b.parquet").write_bytes(raw[:cut])
        with pytest.raises(DataError, match=r"b.parquet: is not a readable Parquet file"):
            read(tmp_path, "b.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: holds no file that ends in .parquet or .pq"):
        read(tmp_path, "empty")


def test_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.parquet", {"x": np.zeros(2_000_000)})
    assert read(tmp_path).total == 2_000_000
    monkeypatch.setattr("nnctl.data.sources.parquet._FREE", 1 << 20)
    monkeypatch.setattr("nnctl.data.sources.parquet._RATIO", 200)
    with pytest.raises(DataError, match=r"expands from \d+ to 16000000 bytes or more, over the bound"):
        read(tmp_path)


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    (tmp_path / "a.parquet").write_text("")
    with pytest.raises(ConfigError, match="the data source parquet needs the package pyarrow") as caught:
        read(tmp_path)
    assert caught.value.problems[0].expected == "pip install 'nnctl[parquet]'"

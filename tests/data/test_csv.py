"""CSV files: what is read, and the file, row and column of everything that is wrong."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.reading import lines
from nnctl.data.reading.numerals import Numerals
from nnctl.data.sources import text
from nnctl.data.sources.text import CSV
from nnctl.data.table import Numbers, Table, Words


def read(directory: Path, content: str | bytes, name: str = "a.csv", **options: Any) -> Table:
    raw = content.encode() if isinstance(content, str) else content
    (directory / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    hint = options.pop("hint", lambda name: None)
    rows = options.pop("rows", None)
    return CSV(path=name, **options).read(directory, hint, rows)


def values(table: Table, name: str) -> list[float]:
    column = table.columns[name]
    assert isinstance(column, Numbers)
    assert isinstance(column.values, np.ndarray)
    listed: list[float] = column.values.tolist()
    return listed


def words(table: Table, name: str) -> list[str | None]:
    column = table.columns[name]
    assert isinstance(column, Words)
    return [column.vocabulary[c] if c >= 0 else None for c in column.codes]


def test_types_are_inferred(tmp_path: Path) -> None:
    table = read(tmp_path, "i,f,w\n1,0.1,x\n-2,1e-3,y\n3,NA,x\n")
    assert values(table, "i") == [1, -2, 3]
    assert table.columns["i"].dtype == np.int64  # type: ignore[union-attr]
    assert values(table, "f")[:2] == [0.1, 1e-3]
    assert np.isnan(values(table, "f")[2])
    assert words(table, "w") == ["x", "y", "x"]


@pytest.mark.parametrize(
    ("content", "name", "options"),
    [
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n", "a.csv", {}),
        (b"a,b\n1,2\n", "a.csv.gz", {}),
        (b"a\tb\n1\t2", "a.tsv", {}),
        (b"a;b\n1;2\n\n", "a.txt", {"delimiter": ";"}),
        (b"1,2\n", "a.csv", {"header": ["a", "b"]}),
        (b"a, b\n1, 2\n", "a.csv", {}),
        ("a,b\n1,2\n".encode("utf-16"), "a.csv", {"encoding": "utf-16"}),
        (b"'a',b\n'1',2\n", "a.csv", {"quote": "'"}),
    ],
)
def test_dialects(tmp_path: Path, content: bytes, name: str, options: dict[str, Any]) -> None:
    table = read(tmp_path, content, name, **options)
    assert values(table, "a") == [1]
    assert values(table, "b") == [2]


def test_no_header_numbers_the_columns(tmp_path: Path) -> None:
    table = read(tmp_path, "1,x\n2,y\n", header=False)
    assert list(table.columns) == ["0", "1"]


def test_missing_markers_may_be_numbers(tmp_path: Path) -> None:
    table = read(tmp_path, "a,b\n1,-999\n-999,4\n", missing=["-999"])
    assert np.isnan(values(table, "a")[1])
    assert np.isnan(values(table, "b")[0])


def test_quoted_line_ends_and_blank_lines_keep_row_numbers(tmp_path: Path) -> None:
    table = read(tmp_path, 'a,b\n1,"x\ny"\n\n2,z\n3,w\n')
    assert words(table, "b") == ["x\ny", "z", "w"]
    assert [table.origin.row(i) for i in range(3)] == [2, 5, 6]


def test_words_that_come_late_are_kept_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "CHUNK", 3)
    monkeypatch.setattr(lines, "CHUNK", 2)
    table = read(tmp_path, "a,b\n01,1\n02,2\n03,3\n04,4\nx,5\ny,6\nz,7\nw,8\n")
    assert words(table, "a") == ["01", "02", "03", "04", "x", "y", "z", "w"]
    assert values(table, "b") == [1, 2, 3, 4, 5, 6, 7, 8]


def test_declared_categories_keep_their_spelling(tmp_path: Path) -> None:
    table = read(tmp_path, "a\n007\n08\n", hint=lambda name: "category")
    assert words(table, "a") == ["007", "08"]


def test_the_head_alone(tmp_path: Path) -> None:
    table = read(tmp_path, "a\n1\n2\n3\n", rows=2)
    assert values(table, "a") == [1, 2]
    assert table.total is None
    assert not table.complete
    assert read(tmp_path, "a\n1\n2\n3\n", rows=3).total == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a.csv: is empty"),
        ("a,b\n", "a.csv: has no rows of data"),
        ("a,b\n1,2\n3\n", "a.csv:3: has 1 cells, but there are 2 columns"),
        ("a,b\n1,2\n\n3,4,5\n", "a.csv:4: has 3 cells"),
        ("a,a\n1,2\n", "a.csv:1, column 'a': columns 1 and 2 have the same name"),
        ("a,,c\n1,2,3\n", "a.csv:1: column 2 has no name"),
        ("1.5,2\n3,4\n", "a.csv:1: the first row should name the columns"),
        ('a,b\n1,"x"y\n', "a.csv:2: is not well-formed CSV"),
        ('a,b\n1,"x\n', "is not well-formed CSV"),
        (b"a,b\n1,\xff\n", "a.csv:2: is not utf-8 text"),
    ],
)
def test_faults_are_placed(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value)


def test_a_declared_number_names_the_cell(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.csv:3, column 'b': 'x' is not a number"):
        read(tmp_path, "a,b\n1,2\n3,x\n", hint=lambda name: "number")


def test_a_stray_word_among_numbers_is_doubtful(tmp_path: Path) -> None:
    table = read(tmp_path, "a\n1\n2\n3o\n4\n")
    assert "a.csv:4, column 'a': '3o' is not a number" in str(table.doubts["a"])


def test_underscores_are_not_numbers(tmp_path: Path) -> None:
    assert words(read(tmp_path, "a\n1_000\nx\n"), "a") == ["1_000", "x"]
    assert not Numerals().number("1_0")


def test_header_of_the_wrong_length(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has 2 columns, but `header` names 3"):
        read(tmp_path, "1,2\n", header=["a", "b", "c"])


def test_damaged_gzip(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    (tmp_path / "a.csv.gz").write_bytes(packed[:-20])
    with pytest.raises(DataError, match=r"damaged or cut off"):
        CSV(path="a.csv.gz").read(tmp_path)


def test_a_gzip_bomb_stops_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnctl.data.reading.bounds.FREE", 1 << 20)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a\n" + b"1\n" * 4_000_000))
    with pytest.raises(DataError, match=r"over the bound"):
        CSV(path="a.csv.gz").read(tmp_path)


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"peple.csv: no such file\n  did you mean 'people.csv'"):
        CSV(path="peple.csv").read(tmp_path)
    with pytest.raises(DataError, match=r"does not exist"):
        CSV(path="data/people.csv").read(tmp_path)
    with pytest.raises(DataError, match=r"is a directory"):
        CSV(path=".").read(tmp_path)


def test_an_unknown_encoding(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no known encoding"):
        read(tmp_path, "a\n1\n", encoding="utf-9")


@pytest.mark.parametrize("late", ["5,6", "", "5,NA", '"5",6', "5, 6", "-5e-3,1E5"])
def test_the_short_cut_reads_what_the_csv_reader_reads(
    tmp_path: Path, late: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "CHUNK", 2)
    content = f"a,b\n0.1,2\n3,1e-7\n5,6\n{late}\n7,8\n9,0.30000000000000004\n"
    quick = read(tmp_path, content)
    monkeypatch.setattr(lines.CountedLines, "fast", lambda self, cells: None)
    slow = read(tmp_path, content)
    for name in "ab":
        np.testing.assert_array_equal(values(quick, name), values(slow, name))
    assert [quick.origin.row(i) for i in range(5)] == [slow.origin.row(i) for i in range(5)]


@pytest.mark.parametrize("cell", ["1_0", "0x1F", "1d5", "1e", "--1", "1 2", "1+2j"])
def test_cells_that_are_no_numbers_on_either_way(tmp_path: Path, cell: str) -> None:
    table = read(tmp_path, f"a,b\n1,2\n{cell},4\nx,6\n")
    assert words(table, "a") == ["1", cell, "x"]
    assert isinstance(read(tmp_path, f"a,b\n{cell},4\n").columns["a"], Words)

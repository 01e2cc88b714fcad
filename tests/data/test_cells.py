"""Text files cell by cell: what a column becomes, and every fault with its line, column and way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.base import Kind
from nnctl.data.reading.cells import Cells, check_header
from nnctl.data.reading.numerals import Numerals
from nnctl.data.sources.text import CSV
from nnctl.data.table import Column, Numbers, Origin, Table, Words


def read(directory: Path, text: str, rows: int | None = None, name: str = "a.csv", **options: Any) -> Table:
    (directory / name).write_bytes(text.encode())
    return CSV.model_validate({"path": name, **options}).read(directory, rows=rows)


def held(column: Column) -> list[Any]:
    """The words or numbers of a column; None for what is missing."""
    if isinstance(column, Words):
        return [None if c < 0 else column.vocabulary[c] for c in column.codes.tolist()]
    return [None if v != v else v for v in np.asarray(column.values).tolist()]


NAMELESS = "if the first row is data, say `header: false` or `header: [name, ...]`"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["1", "2.5"],
            f"a.csv:3: the first row should name the columns, but holds only numbers\n  {NAMELESS}",
        ),
        (["1", "0"], f"a.csv:3: the first row should name the columns, but holds only numbers\n  {NAMELESS}"),
        (["a", ""], f"a.csv:3: column 2 has no name\n  {NAMELESS}"),
        ([" "], f"a.csv:3: column 1 has no name\n  {NAMELESS}"),
        (
            ["", "x", " y ", "z"],
            "a.csv:3: column 1 has no name\n  if it is an index that pandas or R wrote: to_csv(index=False), "
            "write.csv(row.names=FALSE), or name it: `skip: 3` and `header: [id, x, y, ...]`",
        ),
        (["a", "b", "c", " b"], f"a.csv:3, column 'b': columns 2 and 4 have the same name\n  {NAMELESS}"),
    ],
)
def test_headers_that_name_no_columns(names: list[str], message: str) -> None:
    with pytest.raises(DataError) as caught:
        check_header(names, "a.csv", 3)
    assert str(caught.value) == message


@pytest.mark.parametrize("names", [["7"], ["0", "1", "2"], ["1", "a"], ["a", "b"]])
def test_headers_that_do(names: list[str]) -> None:
    check_header(names, "a.csv")


@pytest.mark.parametrize(
    ("cells", "expected", "kind"),
    [
        (["1", "2"], [1, 2], "i"),
        (["1.0", "-2e1"], [1, -20], "i"),
        (["1", "2.5"], [1, 2.5], "f"),
        (["1", "NA", "3"], [1, None, 3], "f"),
        (["NA", "?"], [None, None], "f"),
        (["inf", "1"], [float("inf"), 1], "f"),
        (["a", " b ", "NA", "a"], ["a", "b", None, "a"], "w"),
        (["1", "x", "y"], ["1", "x", "y"], "w"),
        (["9007199254740993", "1"], [9007199254740993, 1], "i"),
        (["-9223372036854775808", "9223372036854775807"], [-(2**63), 2**63 - 1], "i"),
        (["0", "18446744073709551615"], [0, 2**64 - 1], "u"),
        (["-1", "18446744073709551615"], [-1.0, 2.0**64], "f"),
        (["-9223372036854775809", "0"], [-(2.0**63), 0.0], "f"),
        (["0", "18446744073709551616"], [0.0, 2.0**64], "f"),
        (["9007199254740993", "NA"], [2.0**53, None], "f"),
    ],
)
def test_what_a_column_becomes(cells: list[str], expected: list[Any], kind: str, tmp_path: Path) -> None:
    text = "x,z\n" + "".join(f"{cell},1\n" for cell in cells)
    column = read(tmp_path, text).columns["x"]
    assert held(column) == expected
    assert kind == ("w" if isinstance(column, Words) else column.dtype.kind)


def test_ids_keep_their_digits_from_the_first_row_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of numbers that stand before the first long one, missing ones among them."""
    for module in ("sources.text", "reading.lines"):
        monkeypatch.setattr(f"nnctl.data.{module}.CHUNK", 2)
    text = "x,z\n7,1\nNA,1\n8.0,1\n7,1\n9007199254740993,1\n9007199254740992,1\n"
    column = read(tmp_path, text).columns["x"]
    assert isinstance(column, Numbers)
    assert column.names is not None
    assert held(column.names) == ["7", None, "8", "7", "9007199254740993", "9007199254740992"]
    late = read(tmp_path, "x,z\n7,1\n007,1\nb,1\n").columns["x"]
    assert held(late) == ["7", "007", "b"]


@pytest.mark.parametrize(
    ("cells", "hint", "message"),
    [
        (["1", "2", "x"], "number", "a.csv:4, column 'x': 'x' is not a number"),
        (["x", "2", "3"], "number", "a.csv:2, column 'x': 'x' is not a number"),
        (
            ["1", "x", "3"],
            None,
            "a.csv:3, column 'x': 'x' is not a number, but most of the column is\n  correct it, "
            "name it under `missing:` of the source, or declare columns: {x: {type: category}}",
        ),
        (["1", "x", "NA"], None, None),
        (["1", "x", "y"], None, None),
        (["1", "2", "x"], "category", None),
    ],
)
def test_words_among_numbers(
    cells: list[str], hint: Kind | None, message: str | None, tmp_path: Path
) -> None:
    """One is a typo where most of the column is numbers, unless a category is declared."""
    (tmp_path / "a.csv").write_text("x,z\n" + "".join(f"{cell},1\n" for cell in cells))
    source = CSV(path="a.csv")
    if hint == "number":
        with pytest.raises(DataError) as caught:
            source.read(tmp_path, lambda name: hint if name == "x" else None)
        assert str(caught.value) == message
        return
    doubts = source.read(tmp_path, lambda name: hint if name == "x" else None).doubts
    assert {name: str(error) for name, error in doubts.items()} == ({} if message is None else {"x": message})


def test_rows_of_another_width() -> None:
    cells = Cells(["a", "b"], Origin("a.csv", 2), Numerals(), lambda name: None)
    cells.add([["1", "2"], ["3", "4"]])
    assert cells.numeric
    with pytest.raises(DataError) as caught:
        cells.add([["5", "6"], ["7"]])
    assert str(caught.value) == "a.csv:5: has 1 cells, but there are 2 columns"
    cells.add([["x", "2"]])
    assert not cells.numeric
    assert cells.late_words == {"a"}
    assert cells.again().builders["a"].words
    assert not cells.again().builders["b"].words
    fresh = Cells(["a"], Origin("a.csv"), Numerals(), lambda name: "time")
    fresh.add([["1"]])
    assert (fresh.numeric, fresh.late_words) == (False, set())
    early = Cells(["a"], Origin("a.csv"), Numerals(), lambda name: None)
    early.add([["x"]])
    assert early.late_words == set()


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "a.csv: is empty"),
        ("\n\n", {}, "a.csv: is empty"),
        ("x,y\n", {}, "a.csv: has no rows of data"),
        ("1,2\n", {"header": ["a"]}, "a.csv:1: has 2 columns, but `header` names 1"),
        (
            "x,y\n1,\xff\n",
            {"encoding": "ascii"},
            "a.csv:2: is not ascii text\n  say `encoding:` in the source, e.g. latin-1",
        ),
        ("x,y\n1,2\n", {"encoding": "none"}, "a.csv: is read as 'none', which is no known encoding"),
        ('x,y\n1,2\n"3,4\n', {}, "a.csv:3: is not well-formed CSV: "),
        ("no\nx,y\n1,2\n3\n", {"skip": 1}, "a.csv:4: has 1 cells, but there are 2 columns"),
        ("x,y\n\n1,2\n3\n", {}, "a.csv:4: has 1 cells, but there are 2 columns"),
        ("no\nx,x\n1,2\n", {"skip": 1}, "a.csv:2, column 'x': columns 1 and 2 have the same name"),
    ],
)
def test_files_that_are_no_tables(text: str, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, text, **options)
    assert str(caught.value).startswith(message)


def test_the_first_rows_and_the_rest(tmp_path: Path) -> None:
    text = "x,y\n" + "".join(f"{i},{i}\n" for i in range(5))
    for rows, count, total in ((1, 1, None), (4, 4, None), (5, 5, 5), (9, 5, 5), (None, 5, 5)):
        table = read(tmp_path, text, rows)
        assert (table.longest, table.total) == (count, total)
        assert held(table.columns["x"]) == list(range(count))
    assert read(tmp_path, text, header=["a", "b"], skip=1).options["header"] == ["a", "b"]
    nameless = read(tmp_path, "5,6\n7,8\n", header=False)
    assert (nameless.names, nameless.options["header"]) == (["0", "1"], ["0", "1"])
    assert nameless.origin.row(1) == 2
    assert read(tmp_path, text).origin.row(1) == 3
    assert read(tmp_path, "x,y\n\n1,2\n\n\n3,4\n").origin.row(1) == 6
    assert read(tmp_path, "no\n\nx,y\n1,2\n3,4\n", skip=2).origin.row(1) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decimal": ",", "delimiter": ","}, "'delimiter' and 'decimal' are both ','"),
        ({"decimal": ",", "thousands": ","}, "'decimal' and 'thousands' are both ','"),
        ({"quote": ";", "delimiter": ";"}, "'delimiter' and 'quote' are both ';'"),
        ({"thousands": " ", "delimiter": "whitespace"}, "'delimiter' and 'thousands' are both ' '"),
        ({"thousands": " ", "delimiter": " "}, "'delimiter' and 'thousands' are both ' '"),
        ({"delimiter": "ab"}, "expected one character, or whitespace for runs of blanks"),
        ({"header": 3}, "expected true, false or a list of column names"),
        ({"header": ["a", 3]}, "expected true, false or a list of column names"),
    ],
)
def test_marks_that_contradict_each_other(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        CSV.model_validate({"path": "a.csv", **options})
    assert message in str(caught.value)


def test_marks_that_do_not(tmp_path: Path) -> None:
    same = CSV.model_validate({"path": "a.csv", "delimiter": ",", "thousands": ","})
    assert same.thousands == ","
    assert CSV.model_validate({"path": "a.csv", "missing": [-999, 1.5]}).missing == ("-999", "1.5")
    for name, decimal, usual in (("a.tsv.GZ", ".", "\t"), ("a.csv", ".", ","), ("a.csv", ",", ";")):
        assert CSV.model_validate({"path": name, "decimal": decimal}).usual == usual
    table = read(tmp_path, "x;y\n1;2\n3;4\n")
    assert table.notes == (
        "a.csv: cells are separated by ';', by the look of the first lines (delimiter: \";\" says so)",
    )
    assert table.options["delimiter"] is None
    assert read(tmp_path, "x;y\n1;2\n3;4\n", delimiter=";").notes == ()
    assert read(tmp_path, "x,y\n1,2\n3,4\n").notes == ()

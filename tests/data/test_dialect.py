"""Text files as people and programs write them: delimiters, decimal commas, comments, lines to skip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.errors import ConfigError, DataError
from nnctl.data.feeding.from_file import read_examples
from nnctl.data.feeding.stream import read_blocks
from nnctl.data.reading import lines
from nnctl.data.sources.text import CSV
from nnctl.data.table import Words
from tests.data.examples import examples
from tests.data.given import opened, write
from tests.data.test_csv import read, values, words
from tests.data.whole import read_inputs


def rows_of(directory: Path, content: str, name: str = "a.csv", **options: Any) -> list[list[Any]]:
    table = read(directory, content, name, **options)
    columns = [
        words(table, n) if isinstance(c, Words) else values(table, n) for n, c in table.columns.items()
    ]
    return [list(table.columns), *map(list, zip(*columns, strict=True))]


EXPECTED = [["a", "b", "c"], [1, 2.5, "x"], [3, 4, "y"]]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("a;b;c\n1;2.5;x\n3;4;y\n", {}),
        ("a\tb\tc\n1\t2.5\tx\n3\t4\ty\n", {}),
        ("a|b|c\n1|2.5|x\n3|4|y\n", {}),
        ("a b   c\n1   2.5 x\n  3 4 y  \n", {}),
        ("a \t b\tc\n1\t2.5  \t x\n3 4 y\t\n", {}),
        ('a b c\n1 2.5 "x"\n3 4 "y"\n', {}),
        ("a;b;c\n1;2,5;x\n3;4,0;y\n", {"decimal": ","}),
        ("a;b;c\n1;2,5;x\n3;4,0;y\n", {"decimal": ",", "thousands": "."}),
        ("a,b,c\n1,2.5,x\n3,4,y\n", {}),
        ("1;2.5;x\n3;4;y\n", {"header": ["a", "b", "c"]}),
        ('a,b,c\n1,"2.5",x\n3,4,y\n', {"thousands": ","}),
        ("a,b,c\n1,2.5,x\n3,4,y\n", {"thousands": ",", "delimiter": ","}),
        ("a;b;c\n1;2.5;x\n3;4;y\n", {"thousands": ","}),
        ("written by hand\n\na,b,c\n1,2.5,x\n3,4,y\n", {"skip": 2}),
        ("# a;b;c\n#\na,b,c\n1,2.5,x\n  # no row\n3,4,y\n# end\n", {"comment": "#"}),
        ("% 1\n% 2\na  b  c\n% 3\n1  2.5  x\n3  4  y\n", {"comment": "%", "delimiter": "whitespace"}),
    ],
)
def test_the_same_table_in_many_forms(content: str, options: dict[str, Any], tmp_path: Path) -> None:
    assert rows_of(tmp_path, content, **options) == EXPECTED


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("a\n1\n2\n", {}, [["a"], [1], [2]]),
        ("text\nhello world\ngood day\n", {}, [["text"], ["hello world"], ["good day"]]),
        ("a,b\n1,x;y\n2,z;w\n", {}, [["a", "b"], [1, "x;y"], [2, "z;w"]]),
        ("a,b\n1 2,3\n4 5,6\n", {}, [["a", "b"], ["1 2", 3], ["4 5", 6]]),
        ("kinds\nx|y\nz|w\n", {}, [["kinds"], ["x|y"], ["z|w"]]),
        ("a;b\n1;2\n", {"delimiter": ","}, [["a;b"], ["1;2"]]),
        ("x\n1,5\n-2,25\n", {"decimal": ","}, [["x"], [1.5], [-2.25]]),
        ("x\n1,500\n-2,250\n", {"thousands": ","}, [["x"], [1500], [-2250]]),
        ("1,500;2\n3,000;4\n", {"thousands": ",", "header": ["x", "y"]}, [["x", "y"], [1500, 2], [3000, 4]]),
        ('x,y\n"1,500",2\n"3,000.5",4\n', {"thousands": ","}, [["x", "y"], [1500, 2], [3000.5, 4]]),
        ('a\n"# 1"\nx\n', {"comment": "#"}, [["a"], ["# 1"], ["x"]]),
        ('a\n"x\n# y"\nz\n', {"comment": "#"}, [["a"], ["x\n# y"], ["z"]]),
    ],
)
def test_what_is_not_guessed_wrong(
    content: str, options: dict[str, Any], expected: list[list[Any]], tmp_path: Path
) -> None:
    assert rows_of(tmp_path, content, **options) == expected


def test_a_guess_is_said(tmp_path: Path) -> None:
    said = read(tmp_path, "a;b\n1;2\n").notes
    assert said == (
        "a.csv: cells are separated by ';', by the look of the first lines (delimiter: \";\" says so)",
    )
    assert read(tmp_path, "a;b\n1;2\n", delimiter=";").notes == ()
    assert read(tmp_path, "a,b\n1,2\n").notes == ()
    assert read(tmp_path, "a\tb\n1\t2\n", "a.tsv").notes == ()


@pytest.mark.parametrize(
    ("cell", "decimal", "thousands", "value"),
    [
        ("1.234.567,5", ",", ".", 1234567.5),
        ("1,234.5", ".", ",", 1234.5),
        ("-12 345", ".", " ", -12345),
        ("1234,5", ",", ".", 1234.5),
        ("1,5e3", ",", None, 1500),
        (",5", ",", ".", 0.5),
        ("1.5", ",", ".", None),
        ("1.5", ",", None, None),
        ("12.34.567", ",", ".", None),
        ("1,2,3", ",", ".", None),
        ("1_000", ",", None, None),
    ],
)
def test_decimal_and_thousands(
    cell: str, decimal: str, thousands: str | None, value: float | None, tmp_path: Path
) -> None:
    """A cell that does not write numbers so is no number: 1.5 is not 15."""
    options = {"decimal": decimal, "thousands": thousands, "delimiter": ";"}
    table = read(tmp_path, f"a;b\n{cell};1\n", **options)
    assert values(table, "a") == [value] if value is not None else words(table, "a") == [cell]


def test_ids_with_thousands_keep_their_digits(tmp_path: Path) -> None:
    table = read(tmp_path, "a;b\n9.007.199.254.740.993;1\n", decimal=",", thousands=".")
    assert values(table, "a") == [9007199254740993]


def test_markers_are_written_as_numbers_are(tmp_path: Path) -> None:
    halves = read(tmp_path, "a;b\n1,5;1\n-999,5;2\n", decimal=",", missing=[-999.5])
    assert np.isnan(values(halves, "a")).tolist() == [False, True]
    found = values(read(tmp_path, "a;b\n1,5;1\n-999,0;2\n", decimal=",", missing=["-999"]), "a")
    assert found[0] == 1.5
    assert np.isnan(found[1])


@pytest.mark.parametrize("quick", [True, False])
def test_rows_are_counted_with_all_lines(
    quick: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comments, lines before the header and blank lines count; in errors of `train` and of `predict`."""
    monkeypatch.setattr(lines, "CHUNK", 2)
    content = "one\ntwo\n# three\na,b\n1,2\n# six\n\n3,4\n5,6\n7,x\n"
    if not quick:
        monkeypatch.setattr(lines.CountedLines, "fast", lambda self, cells: None)
    table = read(tmp_path, content, comment="#", skip=2)
    assert [table.origin.row(i) for i in range(4)] == [5, 8, 9, 10]
    source = {"path": "a.csv", "comment": "#", "skip": 2}
    with pytest.raises(DataError, match=r"a.csv:10, column 'b': 'x' is not a number"):
        opened(tmp_path, {"source": source, "target": "b", "columns": {"b": "number"}})
    write(tmp_path, "good.csv", content.replace("x", "8"))
    data = opened(tmp_path, {"source": source | {"path": "good.csv"}, "target": "a"})
    with pytest.raises(DataError, match=r"a.csv:10, column 'b': 'x' is not a number"):
        list(read_blocks(tmp_path / "a.csv", data.preprocessing))


@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": "whitespace", "comment": "#"},
        {"decimal": ",", "thousands": "."},
        {"skip": 1, "delimiter": "|"},
        {},
    ],
)
def test_every_command_reads_a_file_alike(options: dict[str, Any], tmp_path: Path) -> None:
    delimiter = {"whitespace": "  "}.get(str(options.get("delimiter")), options.get("delimiter", ";"))
    mark = options.get("decimal", ".")
    cells = [["x", "w", "y"], *([f"{i}{mark}5", "ab"[i % 2], str(i)] for i in range(7))]
    before = "# first\n" if "skip" in options or "comment" in options else ""
    write(tmp_path, "a.csv", before + "".join(delimiter.join(row) + "\n" for row in cells))
    data = opened(tmp_path, {"source": {"path": "a.csv", **options}, "target": "y"})
    trained = examples(data.train)
    assert trained["input"][:, 0].tolist() == [i + 0.5 for i in range(7)]
    found = examples(read_examples(tmp_path / "a.csv", data.preprocessing))
    np.testing.assert_array_equal(found["input"], trained["input"])
    np.testing.assert_array_equal(found["y"], trained["y"])
    np.testing.assert_array_equal(
        examples(read_inputs(tmp_path / "a.csv", data.preprocessing))["input"], trained["input"]
    )
    blocks = [examples(b.examples)["input"] for b in read_blocks(tmp_path / "a.csv", data.preprocessing)]
    np.testing.assert_array_equal(np.concatenate(blocks), trained["input"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"delimiter": ",", "decimal": ","}, "'delimiter' and 'decimal' are both ','"),
        ({"decimal": ".", "thousands": "."}, "'decimal' and 'thousands' are both"),
        ({"delimiter": "whitespace", "thousands": " "}, "'delimiter' and 'thousands' are both"),
        ({"delimiter": "::"}, "expected one character, or whitespace"),
        ({"skip": -1}, "greater than or equal to 0"),
    ],
)
def test_marks_that_contradict(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CSV.model_validate({"path": "a.csv", **fields})


def test_a_wrong_delimiter_is_named(tmp_path: Path) -> None:
    """Where a name is not found, and where a row has other cells than the header."""
    write(tmp_path, "a.csv", "x;y\n1;2\n")
    source = {"path": "a.csv", "delimiter": ","}
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, {"source": source, "target": "y"})
    said = "if ';' separates cells, say delimiter: \";\" in the source"
    assert caught.value.problems[0].expected == said
    with pytest.raises(DataError, match="a.csv:2: has 3 cells, but there are 1 columns\n  " + said):
        read(tmp_path, "x;y\n1,5;2,5\n1;2\n", delimiter=",", rows=1)


def test_an_index_column_of_pandas(tmp_path: Path) -> None:
    """The advice fits: what it says can be read."""
    content = ",x,y\n0,1,2\n1,3,4\n"
    with pytest.raises(DataError, match=r"a.csv:1: column 1 has no name\n.*to_csv\(index=False\)") as caught:
        read(tmp_path, content)
    assert "`skip: 1` and `header: [id, x, y, ...]`" in str(caught.value)
    assert rows_of(tmp_path, content, skip=1, header=["id", "x", "y"])[0] == ["id", "x", "y"]


def test_a_target_with_decimal_commas_is_not_taken_for_classes(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x;y\n" + "".join(f"{i};{i},5\n" for i in range(6)))
    config: dict[str, Any] = {"source": "a.csv", "target": "y"}
    with pytest.raises(ConfigError, match="'y' holds numbers with a decimal comma") as caught:
        opened(tmp_path, config, categorical={"y": False})
    assert caught.value.problems[0].expected == 'decimal: "," in the source'
    source = {"type": "csv", "path": "a.csv", "decimal": ","}
    assert opened(tmp_path, {**config, "source": source}, categorical={"y": False}).warnings == ()

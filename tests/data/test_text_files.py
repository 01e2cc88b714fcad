"""Texts as files of a folder, lines and JSON Lines: columns, places of errors, blocks."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.base import no_hint
from nnctl.data.open import open_data
from nnctl.data.sources import texts
from nnctl.data.sources.texts import Text
from nnctl.data.spec import DataSpec
from tests.data.examples import cells, examples


@pytest.fixture(params=[1, 2, 16384])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(texts, "BLOCK_ROWS", request.param)
    return int(request.param)


def test_a_folder_of_classes(size: int, tmp_path: Path) -> None:
    for name, text in (("neg/b", "dull\nfilm"), ("neg/a", "bad"), ("pos/c", "good é")):
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / f"{name}.txt").write_text(text)
    table = Text(path="d").read(tmp_path)
    assert (cells(table, "text"), cells(table, "label")) == (
        ["bad", "dull\nfilm", "good é"],
        ["neg", "neg", "pos"],
    )
    assert (table.total, str(table.origin.error("bad", 2))) == (3, "d/pos/c.txt: bad")
    first = Text(path="d").read(tmp_path, no_hint, 2)
    assert (cells(first, "text"), first.total) == (["bad", "dull\nfilm"], None)
    (tmp_path / "d/pos/x.txt").write_bytes(b"one\nt\xff")
    with pytest.raises(DataError, match=r"d/pos/x.txt:2: is not UTF-8"):
        Text(path="d").read(tmp_path)
    (tmp_path / "d/loose.txt").write_text("x")
    with pytest.raises(DataError, match=r"d/loose.txt: lies beside the folders of classes"):
        Text(path="d").read(tmp_path)


def test_lines(size: int, tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("one\r\n\ntwo words\nlast".encode("utf-8-sig")))
    source = Text(path="a.txt.gz")
    table = source.read(tmp_path)
    assert cells(table, "text") == ["one", None, "two words", "last"]
    assert (table.total, str(table.origin.error("bad", 3))) == (4, "a.txt.gz:4: bad")
    blocks = list(source.blocks(tmp_path, no_hint, lambda names, _: names, lambda _: False))
    assert [cell for block in blocks for cell in cells(block, "text")] == cells(table, "text")


def test_json_lines(size: int, tmp_path: Path) -> None:
    rows = [
        '{"text": "good film", "stars": 4, "seen": true, "ids": [1, 2], "w": "a"}',
        "",
        '{"stars": 2.5, "text": "bad", "seen": false, "ids": [], "w": null}',
        '{"text": "so so", "stars": null, "seen": true, "ids": [3]}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    table = Text(path="a.jsonl").read(tmp_path)
    assert list(table.columns) == ["text", "stars", "seen", "ids", "w"]
    assert cells(table, "text") == ["good film", "bad", "so so"]
    np.testing.assert_array_equal(cells(table, "stars"), [4, 2.5, np.nan])
    assert cells(table, "seen") == [True, False, True]
    assert cells(table, "ids") == [[1, 2], [0, 0], [3, 0]]
    assert table.kinds == {"ids": "sequence"}
    assert cells(table, "w") == ["a", None, None]
    assert str(table.origin.error("bad", 1, "w")) == "a.jsonl:3, column 'w': bad"
    spec = DataSpec.model_validate({"source": "a.jsonl", "inputs": "ids", "target": "seen", "shuffle": False})
    assert examples(open_data(spec, tmp_path, 0).train)["input"].tolist() == [[1, 2], [0, 0], [3, 0]]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", r"a.jsonl:2: is not JSON \(Expecting property name"),
        ("[" * 100_000, "a.jsonl:2: is not JSON"),
        ('{"x": 1' + "0" * 5000 + "}", r"a.jsonl:2: is not JSON \(a number of too many digits"),
        ('{"x": 1, "x": 2}', r"a.jsonl:2: is not JSON \(the key 'x' stands there twice"),
        ('{"x": "\\uD83d"}', r"a.jsonl:2: is not JSON \(half of a surrogate pair"),
        ("[1]", "a.jsonl:2: expected an object of names and values"),
        ('{"y": 1}', "a.jsonl:2: has a key 'y', which no row before has"),
    ],
)
def test_lines_that_are_no_rows(
    line: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "BLOCK_ROWS", 1)
    (tmp_path / "a.jsonl").write_text(f'{{"x": 1}}\n{line}\n')
    with pytest.raises(DataError, match=said):
        Text(path="a.jsonl").read(tmp_path)


def test_numbers_beyond_floats_and_whole_characters(tmp_path: Path) -> None:
    large = "1" + "0" * 400
    rows = (
        f'{{"x": {large}, "l": [1, -{large}], "e": "\\ud83d\\ude00"}}',
        f'{{"x": -{large}, "l": [2, null], "e": "b"}}',
    )
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    table = Text(path="a.jsonl").read(tmp_path)
    assert cells(table, "x") == [np.inf, -np.inf]
    np.testing.assert_array_equal(cells(table, "l"), [[1, -np.inf], [2, np.nan]])
    assert cells(table, "e") == ["\U0001f600", "b"]


def test_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "a.jsonl").write_text('{"x": {"a": 1}, "l": [1]}\n{"x": 2, "l": null}\n')
    table = Text(path="a.jsonl").read(tmp_path)
    assert str(table.unread["x"]) == "a.jsonl:1, column 'x': holds dict; numbers, texts and times are read"
    assert str(table.unread["l"]) == "a.jsonl:2, column 'l': the list is missing"
    (tmp_path / "b.txt").write_text("")
    for path, fields, said in (
        ("d", {}, "d: holds no file"),
        ("d", {"format": "lines"}, "d: is a directory, not a file"),
        ("b.txt", {"format": "folder"}, "b.txt: is no folder"),
        ("b.txt", {}, "b.txt: has no rows of data"),
        ("c.txt", {}, "c.txt: no such file"),
    ):
        with pytest.raises(DataError, match=said):
            Text(path=path, **fields).read(tmp_path)  # type: ignore[arg-type]

"""Texts, character by character."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.sources.characters import Characters
from nnctl.data.table import Words


def read(directory: Path, raw: bytes, name: str = "t.txt", rows: int | None = None) -> str:
    (directory / name).write_bytes(raw)
    table = Characters(path=name).read(directory, rows=rows)
    column = table.columns["character"]
    assert isinstance(column, Words)
    assert list(column.vocabulary) == sorted(set(column.vocabulary))
    assert table.names == ["character"]
    return "".join(column.vocabulary[code] for code in column.codes)


def test_every_character_is_a_row(tmp_path: Path) -> None:
    text = "A b\n\u00e9\u4e2d\U0001f600 a"
    assert read(tmp_path, text.encode()) == text
    assert read(tmp_path, gzip.compress(text.encode()), "t.txt.gz") == text
    assert read(tmp_path, b"\xef\xbb\xbf" + text.encode()) == text
    assert read(tmp_path, text.encode(), rows=5) == text[:5]
    assert read(tmp_path, b"") == ""
    assert Characters(path="t.txt").read(tmp_path).total == 0


@pytest.mark.parametrize("letter", ["a", "\u00e9", "\u4e2d", "\U0001f600", "\r\n"])
def test_no_more_is_read_than_is_asked_for(tmp_path: Path, letter: str) -> None:
    """A character that is cut in two, or a file that is not UTF-8 further on, is no matter then."""
    raw = b"\xef\xbb\xbf" + 40 * letter.encode() + b"\xff"
    shown = letter.replace("\r\n", "\n")
    assert read(tmp_path, raw, rows=3) == 3 * shown
    table = Characters(path="t.txt").read(tmp_path, rows=3)
    assert table.total is None
    (tmp_path / "t.txt").write_bytes(raw[:-1])
    assert Characters(path="t.txt").read(tmp_path, rows=41).total == 40


def test_lines_end_in_one_character(tmp_path: Path) -> None:
    assert read(tmp_path, b"a\r\nb\rc\nd") == "a\nb\nc\nd"


def test_what_is_no_text_is_told_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3 is not UTF-8"):
        read(tmp_path, b"one\ntwo\n\xff\nfour")
    with pytest.raises(DataError, match="line 3 is not UTF-8"):
        read(tmp_path, b"\xef\xbb\xbf\n\n\xff")


def test_codes_are_the_characters_in_order(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("cabac")
    column = Characters(path="t.txt").read(tmp_path).columns["character"]
    assert isinstance(column, Words)
    np.testing.assert_array_equal(column.codes, [2, 0, 1, 0, 2])

"""Large CSV files, read by kernels: all as the CSV reader and float() read it, blocks of any size."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.reading import field_blocks
from nnctl.data.sources import text
from nnctl.data.sources.text import CSV
from nnctl.data.table import Column, Numbers, Words
from tests.data.test_csv import read, words


def described(column: Column) -> Any:
    """A column as something that is equal for equal bits and words only."""
    if isinstance(column, Words):
        return column.codes.tolist(), column.vocabulary
    assert isinstance(column, Numbers)
    assert isinstance(column.values, np.ndarray)
    return column.dtype, column.values.tobytes(), column.names and described(column.names)


def outcome(directory: Path, content: str | bytes, **options: Any) -> Any:
    """All that is read, or what is wrong."""
    try:
        table = read(directory, content, **options)
    except DataError as error:
        return str(error)
    lines = [table.origin.row(i) for i in range(table.longest)]
    columns = {name: described(column) for name, column in table.columns.items()}
    return columns, lines, table.total, {name: str(doubt) for name, doubt in table.doubts.items()}


@pytest.fixture(params=[(16, 8), (64, 6), (1 << 16, 1 << 12)], ids=str)
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes and fields of a block."""
    monkeypatch.setattr(field_blocks, "BLOCK", request.param[0])
    monkeypatch.setattr(field_blocks, "FIELDS", request.param[1])


def assert_same(
    directory: Path, content: str | bytes, monkeypatch: pytest.MonkeyPatch, **options: Any
) -> Any:
    monkeypatch.setattr(text, "LARGE", 1 << 40)
    slow = outcome(directory, content, **options)
    monkeypatch.setattr(text, "LARGE", 0)
    assert outcome(directory, content, **options) == slow
    return slow


def _numerals(draw: random.Random, count: int) -> list[str]:
    """Numbers in all the ways that they are written."""
    found = []
    for _ in range(count):
        value = float(np.array(draw.getrandbits(64), np.uint64).view(np.float64))
        if not np.isfinite(value):
            continue
        digits = str(draw.getrandbits(draw.randint(1, 90)))
        place = draw.randint(0, len(digits))
        sign = draw.choice(["", "-", "+"])
        power = draw.choice(["", f"e{draw.randint(-345, 310)}", "E+07", "e-5"])
        found += [repr(value), f"{value:.3g}", f"{draw.gauss(0, 1)!r}", f"{draw.gauss(0, 100):.4f}"]
        found.append(f"{sign}{'0' * draw.randint(0, 2)}{digits[:place]}.{digits[place:]}{power}")
        found.append(f"{sign}{digits}{power}")
    return found


def _halves(draw: random.Random, count: int) -> list[str]:
    """Numbers half way between two floats, with all digits and cut off."""
    found = []
    for _ in range(count):
        below = draw.getrandbits(53) | 1 << 52
        power = draw.randint(-60, 60)
        half = 2 * below + 1
        whole = str(half * 2**power) if power >= 0 else f"{half * 5**-power}e{power}"
        found += [whole, f"{whole[:19]}e{len(whole) - 19}" if power > 10 else str(half)]
    return found


def test_numbers_have_the_bits_of_float(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(7)
    cells = _numerals(draw, 4000) + _halves(draw, 4000)
    cells += ["-0", "0e999", "-0.0", ".5", "5.", "1e22", "1e23", "0" * 30 + "1", "9007199254740993", "5e-324"]
    cells += ["2.2250738585072014e-308", "2.2250738585072011e-308"]
    cells += ["1.7976931348623157e308", "1.7976931348623159e308", "1.9e308"]
    monkeypatch.setattr(text, "LARGE", 0)
    columns = read(tmp_path, "a,b\n" + "".join(f'{c}," {c} "\n' for c in cells)).columns
    expected = np.array([*map(float, cells)]).tobytes()
    for column in columns.values():
        assert isinstance(column, Numbers)
        assert np.asarray(column.values).tobytes() == expected


def test_every_number_is_read_by_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is usual is not left to float(), cell by cell."""
    draw = random.Random(3)
    cells = [repr(draw.gauss(0, 10**power)) for power in (-30, -3, 0, 3, 30) for _ in range(200)]
    (tmp_path / "a.csv").write_text("a\n" + "\n".join(cells) + "\n")
    with open(tmp_path / "a.csv", "rb") as content:
        found = list(field_blocks.FieldBlocks(content, ",", '"', 1, True, 0, True))
    assert len(found) == 1
    assert not found[0].others.any()


ODD = {
    "line ends of Windows": "a,b\r\n1,x\r\n2.5,y\r\n",
    "line ends of both": "a,b\r\n1,x\n2.5,y\r\n3,z",
    "line ends of old": "a,b\r1,x\r2,y\r",
    "an old line end late": "a,b\n1,x\n2,y\r3,z\n",
    "no end": "a,b\n1,x\n2,y",
    "a return at the end": "a,b\n1,x\n2,y\r",
    "blank lines": "a,b\n\n1,x\n\n\n2,y\n\n",
    "blank lines of Windows": "a,b\r\n\r\n1,x\r\n\r\n2,y\r\n\r\n",
    "lines of blanks": "a\n1\n  \n2\n",
    "a line of one blank cell": 'a\n1\n ""\n2\n',
    "empty cells": "a,b\n,\n1,\n,y\n",
    "empty cells of words": "a,b\nx,\n,y\n,\n",
    "quotes": 'a,b\n"1","x, y"\n"2.5","say ""hi"""\n3,""\n4,""""\n5,"a""b"\n6,a""b\n',
    "quotes over lines": 'a,b\n1,"x\ny"\n2,"z\r\nw"\n3,v\n',
    "a return in quotes": 'a,b\n1,"x\ry"\n2,z\n',
    "a quote in a word": 'a,b\n1,x"y"\n2,z\n',
    "a quote that does not end": 'a,b\n1,x\n2,"z\n',
    "something behind a quote": 'a,b\n1,x\n2,"z"w\n',
    "blanks behind a quote": 'a,b\n1,"x" \n2,z\n',
    "a byte order mark": b"\xef\xbb\xbfa,b\n1,x\n2,y\n",
    "a header over lines": '"a\nc",b\n1,x\n2,y\n',
    "words of many letters": "a,b\n1,größe\n2,größer\n3,größe\n4,日本\n",
    "no UTF-8": b"a,b\n1,x\n2,\xff\n3,z\n",
    "a NUL in quotes": b'a,b\n1,x\n2,"\x00"\n3,z\n',
    "a NUL": b"a,b\n1,x\n2,\x00\n3,z\n",
    "blanks around": "a,b\n 1 , x y \n  2.5, z\n\t3\t,\tw\n4 ,x y\n",
    "missing": "a,b\n1,NA\nNaN,x\n?,null\n-3,\n",
    "infinite": "a,b\ninf,1\n-Infinity,2\nnan,3\n1,4\n",
    "no numbers": "a,b\n1_0,0x1F\n1,2\n",
    "late words": "a,b\n01,1\n02,2\n03,3\n04,4\nx,5\n05,y\n",
    "late long numbers": "a,b\n1,1\n2.0,2\n,3\n9007199254740993,4\n7,9223372036854775808\n+7,5\n7.0,1\n",
    "late long numbers below 0": "a,b\n1,1\n2,2\n-9007199254740993,3\n4,4\n",
    "ids beyond 64 bits": "a,b\n1,1\n123456789012345678901234567890,2\n123456789012345678901234567891,3\n",
    "too many cells": "a,b\n1,x\n2,y,z\n3,w\n",
    "too few cells": "a,b\n1,x\n2,y\n3\n4,z\n",
    "too few at the end": "a,b\n1,x\n2,y\n3",
    "a long cell": "a,b\n1,x\n2," + "y" * 500 + "\n3,z\n",
    "too long a cell": "a,b\n1,x\n2," + "y" * 140_000 + "\n3,z\n",
    "no rows": "a,b\n",
    "one row": "a,b\n1,2",
}


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("content", ODD.values(), ids=list(ODD))
def test_odd_files(content: str | bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_same(tmp_path, content, monkeypatch)
    assert_same(tmp_path, content, monkeypatch, missing=["1", "x", "-3.0"])
    before = 'about, "it\n\n# more\n'
    whole = before.encode() + content if isinstance(content, bytes) else before + content
    assert_same(tmp_path, whole, monkeypatch, skip=3)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("a\tb\n1\tx y\n2\tz\n", {"delimiter": "\t"}),
        ("a;b\n1;'x;y'\n2;z\n", {"delimiter": ";", "quote": "'"}),
        ("a|b\n1|2\n3|4\n", {"delimiter": "|", "header": ["c", "d"]}),
        ("1,x\n2,y\n", {"header": False}),
        (b"\xef\xbb\xbf1,x\n2,y\n", {"header": False}),
        ("a b\n1 2\n3  4\n", {"delimiter": " "}),
        ("a b\n1 2\n3  4\n", {"delimiter": "whitespace"}),
        ("a,b\n1,2\n#3,4\n5,6\n", {"comment": "#"}),
        ("a;b\n1,5;2\n3;4\n", {"delimiter": ";", "decimal": ","}),
        ("a,b\n1,x\n2,y\n".encode("utf-16"), {"encoding": "utf-16"}),
        ("a,b\n1,ä\n2,y\n".encode("latin-1"), {"encoding": "latin-1"}),
        ("a§b\n1§x\n2§y\n", {"delimiter": "§"}),
        ("a,b\n007,1\n08,2\n", {"hint": lambda name: "category"}),
        ("a,b\n1,2\n3,\n" + 9 * "4,5\n" + "3,x\n5,y\n", {"hint": lambda name: "number"}),
        ("a,b\n1,2\n3,4\n", {"name": "a.csv.gz"}),
        ("a,b\n1,2\n3,4,5\n", {"name": "a.csv.gz"}),
    ],
)
def test_dialects_and_hints(
    content: str | bytes, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_same(tmp_path, content, monkeypatch, **options)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("size", range(8, 30))
def test_well_formed_rows_are_not_left_to_others(
    size: int, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(field_blocks, "BLOCK", size)
    lines = ["a,b", "1,x", "", '2,"y,""z"""', f'3.25,"u{end}v"', "4,long words need several blocks", "5,w"]
    (tmp_path / "a.csv").write_bytes(end.join(lines).encode())
    with open(tmp_path / "a.csv", "rb") as content:
        blocks = field_blocks.FieldBlocks(content, ",", '"', 2, True, 0, True)
        assert sum(map(len, blocks)) == 5
    assert (blocks.finished, blocks.passed, blocks.lines) == (True, (tmp_path / "a.csv").stat().st_size, 8)


CELLS = ["1", "-2.5", "1e5", "", "NA", "x", "yy", ' "a, b"', '"c ""d"""', '"7"', f"{2**53 + 1}", "1e400", "ü"]
LINE_ENDS = ["\n", "\n", "\n", "\r\n", "\n\n"]


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("seed", range(40))
def test_drawn_files(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(seed)
    width, rows = draw.randint(1, 5), draw.randint(1, 30)
    known = [draw.sample(CELLS, draw.randint(1, 6)) for _ in range(width)]
    lines = [",".join(f"c{i}" for i in range(width)) + "\n"]
    for _ in range(rows):
        cells = [draw.choice(known[i]) for i in range(width)] + ["1"] * (draw.random() < 0.004)
        lines.append(",".join(cells) + draw.choice(LINE_ENDS))
    assert_same(tmp_path, "".join(lines), monkeypatch)


def test_small_files_and_heads_are_not_read_by_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> None:
        raise AssertionError("read by kernels")

    monkeypatch.setattr(CSV, "_fill_fast", refuse)
    assert words(read(tmp_path, "a\nx\ny\n"), "a") == ["x", "y"]
    large = "a\n" + "1.5\n" * (text.LARGE // 4)
    assert read(tmp_path, large, rows=3).longest == 3
    with pytest.raises(AssertionError, match="read by kernels"):
        read(tmp_path, large)


def test_what_comes_behind_an_odd_row_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_blocks, "BLOCK", 64)
    content = "a,b\n" + "".join(f"{i},w{i % 3}\n" for i in range(50)) + '50,"x\ry"\n51,z\n'
    expected = assert_same(tmp_path, content, monkeypatch)
    assert expected[2] == 52


def test_bytes_that_are_no_text_far_behind_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"a,b\n" + b"1,x\n" * 100_000 + b"2,\xff\n"
    assert "a.csv:100002: is not utf-8 text" in assert_same(tmp_path, content, monkeypatch)

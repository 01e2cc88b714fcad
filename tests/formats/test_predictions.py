"""Files of predictions: written block by block, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies

from nnctl.core.errors import ConfigError, StorageError
from nnctl.formats.decimals import doubles, texts
from nnctl.formats.predictions.base import ShownOutput, endings, format_of, formats
from nnctl.storage.disk import Disk
from nnctl.storage.growing import GrowingFile

NUMBER = ShownOutput("out", "price", (1,))
CLASSES = ShownOutput("kind", "kind", (3,), ("a", 'b,"c"', "=1+1"))


def write(path: Path, shown: list[ShownOutput], blocks: list[Any], kept: list[str]) -> bytes:
    with GrowingFile(path) as file:
        writer = format_of(path)(file, shown, kept)
        for outputs, carried in blocks:
            writer.add(outputs, carried)
        writer.finish()
    return path.read_bytes()


def test_blocks_are_one_file(tmp_path: Path) -> None:
    """However the rows are cut, also into none at the end: the same bytes."""
    rng = np.random.default_rng(0)
    price = rng.standard_normal((7, 1)).astype(np.float32)
    kind = rng.random((7, 3)).astype(np.float32)
    ids = [f"id{i}" for i in range(7)]

    def cut(*ends: int) -> list[Any]:
        parts = [slice(a, b) for a, b in zip((0, *ends), (*ends, 7), strict=True)]
        return [({"out": price[p], "kind": kind[p]}, {"id": ids[p]}) for p in parts]

    for ending in endings([cls.__name__ for cls in formats.classes() if not cls.bare]):
        whole = write(tmp_path / f"a{ending}", [NUMBER, CLASSES], cut(), ["id"])
        assert write(tmp_path / f"b{ending}", [NUMBER, CLASSES], cut(2, 3, 7), ["id"]) == whole
    buffer = io.BytesIO()
    np.save(buffer, price)
    assert write(tmp_path / "a.npy", [NUMBER], [(o, {}) for o, _ in cut(4)], []) == buffer.getvalue()


def test_the_ending_chooses() -> None:
    assert formats.declared() == formats.names()
    for name in formats.names():
        assert format_of(Path(f"a.b.{name}")).__name__ == name
    for name in ("a", "a.xls", "csv", ".csv", "a.csv.gz"):
        with pytest.raises(ConfigError, match="cannot tell what to write") as caught:
            format_of(Path(name))
        assert caught.value.problems[0].expected == ", ".join(f".{name}" for name in formats.names())


def test_csv_says_what_csv_says(tmp_path: Path) -> None:
    """Beside Python's own writer; text that a spreadsheet would run is quoted, negative numbers are not."""
    kind = np.eye(3, dtype=np.float32)
    kept = {"note": ["-5.25", 'say "x"', "=cmd()"], "n": [-1, 2.5, None]}
    written = write(tmp_path / "out.csv", [CLASSES], [({"kind": kind}, kept)], ["note", "n"])
    rows = list(csv.reader(io.StringIO(written.decode())))
    assert rows == [
        ["note", "n", "kind", "kind_a", 'kind_b,"c"', "kind_=1+1"],
        ["-5.25", "-1", "a", "1.0", "0.0", "0.0"],
        ['say "x"', "2.5", 'b,"c"', "0.0", "1.0", "0.0"],
        ["'=cmd()", "", "'=1+1", "0.0", "0.0", "1.0"],
    ]


def test_json_never_holds_nan(tmp_path: Path) -> None:
    values = np.array([[1.5], [np.nan], [np.inf]], np.float32)
    kept = {"x": [float("nan"), 1, "%s"]}
    written = write(tmp_path / "out.jsonl", [NUMBER], [({"out": values}, kept)], ["x"])
    found = [json.loads(line, parse_constant=pytest.fail) for line in written.splitlines()]
    assert found == [{"x": None, "price": 1.5}, {"x": 1, "price": None}, {"x": "%s", "price": None}]


def test_names_with_percent_signs(tmp_path: Path) -> None:
    shown = ShownOutput("out", "100%s", (2,), ("50%", "%d"))
    written = write(tmp_path / "out.jsonl", [shown], [({"out": np.eye(2)}, {})], [])
    assert json.loads(written.splitlines()[1]) == {
        "100%s": {"class": "%d", "probabilities": {"50%": 0.0, "%d": 1.0}}
    }


def test_shapes_and_parts(tmp_path: Path) -> None:
    pair = ShownOutput("out", "out", (2,), parts=("low", "high"))
    image = ShownOutput("map", "map", (2, 1))
    outputs = {"out": np.array([[1.0, 2.0]]), "map": np.array([[[3.0], [4.0]]])}
    written = write(tmp_path / "out.csv", [pair, image], [(outputs, {})], [])
    assert written == b"low,high,map_0,map_1\n1.0,2.0,3.0,4.0\n"
    lines = write(tmp_path / "out.jsonl", [pair, image], [(outputs, {})], [])
    assert json.loads(lines) == {"out": [1.0, 2.0], "map": [3.0, 4.0]}


def test_npy_holds_one_array_alone(tmp_path: Path) -> None:
    others = ", ".join(endings([cls.__name__ for cls in formats.classes() if cls.__name__ != "npy"]))
    with pytest.raises(ConfigError, match="this model has price, kind") as caught:
        write(tmp_path / "out.npy", [NUMBER, CLASSES], [], [])
    assert caught.value.problems[0].expected == others
    with pytest.raises(ConfigError, match="cannot keep id") as caught:
        write(tmp_path / "out.npy", [NUMBER], [], ["id"])
    assert caught.value.problems[0].expected == others
    assert list(tmp_path.iterdir()) == []


class Full(Disk):
    """A disk that is full after some writes."""

    def __init__(self, left: int) -> None:
        self.left = left

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if not self.left:
            raise OSError(28, "No space left on device")
        self.left -= 1
        return super().write(fd, data)


@pytest.mark.parametrize("left", [0, 1, 2])
def test_what_was_there_stays_where_writing_fails(left: int, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")

    def fill() -> None:
        with GrowingFile(path, Full(left)) as file:
            for _ in range(3):
                file.write(b"piece")

    with pytest.raises(StorageError, match="the disk is full"):
        fill()
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
    assert path.read_text() == "before"


@given(strategies.lists(strategies.floats(width=32), min_size=1, max_size=50))
def test_floats_are_the_shortest_decimals(numbers: list[float]) -> None:
    """As NumPy prints them one at a time."""
    values = np.array(numbers, np.float32)
    assert texts(values) == [repr(float(str(v))) for v in values]


def test_every_kind_of_float() -> None:
    values = np.frombuffer(np.random.default_rng(3).bytes(40_000), np.float32)
    back = doubles(values).astype(np.float32)
    np.testing.assert_array_equal(back, values)
    assert texts(values) == [repr(float(str(v))) for v in values]
    exact = np.array([0.1, 1 / 3])
    assert texts(exact) == ["0.1", "0.3333333333333333"]

"""Columns of times: what is read, the numbers they become, in every command alike."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.errors import ConfigError, DataError, RunError
from nnctl.data.column_spec import ColumnSpec
from nnctl.data.feeding.from_file import read_examples
from nnctl.data.feeding.stream import read_blocks
from nnctl.data.open import Data
from nnctl.data.preprocessing import Preprocessing
from nnctl.data.time_format import TimePart, parse, pattern
from tests.data.examples import examples
from tests.data.given import opened, write
from tests.data.whole import read_inputs

PARTS = list(get_args(TimePart))


def parts_of(directory: Path, text: str, **column: Any) -> list[float]:
    """The numbers of one time."""
    write(directory, "t.csv", f'when,y\n"{text}",1\n')
    config = {"source": "t.csv", "target": "y", "columns": {"when": {"type": "time", **column}}}
    found: list[float] = examples(opened(directory, config, dtype="float64").train)["input"][0].tolist()
    return found


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2024-02-29T18:05:07.25Z", None),
        ("2024-02-29 18:05:07,25", None),
        ("2024-02-29 18:05:07.25 +00:00", None),
        ("29.02.2024 18:05:07.25", "%d.%m.%Y %H:%M:%S.%f"),
        ("Feb 29, 24 06:05:07.25 PM", "%b %d, %y %I:%M:%S.%f %p"),
        ("FEBRUARY-29-2024 18h5m7.25s", "%B-%d-%Y %Hh%Mm%S.%fs"),
        ("100% 2024/2/29 18:05:07.25 +0000", "100%% %Y/%m/%d %H:%M:%S.%f %z"),
    ],
)
def test_one_time_in_many_forms(text: str, form: str | None, tmp_path: Path) -> None:
    expected = [2024, 2, 29, 3, 18, 5, 7.25, 60, 1709229907.25]
    assert parts_of(tmp_path, text, parts=PARTS, format=form) == expected


def test_parts_against_datetime() -> None:
    """Every day of some years and every offset, against Python's own."""
    looks = pattern(None)
    for days, minutes in itertools.product(range(0, 40_000, 37), (0, -210, 345)):
        zone = timezone(timedelta(minutes=minutes))
        at = datetime(1925, 1, 1, 23, 59, 58, tzinfo=zone) + timedelta(days=days)
        found = parse(at.isoformat(), looks)
        assert found is not None
        assert found.epoch == at.timestamp()
        assert (found.at.date(), found.at.weekday()) == (at.date(), at.weekday())
    naive = parse("1969-12-31 23:59", looks)
    assert naive is not None
    assert naive.epoch == datetime(1969, 12, 31, 23, 59, tzinfo=UTC).timestamp() == -60


def test_the_usual_parts(tmp_path: Path) -> None:
    assert parts_of(tmp_path, "2024-05-17") == [2024, 5, 17, 4, 0, 0, 0]
    assert parts_of(tmp_path, "12:30 am", format="%I:%M %p", parts=["hour", "minute"]) == [0, 30]
    assert parts_of(tmp_path, "12:30 PM", format="%I:%M %p", parts=["hour", "minute"]) == [12, 30]


@pytest.mark.parametrize(
    "text",
    [
        *("2024-5-17", "2023-02-29", "2024-05-17T24:00", "2024-05-17T10:00:60", "17.05.2024", "2024-05"),
        *("soon", "2024-05-17T10", "\u0662\u0660\u0662\u0664-05-17", "2024-13-01"),
    ],
)
def test_what_is_no_time_is_placed(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t.csv:2, column 'when': '.*' is no time\n  expected ISO 8601"):
        parts_of(tmp_path, text)


def times(directory: Path, **column: Any) -> Data:
    rows = "".join(f"2024-0{m}-1{m}T0{m}:00,{m}\n" for m in range(1, 7))
    write(directory, "a.csv", "when,y\n" + rows)
    column = {"type": "time", "parts": ["month", "hour"], **column}
    return opened(directory, {"source": "a.csv", "target": "y", "columns": {"when": column}})


def test_parts_are_scaled_each_and_stored(tmp_path: Path) -> None:
    data = times(tmp_path, scale="minmax")
    assert data.inputs["input"].shape == (2,)
    expected = np.arange(6)[:, None] / 5 * np.ones((1, 2))
    np.testing.assert_array_equal(examples(data.train)["input"], expected.astype(np.float32))
    stored = Preprocessing.from_data(json.loads(json.dumps(data.preprocessing.config())))
    assert stored == data.preprocessing
    write(tmp_path, "new.csv", "y,when\n?,2024-11-30 11:59\n")
    for found in (
        read_inputs(tmp_path / "new.csv", stored),
        next(iter(read_blocks(tmp_path / "new.csv", stored))).examples,
    ):
        np.testing.assert_array_equal(examples(found)["input"], np.array([[2, 2]], np.float32))
    again = examples(read_examples(tmp_path / "a.csv", stored))["input"]
    np.testing.assert_array_equal(again, examples(data.train)["input"])


def test_a_missing_time(tmp_path: Path) -> None:
    data = times(tmp_path)
    write(tmp_path, "new.csv", "when\n2024-01-01\nNA\n")
    with pytest.raises(DataError, match=r"new.csv:3, column 'when': the value is missing"):
        read_inputs(tmp_path / "new.csv", data.preprocessing)
    filled = times(tmp_path, missing="median").preprocessing
    assert examples(read_inputs(tmp_path / "new.csv", filled))["input"].tolist() == [[1, 0], [3.5, 3.5]]


def test_times_in_windows(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "when,y\n" + "".join(f"2024-01-01T{h:02}:00,{h}\n" for h in range(8)))
    config = {"source": "a.csv", "target": "y", "window": {"length": 3}}
    config["columns"] = {"when": {"parts": ["hour"]}}
    found = examples(opened(tmp_path, config).train)["input"]
    assert found[1].tolist() == [[1, 1], [2, 2], [3, 3]]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"type": "time", "encoding": "index"}, "'encoding' is for categories, but the type is time"),
        ({"type": "number", "parts": ["year"]}, "'parts' is for times"),
        ({"type": "time", "parts": []}, "at least 1"),
        ({"type": "time", "parts": ["century"]}, "'year', 'month'"),
        ({"format": "%Q"}, "'%Q' is none of %Y"),
        ({"format": "%Y %Y"}, "a directive stands there twice"),
        ({"format": "%Y %"}, "'%' is none of"),
        ({"type": "time", "missing": "other"}, "'missing' of numbers"),
    ],
)
def test_declarations_that_contradict(column: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ColumnSpec.model_validate(column)


def test_times_have_no_other_role(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "when,y\n2024-01-01,2\n")
    with pytest.raises(ConfigError, match="'when' is a target, and cannot be a time"):
        opened(tmp_path, {"source": "a.csv", "target": "when", "columns": {"when": "time"}})
    with pytest.raises(ConfigError, match="'when' holds times, but input 'input' takes class numbers"):
        opened(
            tmp_path,
            {"source": "a.csv", "target": "y", "columns": {"when": "time"}},
            integer_inputs={"input"},
        )


def test_undeclared_times_are_warned_of(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "when,y\n2024-01-01,2\n2024-01-02,3\n2024-01-01,4\n")
    config: dict[str, Any] = {"source": "a.csv", "target": "y"}
    (said,) = opened(tmp_path, config).warnings
    assert said.message == "column 'when' holds times, and enters as a category of 2 classes"
    assert opened(tmp_path, {**config, "columns": {"when": "category"}}).warnings == ()
    days = [datetime(2020, 1, 1) + timedelta(days=d) for d in range(1200)]
    write(tmp_path, "a.csv", "when,y\n" + "".join(f"{d:%Y-%m-%d},1\n" for d in days))
    with pytest.raises(DataError, match=r"declare columns: \{when: \{type: time\}\}"):
        opened(tmp_path, config)


@pytest.mark.parametrize(
    ("cell", "config"),
    [
        ("{day:02}.0{month}.2024", {"columns": {"when": {"type": "time", "format": "%d.%m.%Y"}}}),
        ("{day}/{month}/2024 8:30", {"columns": {"when": {"type": "time", "format": "%d/%m/%Y %H:%M"}}}),
        ("{month}/{day}/2024", {"columns": {"when": {"type": "time", "format": "%m/%d/%Y"}}}),
        ("2024-0{month}-{day:02}", {"columns": {"when": "time"}}),
        (
            "1.{day:03},{month}",
            {"source": {"type": "csv", "path": "a.csv", "decimal": ",", "thousands": "."}},
        ),
        ("{day},{month}", {"source": {"type": "csv", "path": "a.csv", "decimal": ","}}),
        ("{day},{month}00", {"source": {"type": "csv", "path": "a.csv", "thousands": ","}}),
    ],
)
def test_what_enters_as_a_name_is_warned_of_once_with_the_words_that_read_it(
    cell: str, config: dict[str, Any], tmp_path: Path
) -> None:
    """Each row has its own value, so that the column would otherwise pass for an id."""
    cells = [cell.format(day=1 + i % 28, month=1 + i // 28) for i in range(40)]
    write(tmp_path, "a.csv", "when;y\n" + "".join(f"{c};{i}\n" for i, c in enumerate(cells)))
    (said,) = opened(tmp_path, {"source": "a.csv", "target": "y"}).warnings
    assert "enters as a category of 40 classes" in said.message
    for field in config.get("columns", {}).values():
        assert field == "time" or f'format: "{field["format"]}"' in str(said.expected)
    for name, mark in config.get("source", {}).items():
        assert name in ("type", "path") or f'{name}: "{mark}"' in str(said.expected)
    assert opened(tmp_path, {"source": "a.csv", "target": "y", **config}).warnings == ()


def test_a_tampered_time(tmp_path: Path) -> None:
    """A format that is none, parts of another number: a run's own error."""
    text = json.dumps(times(tmp_path, format="%Y-%m-%dT%H:%M").preprocessing.config())
    for old, new in (("%Y-%m-%dT%H:%M", "%Q"), ('["month", "hour"]', '["month"]'), ("[2]", "[3]")):
        assert old in text
        with pytest.raises(RunError):
            Preprocessing.from_data(json.loads(text.replace(old, new)))

"""CSVLogger and JSONLogger: a line an epoch; tests/runs/test_journal.py holds what becomes of the files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from nnctl.core.events import EpochEnded, RunStarted, WriteLog

from .script import make, run

ROWS = [{"loss": 1.5}, {"loss": 1.0, "val_loss": 2.0}, {"loss": float("nan"), "val_loss": 1.25}]


def test_csv() -> None:
    """A name that only later epochs have, as without validation in each, has its column from the start."""
    text = run(make("CSVLogger", filename="sub/log.csv"), ROWS).texts["sub/log.csv"]
    rows = list(csv.DictReader(text.splitlines()))
    assert list(rows[0]) == ["epoch", "learning_rate", "loss", "val_loss"]
    assert [r["epoch"] for r in rows] == ["0", "1", "2"]
    assert [r["val_loss"] for r in rows] == ["NA", "2.0", "1.25"]


def test_json() -> None:
    rows = [json.loads(line) for line in run(make("JSONLogger"), ROWS).texts["log.jsonl"].splitlines()]
    assert rows[0] == {"epoch": 0, "loss": 1.5, "learning_rate": 0.1}
    assert rows[2]["loss"] is None


@pytest.mark.parametrize("name", ["CSVLogger", "JSONLogger"])
@pytest.mark.parametrize("append", [False, True])
def test_a_resumed_run_adds_to_what_there_is(name: str, append: bool) -> None:
    """Whatever `append` says: nothing is written twice, and there is one header."""
    whole = run(make(name, filename="log"), ROWS).texts
    assert run(make(name, filename="log", append=append), ROWS, restart=[0, 1, 2]).texts == whole


@pytest.mark.parametrize("name", ["CSVLogger", "JSONLogger"])
def test_a_lost_file_is_asked_for_whole(name: str) -> None:
    """From the rows of the epochs before, and only where it is this callback's that is lost."""
    logger, names = make(name, filename="log"), ("loss", "val_loss", "learning_rate")
    state = logger.start()
    texts = [*logger.handle(RunStarted("r", None, 9, 2, 0, 0, 1, {}, names), state)]
    rows = [{"loss": epoch / 7, "learning_rate": 0.1} for epoch in range(3)]
    for epoch, row in enumerate(rows):
        texts += logger.handle(EpochEnded(epoch, epoch, row, 0.1), state)
    history = [{"epoch": epoch, **row} for epoch, row in enumerate(rows)]
    for lost, told in ((frozenset(["log"]), True), (frozenset(["other"]), False)):
        event = RunStarted("r", None, 9, 2, 3, 6, 1, {}, names, lost, history)
        again = list(logger.handle(event, json.loads(json.dumps(state))))
        whole = "".join(r.text for r in texts if isinstance(r, WriteLog))
        assert again == ([WriteLog("log", whole)] if told else [])


def test_what_a_callback_remembers_does_not_grow() -> None:
    """Or the checkpoints of many short epochs would cost the square of their number."""
    short, long = (run(make("CSVLogger", filename="log"), ROWS[:1] * n).state for n in (3, 300))
    assert len(json.dumps(short)) == len(json.dumps(long))


def test_a_spreadsheet_runs_nothing() -> None:
    texts = run(make("CSVLogger", filename="log", separator=";"), [{"=cmd()": -1.0}]).texts
    assert texts["log"] == "epoch;'=cmd();learning_rate\n0;-1.0;0.1\n"


@pytest.mark.parametrize("name", ["=a", "+a", "-a", "@a", "\ta", "a=b", "_a"])
def test_names_that_a_spreadsheet_would_compute_are_quoted(name: str) -> None:
    (head, _) = run(make("CSVLogger", filename="log"), [{name: 1.0}]).texts["log"].splitlines()
    assert head.split(",")[1:] in (
        [name, "learning_rate"],
        [f"'{name}", "learning_rate"],
        ["learning_rate", name],
    )
    assert (f"'{name}" in head) == (name[0] in "=+-@\t")


def test_a_number_without_a_column_is_no_silent_loss() -> None:
    logger = make("CSVLogger", filename="log")
    state = logger.start()
    list(logger.handle(RunStarted("r", None, 9, 2, 0, 0, 1, {}, ("loss",)), state))
    with pytest.raises(ValueError, match="no column for accuracy"):
        list(logger.handle(EpochEnded(0, 1, {"loss": 1.0, "accuracy": 0.5}, 0.1), state))


def test_it_writes_nothing_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(make("CSVLogger", filename="log"), ROWS, run_dir=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("filename", "why"),
    [
        ("/etc/x", "must be a plain relative path"),
        ("../x", "must be a plain relative path"),
        (".x", "must be a plain relative path"),
        ("a/../x", "must be a plain relative path"),
        ("a/.x", "must be a plain relative path"),
        (".", "must be a plain relative path"),
        ("", ""),
        ("x" * 201, ""),
        ("metrics.jsonl", "keeps something of its own under metrics.jsonl"),
        ("checkpoints/x/y", "keeps something of its own under checkpoints"),
        ("a\\b", "holds a character that file names do not have"),
        ("a\0b", "holds a character that file names do not have"),
    ],
)
def test_names_stay_inside(filename: str, why: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make("CSVLogger", filename=filename)
    assert why in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize("filename", ["a", "x" * 200, "a.b", "logs/checkpoints/manifest.json", "A b/ü.csv"])
def test_any_other_name_will_do(filename: str) -> None:
    assert make("CSVLogger", filename=filename).config()["filename"] == filename


@pytest.mark.parametrize("separator", ["", ";;"])
def test_one_character_separates(separator: str) -> None:
    with pytest.raises(ValidationError):
        make("CSVLogger", filename="log", separator=separator)

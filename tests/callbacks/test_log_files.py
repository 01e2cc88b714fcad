"""CSVLogger and JSONLogger: no epoch twice, none missing, whatever happened in between."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from nnctl.core.errors import StorageError
from nnctl.core.events import EpochEnded, RunStarted

from .script import make, run

ROWS = [{"loss": 1.5}, {"loss": 1.0, "val_loss": 2.0}, {"loss": float("nan"), "val_loss": 1.25}]


def test_csv(tmp_path: Path) -> None:
    run(make("CSVLogger", filename="sub/log.csv"), ROWS, run_dir=tmp_path)
    with open(tmp_path / "sub" / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "learning_rate", "loss", "val_loss"]
    assert [r["epoch"] for r in rows] == ["0", "1", "2"]
    assert [r["val_loss"] for r in rows] == ["NA", "2.0", "1.25"]


def test_json(tmp_path: Path) -> None:
    run(make("JSONLogger"), ROWS, run_dir=tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert rows[0] == {"epoch": 0, "loss": 1.5, "learning_rate": 0.1}
    assert rows[2]["loss"] is None


@pytest.mark.parametrize("name", ["CSVLogger", "JSONLogger"])
@pytest.mark.parametrize("damage", ["none", "removed", "cut", "ahead"])
def test_a_resumed_run_writes_the_same_file(tmp_path: Path, name: str, damage: str) -> None:
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
    logger = make(name, filename="log")
    run(logger, ROWS, run_dir=tmp_path / "a")
    file = tmp_path / "b" / "log"
    run(logger, ROWS[:2], run_dir=tmp_path / "b")
    if damage == "removed":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-7])
    elif damage == "ahead":  # killed after epochs that no checkpoint holds
        file.write_bytes(file.read_bytes() + b"9,9,9,9\n")
    run(logger, ROWS, run_dir=tmp_path / "b", restart=[1, 2])
    assert file.read_bytes() == (tmp_path / "a" / "log").read_bytes()


def test_append_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("epoch,learning_rate,loss\n0,0.1,9.0\n")
    run(make("CSVLogger", filename="log", append=True), [{"loss": 1.0}], run_dir=tmp_path, restart=[0])
    assert (tmp_path / "log").read_text() == "epoch,learning_rate,loss\n0,0.1,9.0\n0,0.1,1.0\n"
    run(make("CSVLogger", filename="log"), [{"loss": 1.0}], run_dir=tmp_path)
    assert (tmp_path / "log").read_text() == "epoch,learning_rate,loss\n0,0.1,1.0\n"


def test_a_spreadsheet_runs_nothing(tmp_path: Path) -> None:
    run(make("CSVLogger", filename="log", separator=";"), [{"=cmd()": -1.0}], run_dir=tmp_path)
    assert (tmp_path / "log").read_text() == "epoch;'=cmd();learning_rate\n0;-1.0;0.1\n"


def test_without_a_directory_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = run(make("CSVLogger", filename="log"), ROWS)
    assert len(out.state["rows"]) == 3
    assert math.isnan(out.state["rows"][2]["loss"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "filename", ["/etc/x", "../x", ".x", "a/../x", "", "metrics.jsonl", "checkpoints/x", "a\\b"]
)
def test_names_stay_inside(filename: str) -> None:
    with pytest.raises(ValidationError):
        make("CSVLogger", filename=filename)


def test_an_unwritable_place_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(StorageError, match="cannot write"):
        run(make("CSVLogger", filename="a/log"), ROWS, run_dir=tmp_path)


@pytest.mark.parametrize("name", ["CSVLogger", "JSONLogger"])
@pytest.mark.parametrize("meddled", ["not", "removed", "cut", "longer"])
def test_the_file_is_right_after_every_epoch(tmp_path: Path, name: str, meddled: str) -> None:
    """Epochs are added one by one; a new name, or another hand in the file, has it written anew."""
    logger, file = make(name, filename="log"), tmp_path / "log"
    state = logger.start()
    list(logger.handle(RunStarted("r", tmp_path, 9, 2, 0, 0, 1, {}), state))
    for epoch in range(9):
        row = {"loss": epoch / 7} | ({"val_loss": 1.5} if epoch % 3 == 2 else {})
        list(logger.handle(EpochEnded(epoch, epoch, row, 0.1), state))
        assert file.read_text() == logger.render(state["rows"], header=True)  # type: ignore[attr-defined]
        if epoch == 5 and meddled == "removed":
            file.unlink()
        elif epoch == 5 and meddled != "not":
            text = file.read_text()
            file.write_text(text[:-3] if meddled == "cut" else text + "and more")

"""The display of a run: nothing wraps, numbers stand below each other, long runs do not flood."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from nnctl.core import events
from nnctl.core.events import Event
from nnctl.core.numbers import columns, duration, number, size, sparkline
from nnctl.report.epoch_table import EpochTable
from nnctl.report.live import Live
from nnctl.report.progress import LineProgress

FEW = {"loss": 0.5, "accuracy": 0.25, "val_loss": 0.75, "val_accuracy": 0.5, "learning_rate": 1e-3}
MANY = {
    "loss": 1.0,
    **{f"{out}_{m}": 0.5 for out in ("species", "mass", "colour") for m in ("loss", "accuracy", "mae")},
    "val_loss": 2.0,
    **{f"val_{out}_{m}": 0.5 for out in ("species", "mass", "colour") for m in ("loss", "accuracy", "mae")},
    "learning_rate": 1e-3,
}


def run(logs: dict[str, float], epochs: int, steps: int = 4) -> Sequence[Event]:
    """The events of a run."""
    told: list[Event] = [events.Compiling(0, 3, "matmul"), events.Compiling(3, 3, "")]
    told += [events.Adapting(done, 60_000, "rescaled") for done in (30_000, 60_000)]
    told.append(events.RunStarted("digits", Path("runs/digits/1"), epochs, steps, 0, 0, 1234))
    for epoch in range(epochs):
        for step in range(1, steps + 1):
            told.append(events.StepEnded(epoch, epoch * steps + step, step, steps, logs))
        told.append(events.EpochEnded(epoch, (epoch + 1) * steps, logs, 0.5))
    told.append(events.RunEnded(epochs, epochs * steps, logs, 1.5))
    told.append(events.Notice("completed: runs/digits/1\nnext: nnctl eval runs/digits/1"))
    return told


def shown(told: Sequence[Event], width: int) -> list[str]:
    """Every line that a terminal of this width is sent, bars included."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=True, color_system=None, highlight=False)
    with Live(console) as live:
        for event in told:
            live.drawn = 0.0  # every step is drawn
            live.show(event)
    return [re.sub(r"\x1b\[\S*?[A-Za-z]|\r", "", line).rstrip() for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("logs", [FEW, MANY], ids=["few", "many"])
def test_no_line_is_wider_than_the_terminal(width: int, logs: dict[str, float]) -> None:
    for line in shown(run(logs, 12), width):
        assert len(line) <= width, line


def test_a_row_an_epoch_below_one_header() -> None:
    lines = shown(run(FEW, 12), 80)
    headers = [line for line in lines if line.lstrip().startswith("epoch ") and "val_loss" in line]
    rows = [line for line in lines if "/12 " in line and "500 ms" in line]
    assert (len(headers), len(rows)) == (1, 12)
    for name in FEW:
        end = headers[0].index(name) + len(name)
        assert all(row[end - 1].isdigit() and row[end : end + 1] in ("", " ") for row in rows)
    assert any("steps/s" in line for line in lines)
    assert any(" left" in line for line in lines)
    assert any(line.startswith("examples") and "30,000/60,000  rescaled" in line for line in lines)
    assert lines[-2:] == ["completed: runs/digits/1", "next: nnctl eval runs/digits/1"] or (
        "next: nnctl eval runs/digits/1" in lines
    )


def test_the_cursor_is_never_hidden_for_long() -> None:
    """A killed process could not give it back."""
    stream = io.StringIO()
    with Live(Console(file=stream, width=80, force_terminal=True)):
        written = stream.getvalue()
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")


def test_a_long_run_does_not_flood() -> None:
    rows = [line for line in shown(run(FEW, 900, steps=1), 80) if "/900" in line and "500 ms" in line]
    assert 2 <= len(rows) < 450
    assert rows[0].strip().startswith("1/900")
    assert rows[-1].strip().startswith("900/900")


def test_what_tells_most_stays_where_there_is_little_room() -> None:
    table = EpochTable(44, 9)
    header = table.header(MANY)
    assert header is not None
    assert "loss" in header.split()
    assert "val_loss" in header.split()
    assert "learning_rate" not in header
    assert table.header(MANY) is None


def test_a_column_that_comes_later_brings_a_new_header() -> None:
    """Validation every second epoch: its columns are blank in between."""
    table = EpochTable(80, 9)
    assert table.header({"loss": 1.0}) is not None
    assert table.header({"loss": 1.0, "val_loss": 2.0}) is not None
    assert table.header({"loss": 1.0}) is None
    _, numbers, _ = table.row(events.EpochEnded(2, 3, {"loss": 1.0}, 0.1))
    assert numbers.split() == ["1.0000"]


def test_plain_lines() -> None:
    stream = io.StringIO()
    lines = LineProgress(stream)
    for event in run(FEW, 2):
        lines.show(event)
    assert stream.getvalue().splitlines() == [
        "compiling kernels (once per machine): 3 to go",
        "statistics of the training split for 'rescaled': 60,000 examples to read",
        "digits: 1,234 parameters, 4 steps an epoch in runs/digits/1",
        "epoch 1/2  step 4  loss=0.5000 accuracy=0.2500 val_loss=0.7500 val_accuracy=0.5000 "
        "learning_rate=0.001  500 ms",
        "epoch 2/2  step 8  loss=0.5000 accuracy=0.2500 val_loss=0.7500 val_accuracy=0.5000 "
        "learning_rate=0.001  500 ms",
        "trained 2 epochs, 8 steps in 1.5 s",
        "completed: runs/digits/1",
        "next: nnctl eval runs/digits/1",
    ]


def test_numbers() -> None:
    assert [number(v) for v in (0.0, 0.12345, 12.3456, 1e-5, 123456.0, float("nan"), -0.5)] == [
        "0.0000", "0.1235", "12.3456", "1.000e-05", "1.235e+05", "nan", "-0.5000",
    ]  # fmt: skip
    assert columns({"loss": 0.5, "learning_rate": 3e-4}) == "loss=0.5000 learning_rate=0.0003"
    assert [duration(s) for s in (0.0123, 3.42, 125.0, 3723.0)] == ["12 ms", "3.4 s", "2:05", "1:02:03"]
    assert [size(n) for n in (12, 2048, 3 << 20)] == ["12 B", "2.0 KiB", "3.0 MiB"]


def test_sparkline() -> None:
    assert sparkline([]) == ""
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert sparkline([0.0, 1.0, float("nan"), 0.5]) == "▁█▅"
    whole = sparkline([float(v) for v in range(1000)], width=8)
    assert whole == "▁▂▃▄▅▆▇█"
    assert sparkline([1.0, float("inf"), 2.0]) == "▁█"

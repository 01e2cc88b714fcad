"""The live display on a terminal: a line an epoch that stays, and bars that move."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nnctl.core import events
from nnctl.core.events import Event
from nnctl.core.numbers import columns, duration, number, sparkline
from nnctl.core.visible import visible
from nnctl.report.epoch_table import EpochTable
from nnctl.report.event_lines import message_lines, started_lines

_DRAW_EVERY = 0.1
"""Seconds between two drawings of the bars."""

_ALL_ROWS = 60
"""A run of more epochs than this shows a row for those that end `_ROW_EVERY` seconds after the last row."""

_ROW_EVERY = 0.25

_LONGEST_BAR = 40


class Live:
    """Shows events with rich on stderr. Draws when it is told of something; no thread of its own."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self.live = RichLive(console=self.console, auto_refresh=False, transient=True)
        self.lost = False
        self.run: events.RunStarted | None = None
        self.table = EpochTable(self.console.width, 0)
        self.losses: list[float] = []
        self.logs: dict[str, float] = {}
        self.began = self.drawn = self.rowed = time.perf_counter()

    def __enter__(self) -> Self:
        with self._careful():
            self.live.start()
            # rich hides the cursor; a process that is killed could not give it back.
            self.console.show_cursor(True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._careful():
            self.live.update(Text(""))
            self.live.stop()

    def show(self, event: Event) -> None:
        """Take an event in."""
        if not self.lost:
            with self._careful():
                self._show(event)

    @contextmanager
    def _careful(self) -> Iterator[None]:
        """A terminal that is gone is no reason to end a run."""
        try:
            yield
        except (OSError, ValueError):  # ValueError: it was closed
            self.lost = True

    def _show(self, event: Event) -> None:
        match event:
            case events.Compiling(done, total, kernel):
                self._waiting("compiling kernels (once per machine)", "kernels", done, total, kernel)
            case events.Adapting(done, total, layer):
                self._waiting("statistics of the training split", "examples", done, total, layer)
            case events.RunStarted():
                self._started(event)
            case events.StepEnded():
                self._step(event)
            case events.EpochEnded():
                self._epoch(event)
            case events.RunEnded():
                self._ended(event)
            case events.Failed() | events.Interrupted():
                self._print(event, "red" if isinstance(event, events.Failed) else "yellow")
            case events.Notice():
                self._print(event, "bold")
            case events.SplitScored():
                self._print(event, "")
            case events.Expected():
                self._print(event, "green" if event.holds else "red")
            case _:
                self._print(event, "yellow")

    def _print(self, event: Event, style: str) -> None:
        for line in message_lines(event):
            self.console.print(Text(visible(line), style=style), soft_wrap=True)

    def _started(self, event: events.RunStarted) -> None:
        self.run, self.began = event, time.perf_counter()
        self.table = EpochTable(self.console.width, event.epochs)
        for line in started_lines(event):
            self.console.print(Text(visible(line), style="bold"))

    def _epoch(self, event: events.EpochEnded) -> None:
        self.losses.append(event.logs.get("loss", float("nan")))
        now = time.perf_counter()
        many = self.run is not None and self.run.epochs > _ALL_ROWS
        last = self.run is not None and event.epoch + 1 == self.run.epochs
        if many and not last and self.table.names and now - self.rowed < _ROW_EVERY:
            return
        self.rowed = now
        header = self.table.header(event.logs)
        if header is not None:
            self._line(Text(visible(header), style="dim"))
        epoch, numbers, seconds = self.table.row(event)
        self._line(Text.assemble((epoch, "cyan"), numbers, (seconds, "dim")))

    def _ended(self, event: events.RunEnded) -> None:
        self._print(event, "green")
        if len(self.losses) > 1:
            first, last = number(self.losses[0]), number(self.losses[-1])
            self._line(Text.assemble(f"loss {first} ", (sparkline(self.losses, 40), "green"), f" {last}"))

    def _line(self, text: Text) -> None:
        self.console.print(text, no_wrap=True, overflow="ellipsis", crop=True)

    def _waiting(self, title: str, label: str, done: int, total: int, beside: str) -> None:
        """A bar of what comes before the first step, gone when it is done."""
        rows = self._rows()
        rows.add_row(*self._bar(label, done, total, 40), visible(beside))
        what = Text(title, no_wrap=True, overflow="ellipsis")
        self.live.update(Group(what, rows) if done < total else Text(""), refresh=True)

    def _step(self, event: events.StepEnded) -> None:
        if event.logs:
            self.logs = dict(event.logs)
        now = time.perf_counter()
        if now - self.drawn < _DRAW_EVERY or self.run is None:
            return
        self.drawn = now
        self.live.update(self._picture(event, now - self.began, self.run), refresh=True)

    def _picture(self, event: events.StepEnded, seconds: float, run: events.RunStarted) -> Group:
        steps = run.epochs * run.steps_per_epoch
        rate = (event.step - run.step) / max(seconds, 1e-9)
        left = duration((steps - event.step) / max(rate, 1e-9))
        rows = self._rows()
        label = f"epoch {event.epoch + 1}/{run.epochs}"
        beside = len(label) + len(f"{steps:,}") * 2 + 24
        rows.add_row(*self._bar(label, event.step_in_epoch, event.steps_per_epoch, beside), _speed(rate))
        rows.add_row(*self._bar("run", event.step, steps, beside), f"{left} left")
        now = self.logs.get("loss")
        curve = sparkline([*self.losses, now] if now is not None else self.losses)
        tail = Text.assemble((f"loss {curve}  " if curve else "", "green"), visible(columns(self.logs)))
        tail.no_wrap, tail.overflow = True, "ellipsis"
        return Group(rows, tail)

    @staticmethod
    def _rows() -> Table:
        rows = Table.grid(padding=(0, 2, 0, 0))
        for _ in range(4):
            rows.add_column(no_wrap=True, overflow="ellipsis")
        return rows

    def _bar(self, label: str, done: int, total: int, beside: int) -> tuple[Text, ProgressBar, Text]:
        """A row's label, bar and count; `beside` is what the other columns take of the line."""
        width = max(8, min(_LONGEST_BAR, self.console.width - beside))
        return Text(label, style="cyan"), ProgressBar(total, done, width=width), Text(f"{done:,}/{total:,}")


def _speed(rate: float) -> str:
    """Steps a second, or seconds a step where they are slow."""
    return f"{rate:,.0f} steps/s" if rate >= 2 else f"{duration(1 / max(rate, 1e-9))} a step"

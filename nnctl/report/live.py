"""The live display on a terminal: a line an epoch that stays, and bars that move."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nnctl.core import events
from nnctl.core.events import Event
from nnctl.report.numbers import columns, duration, sparkline
from nnctl.report.progress import message_lines, started_lines


class Live:
    """Shows events with rich on stderr."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self.live = RichLive(console=self.console, refresh_per_second=10, transient=True)
        self.run: events.RunStarted | None = None
        self.losses: list[float] = []
        self.logs: str = ""
        self.began = self.drawn = time.perf_counter()
        self.first_step = 0

    def __enter__(self) -> Self:
        self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.update(Text(""))
        self.live.stop()

    def show(self, event: Event) -> None:
        """Take an event in."""
        match event:
            case events.Compiling(done, total, kernel):
                self._compiling(done, total, kernel)
            case events.RunStarted():
                self.run, self.first_step, self.began = event, event.step, time.perf_counter()
                for line in started_lines(event):
                    self.console.print(Text(line, style="bold"))
            case events.StepEnded():
                self._step(event)
            case events.EpochEnded(epoch, _, logs, seconds):
                self.losses.append(logs.get("loss", float("nan")))
                total = self.run.epochs if self.run else epoch + 1
                row = Text.assemble(
                    (f"epoch {epoch + 1:>{len(str(total))}}/{total}", "cyan"),
                    f"  {columns(logs)}  ",
                    (duration(seconds), "dim"),
                )
                self.console.print(row)
            case _:
                for text in message_lines(event):
                    self.console.print(Text(text, style="yellow"))

    def _compiling(self, done: int, total: int, kernel: str) -> None:
        row = self._bar("compiling kernels (once per machine)", done, total)
        self.live.update(Group(row, Text(f"  {kernel}", style="dim")) if done < total else Text(""))

    def _step(self, event: events.StepEnded) -> None:
        if event.logs:
            self.logs = columns(event.logs)
        now = time.perf_counter()
        if now - self.drawn < 0.1 or self.run is None:
            return
        self.drawn = now
        done = event.step - self.first_step
        rate = done / max(now - self.began, 1e-9)
        left = self.run.epochs * self.run.steps_per_epoch - event.step
        steps = self._bar(f"epoch {event.epoch + 1}", event.step_in_epoch, event.steps_per_epoch)
        whole = self._bar("run", event.step, self.run.epochs * self.run.steps_per_epoch)
        numbers = f"  {rate:,.0f} steps/s  {duration(left / max(rate, 1e-9))} left  {self.logs}"
        curve = sparkline(self.losses)
        tail = Text.assemble(numbers, ("  loss " + curve if curve else "", "green"))
        self.live.update(Group(steps, whole, tail))

    @staticmethod
    def _bar(label: str, done: int, total: int) -> Table:
        row = Table.grid(padding=(0, 1))
        row.add_row(Text(label, style="cyan"), ProgressBar(total, done, width=40), Text(f"{done}/{total}"))
        return row

"""Showing a run as it happens: live bars on a terminal, plain lines elsewhere. Everything goes to stderr."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from nnctl.core import events
from nnctl.core.events import Event
from nnctl.core.visible import visible
from nnctl.report.errors import problem_lines
from nnctl.report.numbers import columns, duration


class Show(Protocol):
    """Something that is told of every event."""

    def __call__(self, event: Event) -> None: ...


@contextmanager
def progress(*, quiet: bool = False, stream: TextIO | None = None) -> Iterator[Show]:
    """A display for the events of one command, fit for where stderr goes."""
    stream = stream or sys.stderr
    if stream is None:
        yield lambda event: None
    elif quiet:
        yield ErrorsOnly(stream).show
    elif stream.isatty() and os.environ.get("TERM") != "dumb":
        from nnctl.report.live import Live

        with Live() as live:
            yield live.show
    else:
        yield LineProgress(stream).show


class LineProgress:
    """One plain line an epoch and for whatever else matters: a log.

    A log that can no longer be written (a full disk, a reader that is gone) does not end a run.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.epochs = 0
        self.last = time.perf_counter()
        self.compiling = False
        self.lost = False

    def show(self, event: Event) -> None:
        """Write the line, if any, that this event is worth."""
        for line in self.lines(event):
            if self.lost:
                return
            try:
                print(visible(line), file=self.stream, flush=True)
            except (OSError, ValueError):  # ValueError: it was closed
                self.lost = True

    def lines(self, event: Event) -> list[str]:
        """The lines of one event."""
        match event:
            case events.Compiling(done, total, _):
                if not self.compiling and done == 0:
                    self.compiling = True
                    return [f"compiling kernels (once per machine): {total} to go"]
                return []
            case events.RunStarted():
                self.epochs = event.epochs
                return started_lines(event)
            case events.EpochEnded(epoch, step, logs, seconds):
                return [f"epoch {epoch + 1}/{self.epochs}  step {step}  {columns(logs)}  {duration(seconds)}"]
            case _:
                return message_lines(event)


class ErrorsOnly(LineProgress):
    """Errors alone: a run that failed says why."""

    def lines(self, event: Event) -> list[str]:
        """The lines of a failure; no others."""
        return message_lines(event) if isinstance(event, events.Failed) else []


def started_lines(event: events.RunStarted) -> list[str]:
    """What is trained, and where it goes on."""
    where = f" in {event.run_dir}" if event.run_dir else ""
    lines = [f"{event.name}: {event.parameters:,} parameters, {event.steps_per_epoch} steps an epoch{where}"]
    if event.step:
        lines.append(f"resumed at epoch {event.epoch + 1}, step {event.step}")
    return lines


def message_lines(event: Event) -> list[str]:
    """The lines that both displays give for the rarer events."""
    match event:
        case events.LearningRateChanged(step, rate, reason):
            return [f"step {step}: learning rate {rate:.6g} ({reason})"]
        case events.Stopped(epoch, step, reason):
            return [f"stopped after epoch {epoch}, step {step}: {reason}"]
        case events.Interrupted(step, signal):
            name = {1: "SIGHUP", 2: "Ctrl-C", 15: "SIGTERM"}.get(signal, f"signal {signal}")
            return [f"{name}: step {step} finished, checkpoint committed"]
        case events.Failed(step, what, layer):
            where = f"; it first appeared in '{layer}'" if layer else ""
            return [f"step {step}: {what} is not finite{where}; the update was not applied"]
        case events.RunEnded(epochs, step, _, seconds, restored):
            back = f"; the weights of epoch {restored + 1} were put back" if restored is not None else ""
            return [f"trained {epochs} epochs, {step:,} steps in {duration(seconds)}{back}"]
        case events.Warned(problems):
            return problem_lines(problems)
        case events.Notice(text):
            return text.splitlines()
        case _:
            return []

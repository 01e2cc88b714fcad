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
from nnctl.core.numbers import columns, duration
from nnctl.core.visible import visible
from nnctl.report.event_lines import message_lines, started_lines


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
        self.adapting = ""
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
            case events.Adapting(_, total, layer):
                if layer == self.adapting:
                    return []
                self.adapting = layer
                return [f"statistics of the training split for '{layer}': {total:,} examples to read"]
            case events.RunStarted():
                self.epochs = event.epochs
                return started_lines(event)
            case events.EpochEnded(epoch, step, logs, seconds):
                return [f"epoch {epoch + 1}/{self.epochs}  step {step}  {columns(logs)}  {duration(seconds)}"]
            case _:
                return message_lines(event)


class ErrorsOnly(LineProgress):
    """Only errors: a run that failed says why, and one that is not what was expected of it."""

    def lines(self, event: Event) -> list[str]:
        """The lines of a failure; no others."""
        broken = isinstance(event, events.Expected) and not event.holds
        return message_lines(event) if broken or isinstance(event, events.Failed) else []

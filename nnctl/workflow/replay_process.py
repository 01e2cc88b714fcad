"""`python -m nnctl.workflow.replay_process`: trains a run again in a process of its own, as `bisect` asks.

Requests come line by line on stdin, each a JSON object whose `do` is a method of `Answers`. Each is answered
by a line on stdout: `{"answer": ...}`, or `{"error", "exit_code"}`; before that there may be lines
`{"event", "fields"}`. Another version of nnctl may be at the other end.
"""

# ruff: noqa: E402
from __future__ import annotations

import gc

# As for the command line: a start makes many objects and no garbage; training looks for garbage again.
gc.disable()

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nnctl import __version__
from nnctl.core import events
from nnctl.core.errors import ConfigError, NnctlError
from nnctl.core.events import Event
from nnctl.runs.directory import RunDirectory
from nnctl.spec.output.render import render_all
from nnctl.workflow.again import train_again
from nnctl.workflow.pieces import PROTOCOL
from nnctl.workflow.plugins import plugin_error
from nnctl.workflow.replayer import Replayer


class Answers:
    """What is asked, and the answers as JSON has them.

    Args:
        watch: Told what happens before the first step.
    """

    def __init__(self, watch: Callable[[Event], None]) -> None:
        self.watch = watch
        self.run = Path()
        self._replayer: Replayer | None = None

    def answer(self, do: str, **given: Any) -> Any:
        """What the method `do` answers. Raises NnctlError, as `train_again` does."""
        found: Any = getattr(self, f"do_{do}")(**given)
        return found

    @property
    def replayer(self) -> Replayer:
        """The training, once it is prepared."""
        assert self._replayer is not None
        return self._replayer

    def do_prepare(
        self, run: str, folder: str, data: str | None, threads: int, allow_plugins: bool
    ) -> dict[str, Any]:
        """Make everything ready for the first step; what is going to be trained."""
        self.run = Path(run)
        job = train_again(
            RunDirectory(self.run),
            data=None if data is None else Path(data),
            threads=threads,
            allow_plugins=allow_plugins,
            watch=self.watch,
        )
        self._replayer = Replayer(job, Path(folder))
        return {
            "protocol": PROTOCOL,
            "nnctl": __version__,
            "name": job.name,
            "epochs": job.epochs,
            "steps_per_epoch": job.batches.steps,
            "parameters": sum(job.session.model.parameters()),
        }

    def do_begin(self, checkpoint: str | None) -> dict[str, Any]:
        """Start at a checkpoint, or before the first step; where that is."""
        if checkpoint is not None:
            self.replayer.load(Path(checkpoint), self.run)
        return asdict(self.replayer.mark())

    def do_go(self, to: int) -> dict[str, Any]:
        """Train on."""
        return asdict(self.replayer.go(to))

    def do_each(self, to: int) -> list[dict[str, Any]]:
        """Train on; a mark after each step."""
        return [asdict(mark) for mark in self.replayer.each(to)]

    def do_trace(self, take: int | None) -> list[Any]:
        """Train one step; what was written in it, and its hash."""
        return [[asdict(written), digest] for written, digest in self.replayer.trace(take)]

    def do_back(self) -> None:
        """Return to where the last piece began."""
        self.replayer.back()

    def do_parts(self) -> dict[str, str]:
        """The hashes of the state's parts."""
        return self.replayer.parts()

    def do_part(self, name: str) -> None:
        """Write a part to a file."""
        self.replayer.take_part(name)


def main() -> None:
    """Answer until nobody asks any more."""
    # Whoever started this process ends it: a Ctrl-C reaches both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a plugin prints is no answer

    def write(line: dict[str, Any]) -> None:
        lines.write(json.dumps(line) + "\n")
        lines.flush()

    def watch(event: Event) -> None:
        if isinstance(event, events.Compiling | events.Adapting):
            write({"event": type(event).__name__, "fields": asdict(event)})

    answers = Answers(watch)
    for line in sys.stdin:
        try:
            write({"answer": answers.answer(**json.loads(line))})
        except Exception as error:
            known = error if isinstance(error, NnctlError) else plugin_error(error)
            if known is None:
                raise
            write({"error": error_text(known), "exit_code": known.exit_code})


def error_text(error: NnctlError) -> str:
    """What an error says, a config's problems with their places."""
    return render_all(error.problems) if isinstance(error, ConfigError) else str(error)


if __name__ == "__main__":
    main()

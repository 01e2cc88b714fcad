"""Trainings that are gone through again, each in a process of its own, as the process that asks sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from nnctl.core import events
from nnctl.core.arrays import Array
from nnctl.core.errors import RunError
from nnctl.core.events import Event
from nnctl.core.records import record
from nnctl.program.written import Written
from nnctl.workflow.pieces import TAKEN, Mark, Piece

MODULE = "nnctl.workflow.replay_process"
_EVENTS: dict[str, Callable[..., Event]] = {"Compiling": events.Compiling, "Adapting": events.Adapting}


@record
class Task:
    """What shall be trained again.

    Attributes:
        side: What the user calls it: A or B.
        run: Whose config and data are used.
        python: The interpreter whose nnctl trains, as a shell would be told; None: this one.
        data: Where the data is now, if not where the run says.
        folder: A directory for arrays that go from one process to the other.
    """

    side: str
    run: Path
    python: str | None
    data: Path | None
    folder: Path
    threads: int
    allow_plugins: bool

    def preparing(self) -> dict[str, Any]:
        """The request that makes it ready."""
        return {
            "run": str(self.run.absolute()),
            "folder": str(self.folder),
            "data": None if self.data is None else str(self.data.absolute()),
            "threads": self.threads,
            "allow_plugins": self.allow_plugins,
        }


class Replay(Protocol):
    """One of them; a question is asked and its answer taken apart from it, so that several work at once."""

    task: Task

    def ask(self, do: str, **given: Any) -> None:
        """Ask for what `replay_process` calls `do`."""
        ...

    def answer(self) -> Any:
        """The answer to what was asked last. Raises RunError where it could not be done."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class ReplayProcess:
    """A process that answers.

    Args:
        watch: Told what happens before the first step.
    """

    def __init__(self, task: Task, watch: Callable[[Event], None]) -> None:
        self.task, self.watch = task, watch
        # Not from the working directory: another interpreter's nnctl is the one that is installed there.
        command = [task.python or sys.executable, "-P", "-m", MODULE]
        own = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))} if task.python is None else {}
        self._said = task.folder / "stderr"
        try:
            with open(self._said, "wb") as said:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    text=True,
                    encoding="utf-8",
                    env={**os.environ, **own},
                )
        except OSError as error:
            raise RunError(f"{task.side}: cannot run {task.python}: {error.strerror}") from error

    def ask(self, do: str, **given: Any) -> None:
        """Send a request."""
        with suppress(OSError):  # it has ended; `answer` says so
            print(json.dumps({"do": do, **given}), file=self._pipe(self._process.stdin), flush=True)

    def answer(self) -> Any:
        """Wait for the answer.

        Raises:
            RunError: there is none: the run cannot be trained again, or the process has ended.
        """
        for line in self._pipe(self._process.stdout):
            match _read(line):
                case {"answer": answer}:
                    return answer
                case {"error": str(text), "exit_code": int(code)}:
                    error = RunError(f"{self.task.side}: {text}")
                    error.exit_code = code
                    raise error
                case {"event": str(name), "fields": dict(fields)} if name in _EVENTS:
                    self.watch(_EVENTS[name](**fields))
                case _:
                    break
        raise self._gone()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.communicate()

    @staticmethod
    def _pipe(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream

    def _gone(self) -> RunError:
        """Why there is no answer: what the process said last."""
        self._process.kill()
        code = self._process.wait()
        said = self._said.read_text("utf-8", "replace").strip().splitlines()
        python = self.task.python or sys.executable
        why = said[-1] if said else f"it ended with exit code {code}"
        return RunError(f"{self.task.side}: {python} cannot train {self.task.run} again: {why}")


def _read(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def together(replays: Sequence[Replay], do: str, **given: Any) -> list[Any]:
    """Ask all the same at once; their answers."""
    for replay in replays:
        replay.ask(do, **given)
    return [replay.answer() for replay in replays]


def taken(replay: Replay) -> Array | None:
    """The array that was asked for last; None where a step that is not deterministic did not write it."""
    file = replay.task.folder / TAKEN
    if not file.exists():
        return None
    array: Array = np.load(file, allow_pickle=False)
    return array


def mark_of(answer: Mapping[str, Any]) -> Mark:
    """A mark as it was answered."""
    return Mark(**answer)


def piece_of(answer: Mapping[str, Any]) -> Piece:
    """A piece as it was answered."""
    tuples = {name: tuple(answer[name]) for name in ("rows", "digests")}
    return Piece(**{**answer, **tuples, "mark": mark_of(answer["mark"])})


def written_of(answer: Sequence[Any]) -> list[tuple[Written, str]]:
    """What a step wrote, as it was answered."""
    return [(Written(**{**fields, "kernels": tuple(fields["kernels"])}), digest) for fields, digest in answer]

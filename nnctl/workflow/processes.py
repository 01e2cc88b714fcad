"""Work that is done in processes of its own: what one breaks, or leaves in memory, is no other's."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import TypeVar

from nnctl.core.records import record

Task = TypeVar("Task")
Result = TypeVar("Result")


@record
class Lost:
    """What is known of a process that ended without a result."""

    exit_code: int | None

    def words(self) -> str:
        """How it ended."""
        if self.exit_code is not None and self.exit_code < 0:
            why = " (the system's memory may have run out)" if self.exit_code == -signal.SIGKILL else ""
            return f"its process was ended by {signal.Signals(-self.exit_code).name}{why}"
        return f"its process ended without a word, with exit code {self.exit_code}"


def each_alone(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    jobs: int,
    again: Callable[[Lost], bool] = lambda lost: False,
) -> Iterator[tuple[int, Result | Lost]]:
    """The number of each task and what `function` makes of it, as they are done, `jobs` at a time.

    Who stops iterating, or is told to end, leaves no process behind.

    Args:
        again: Whether a task whose process was lost is given to another one.
    """
    context = get_context("spawn")
    waiting = list(enumerate(tasks))[::-1]
    running: dict[Connection, tuple[int, SpawnProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                number, task = waiting.pop()
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_send, args=(sender, function, task), daemon=True)
                process.start()
                sender.close()
                running[receiver] = number, process
            for receiver in [r for r in wait(list(running)) if isinstance(r, Connection)]:
                number, process = running.pop(receiver)
                result = _received(receiver)
                process.join()
                if result is None and again(Lost(process.exitcode)):
                    waiting.append((number, tasks[number]))
                else:
                    yield number, Lost(process.exitcode) if result is None else result
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()


def _send(sender: Connection, function: Callable[[Task], Result], task: Task) -> None:
    sender.send(function(task))


def _received(receiver: Connection) -> Result | None:
    """What a process sent; None where it ended before it did."""
    try:
        found: Result = receiver.recv()
        return found
    except EOFError:
        return None
    finally:
        receiver.close()


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM raise SystemExit, so that what is under way is cleaned up."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = None
    with suppress(ValueError):  # Not the main thread: whoever runs it there deals with signals.
        before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)

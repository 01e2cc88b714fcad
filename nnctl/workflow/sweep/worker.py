"""A worker: one trial after another, until none is left that anybody could give back."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from nnctl.core.errors import NnctlError
from nnctl.core.records import record
from nnctl.workflow.sweep.board import Board, Study, Taken
from nnctl.workflow.sweep.storage import open_storage
from nnctl.workflow.sweep.trial import How, attempt

BEAT = 10.0
"""Seconds between two signs of life."""


@record
class Work:
    """What a worker is told.

    Attributes:
        until: By the system's clock, when no further trial is begun.
        parent: The process that waits for it; without it a worker ends.
    """

    study: Study
    place: Path
    key: str
    how: How
    grace: float
    parent: int
    until: float | None = None


@record
class Worked:
    """How a worker ended: the error that ended it before its work was done."""

    error: NnctlError | None = None


def work(task: Work) -> Worked:
    """Work until nothing is left."""
    # Ctrl-C in a terminal reaches every process of a group; the parent tells this one what to do.
    os.setpgid(0, 0)
    try:
        board = Board(task.study, open_storage(task.place), task.place, task.key, task.grace)
        while os.getppid() == task.parent and (task.until is None or time.time() < task.until):
            board.give_back_dead()
            board.fill()
            taken = board.take()
            if taken is None:
                if not board.anybody():
                    return Worked()
                time.sleep(0.5)
                continue
            with _Life(board, taken, task.parent):
                ended_by = attempt(board, taken, task.how)
            taken.claim.release()
            if ended_by is not None:
                return Worked()
    except NnctlError as error:
        return Worked(error)
    return Worked()


class _Life:
    """Signs of life while a trial is trained, which ends where the worker's parent does."""

    def __init__(self, board: Board, taken: Taken, parent: int) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, args=(board, taken, parent), daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self, board: Board, taken: Taken, parent: int) -> None:
        count, due = 0, time.monotonic() + BEAT
        while not self._over.wait(0.5):
            if os.getppid() != parent:
                return os.kill(os.getpid(), signal.SIGTERM)
            if time.monotonic() >= due:
                count, due = count + 1, time.monotonic() + BEAT
                try:
                    board.beat(taken, count)
                except NnctlError:
                    continue  # The trial's own questions will say so.
        return None

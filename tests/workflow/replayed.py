"""Trainings that are gone through again within the test's process, with faults or without."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from nnctl.core.errors import NnctlError, RunError
from nnctl.core.events import Event
from nnctl.workflow.bisect import Bisected, StartReplay, bisect
from nnctl.workflow.replay_process import Answers, error_text
from nnctl.workflow.replays import Task
from tests.workflow.planted import Fault, planted


class LocalReplay:
    """Answers as a process would: what is asked and answered goes through JSON."""

    def __init__(self, task: Task, watch: Callable[[Event], None], fault: Fault | None) -> None:
        self.task, self.fault = task, fault
        self.answers = Answers(watch)
        self.asked = ""

    def ask(self, do: str, **given: Any) -> None:
        self.asked = json.dumps({"do": do, **given})

    def answer(self) -> Any:
        with planted(self.fault) if self.fault is not None else nullcontext():
            try:
                found = self.answers.answer(**json.loads(self.asked))
            except NnctlError as error:
                told = RunError(f"{self.task.side}: {error_text(error)}")
                told.exit_code = error.exit_code
                raise told from error
            return json.loads(json.dumps(found))

    def close(self) -> None:
        pass


def local(faults: Mapping[str, Fault]) -> StartReplay:
    """What starts them, with a fault by side."""
    return lambda task, watch: LocalReplay(task, watch, faults.get(task.side))


def bisected(a: Path, b: Path, faults: Mapping[str, Fault] | None = None, **options: Any) -> Bisected:
    """`bisect` without processes of its own."""
    return bisect(str(a), str(b), start=local(faults or {}), threads=1, **options)

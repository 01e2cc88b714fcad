"""The loop by itself: what its promises rest on, step by step."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nnctl.callbacks.base import CallbackSpec
from nnctl.core import events
from nnctl.program.programs import TrainingProgram
from nnctl.program.session import Session
from nnctl.program.whole_step import WholeStep
from nnctl.runner.train import Job, _Loop, train
from nnctl.workflow.assemble import assemble
from nnctl.workflow.train import make_job, prepare

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def job(epochs: int = 2) -> Job:
    """A few epochs of the smallest config, nothing kept."""
    assembled = assemble(CONFIGS / "iris.yaml", overrides=[f"training.epochs={epochs}"])
    session = assembled.session(1)
    made = make_job(assembled, session)
    prepare(made)
    session.initialize()
    return made


@dataclass
class _Spoiling:
    """A program that leaves NaN in the whole arena, as far as it is not its own result."""

    session: Session
    program: Any

    @property
    def outputs(self) -> dict[str, np.ndarray[Any, Any]]:
        return {name: array.copy() for name, array in self.kept.items()}

    runner = stretches = None

    @property
    def inputs(self) -> Any:
        return self.program.inputs

    def run(self) -> None:
        self.program.run()
        self.kept = {name: array.copy() for name, array in self.program.outputs.items()}
        self.session._arena[...] = 0xFF


def test_a_step_reads_nothing_of_a_program_after_the_next_one_has_run() -> None:
    spoiled = job()
    made = spoiled.session.step

    def step(training: TrainingProgram, updates: bool) -> WholeStep:
        programs = made(training, updates).programs().values()
        return WholeStep(*(_Spoiling(spoiled.session, program) for program in programs))  # type: ignore[arg-type]

    spoiled.session.step = step  # type: ignore[method-assign]
    assert isinstance(list(train(spoiled))[-1], events.RunEnded)
    plain = job()
    list(train(plain))
    for name, array in plain.session.weights.arrays.items():
        assert array.tobytes() == spoiled.session.weights.arrays[name].tobytes(), name


class _Timing(CallbackSpec):
    """Wants the calls of the second step."""

    def handle(self, event: events.Event, state: dict[str, Any]) -> tuple[()]:
        return ()

    def profiles(self, step: int) -> bool:
        return step == 2


def test_the_calls_of_a_step_are_timed_where_a_callback_wants_them() -> None:
    began = time.perf_counter()
    timed = replace(job(epochs=1), callbacks=[_Timing()])
    steps = [event for event in train(timed) if isinstance(event, events.StepEnded)]
    took = time.perf_counter() - began
    assert [event.step for event in steps if event.calls] == [2]
    calls = steps[1].calls
    assert {call.step for call in calls} == {2}
    # The programs in their order, and in them what the layers, the check and the optimizer do.
    assert list(dict.fromkeys(call.program for call in calls)) == ["training", "check", "update"]
    assert [c.op for c in calls if c.program == "check"] == ["FirstNonFinite", "StopUnlessFinite"]
    assert {c.origin for c in calls if c.program == "update"} == {"Adam"}
    assert {"dense", "loss"} <= {c.origin for c in calls if c.program == "training"}
    ends = [0.0, *(call.start + call.seconds for call in calls)]
    assert all(before <= call.start for before, call in zip(ends, calls, strict=False))
    assert all(call.seconds > 0 for call in calls)
    assert ends[-1] < took
    plain = job(epochs=1)
    list(train(plain))
    for name, array in plain.session.weights.arrays.items():
        assert array.tobytes() == timed.session.weights.arrays[name].tobytes(), name


def test_an_epoch_whose_validation_is_nan_is_not_the_best_for_ever() -> None:
    loop = _Loop(job(), None)
    assert [loop._is_best({"val_loss": v}) for v in (math.nan, 2.0, 3.0, 1.0)] == [False, True, False, True]

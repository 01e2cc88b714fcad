"""A step as one call: the same bits as its programs one by one, and no update of what is not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnctl.kernels.chain import Chain
from nnctl.program.programs import EvaluationProgram, TrainingProgram
from nnctl.program.session import Session
from nnctl.program.whole_step import WholeStep
from tests.program.test_session import X, dense, model_of, session_of

SMALL = TrainingProgram({"x": (4, 5)})


def made(**training: Any) -> tuple[Session, WholeStep]:
    """A session whose kernels are compiled, and its step over four examples."""
    session = session_of(model_of([dense(3, "a"), dense(1, "b")]), **training)
    updates = "gradient_accumulation_steps" not in training.get("optimizer", {})
    programs = session.step(SMALL, updates).programs().values()
    session.compile_kernels()
    return session, WholeStep(*programs)


def feed(step: WholeStep, target: float) -> None:
    step.training.inputs["input:x"][...] = X
    step.training.inputs["target:b"][...] = target


@pytest.mark.parametrize("optimizer", [{"type": "Adam"}, {"type": "SGD", "gradient_accumulation_steps": 2}])
def test_one_call_has_the_bits_of_three(optimizer: dict[str, Any]) -> None:
    results = []
    for together in (True, False):
        session, step = made(optimizer=optimizer)
        assert isinstance(step._chain, Chain)
        step._chain = step._chain if together else None
        for batch in range(3):
            feed(step, 0.5 * batch)
            session.take_hyper(batch, 0.1)
            step.run()
            assert session.bound(SMALL).tenant.program is step.update
        slots = [slot.tobytes() for slot in session.slots.values()]
        results.append([session.weights.flat.tobytes(), session.states["loss/mean"].tobytes(), *slots])
    assert results[0] == results[1]
    assert any(results[0][2:]) or optimizer["type"] == "SGD"


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("target", "weight"), [(np.nan, 0.25), (1e200, 0.25), (0.0, np.inf)], ids=["nan", "loss", "gradient"]
)
def test_nothing_is_updated_where_something_is_not_finite(
    target: float, weight: float, together: bool
) -> None:
    session, step = made(optimizer={"type": "Adam"})
    step._chain = step._chain if together else None
    session.weights.arrays["b/kernel"][0] = weight
    before = session.weights.flat.tobytes()
    feed(step, target)
    session.take_hyper(0, 0.1)
    with pytest.raises(FloatingPointError, match="the loss or a gradient is not finite"):
        step.run()
    assert session.weights.flat.tobytes() == before
    assert not any(slot.any() for slot in session.slots.values())


def test_a_loss_too_large_for_its_type_stops_the_step_though_every_gradient_is_finite() -> None:
    _, step = made()
    feed(step, 1e160)
    with pytest.raises(FloatingPointError):
        step.run()
    assert step.check.outputs["bad"][0] == -1
    assert np.isinf(step.training.outputs["loss"][0])


def test_the_loss_outlasts_the_programs_that_follow() -> None:
    session, step = made()
    feed(step, 0.5)
    session.take_hyper(0, 0.1)
    step.run()
    session._arena[...] = 0xFF
    assert 0 < step.training.outputs["loss"][0] < 10


def test_conditional_calls_and_kernels_not_yet_compiled_run_program_by_program() -> None:
    session = session_of(model_of([dense(3, "a"), dense(1, "b")]))
    step = session.step(SMALL, True)
    assert step._chain is None
    feed(step, 0.5)
    session.take_hyper(0, 0.1)
    step.run()
    session.compile_kernels()
    assert WholeStep(*step.programs().values())._chain is not None
    step.training.stretches = []
    assert WholeStep(*step.programs().values())._chain is None


def test_a_step_is_made_once_and_anew_where_the_arena_moves() -> None:
    session = session_of(model_of([dense(3, "a"), dense(1, "b")]))
    step = session.step(SMALL, True)
    assert session.step(TrainingProgram({"x": (4, 5)}), True) is step
    session.bound(EvaluationProgram({"x": (4000, 5)}))
    again = session.step(SMALL, True)
    assert again is not step
    assert np.shares_memory(again.training.inputs["input:x"], session._arena)
    large = session.step(TrainingProgram({"x": (9000, 5)}), True)
    assert np.shares_memory(large.training.inputs["input:x"], session._arena)
    assert all(program in session._bound.values() for program in large.programs().values())

"""What the calls of a step write, value by value: complete, in order, whatever lay in memory before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.program.bind import Bound
from nnctl.program.programs import EvaluationProgram, TrainingProgram
from nnctl.program.session import Session
from nnctl.program.written import Written, WrittenValues
from tests.program.test_session import dense, model_of, session_of
from tests.program.test_slices import in_slices, session_for

ROWS = np.random.default_rng(3).random((4, 5))


def told(session: Session, step: int = 0) -> list[tuple[Written, bytes]]:
    """What a whole step over the same four rows writes."""
    whole = session.step(TrainingProgram({"x": (4, 5)}), True)
    session.compile_kernels()
    found: list[tuple[Written, bytes]] = []
    session.watch_calls(
        WrittenValues(session, lambda written, array: found.append((written, array.tobytes())))
    )
    feed(whole.training.inputs)
    session.take_hyper(step, 0.1)
    whole.run()
    session.watch_calls(None)
    return found


def feed(inputs: dict[str, Array]) -> None:
    inputs["input:x"][...] = ROWS
    inputs["target:b"][...] = 0.5
    if "step" in inputs:
        inputs["step"][...] = 3


def session(**training: Any) -> Session:
    layers = [dense(3, "a", activation="relu"), {"type": "Dropout", "rate": 0.5, "name": "d"}, dense(1, "b")]
    made = session_of(model_of(layers), **{"optimizer": {"type": "Adam"}, **training})
    made.initialize()
    return made


def test_a_step_is_told_in_order() -> None:
    values = [written for written, _ in told(session())]
    kinds = [each.kind for each in values]
    assert (kinds[:3], sorted(each.name for each in values[:3])) == (
        ["input"] * 3,
        ["input:x", "step", "target:b"],
    )
    first = {kind: kinds.index(kind) for kind in ("forward", "gradient", "check", "update")}
    assert list(first.values()) == sorted(first.values())
    assert [each.layer for each in values if each.kind == "forward"][:2] == ["a", "d"]
    assert values[first["gradient"]].op.startswith("Fill")
    named = [each.name for each in values if each.kind == "gradient" and each.name]
    assert sorted(named) == [f"gradient:{name}" for name in ("a/bias", "a/kernel", "b/bias", "b/kernel")]
    assert values[kinds.index("check") + kinds.count("check")].name == "hyper"
    updates = [(each.layer, each.name) for each in values if each.kind == "update"]
    for name in ("a/kernel", "a/bias", "b/kernel", "b/bias"):
        assert {(name[0], f"{part}:{name}") for part in ("weights", "momentum", "velocity")} <= set(updates)
    assert all(each.op and each.kernels for each in values if each.kind != "input")


def test_watching_changes_no_bits() -> None:
    one, other = session(), session()
    told(one)
    whole = other.step(TrainingProgram({"x": (4, 5)}), True)
    other.compile_kernels()
    feed(whole.training.inputs)
    other.take_hyper(0, 0.1)
    whole.run()
    assert one.weights.flat.tobytes() == other.weights.flat.tobytes()
    assert one.slots.keys() == other.slots.keys()
    assert all(one.slots[name].tobytes() == other.slots[name].tobytes() for name in one.slots)


def test_what_lay_in_memory_before_is_not_told() -> None:
    """Nor what another step left there: values are whole when they are told."""
    fresh, used = session(), session()
    used._arena[...] = 255
    told(used, step=7)
    used.initialize()
    used.reset_states()
    for slot in used.slots.values():
        slot[...] = 0
    assert told(used) == told(fresh)


@pytest.mark.parametrize("rows", [None, 2])
def test_an_evaluation_in_slices_is_told_by_wholes(rows: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five examples, two at a time: what slices make is told once, when the last has run."""
    in_slices(monkeypatch, rows)
    made = session_for("read on")
    program = made.bound(EvaluationProgram({"x": (5, 5)}))
    made.compile_kernels()
    found: list[tuple[Written, tuple[int, ...], bytes]] = []

    def see(written: Written, array: Array) -> None:
        found.append((written, array.shape, array.tobytes()))

    made.watch_calls(WrittenValues(made, see))
    run_on_halves(program)
    count = len(found)
    keys = [(written.layer, written.output, written.name, written.op) for written, _, _ in found]
    assert len(keys) == len(set(keys))
    assert {written.kind for written, _, _ in found} == {"input", "evaluation"}
    shapes = {written.layer: shape for written, shape, _ in found if written.layer in ("a", "y")}
    assert shapes == {"a": (5, 4), "y": (5, 3)}
    made.reset_states()
    run_on_halves(program)
    assert found[count:] == found[:count]


def run_on_halves(program: Bound) -> None:
    for array in program.inputs.values():
        array[...] = 0.5
    program.run()


def test_who_begins_to_watch_sees_every_call() -> None:
    """Also those that follow from weights alone, which need not run again; in memory without a trace."""
    made = session_for("image")
    program = made.bound(EvaluationProgram({"x": (5, 6, 5, 2)}))
    made.compile_kernels()
    assert program.settled
    run_on_halves(program)
    seen: list[int] = []

    def watch(program: Bound, at: int, run: Callable[[], None]) -> None:
        seen.append(at)
        run()

    assert made._arena.any()
    made.watch_calls(watch)
    assert not made._arena.any()
    program.run_again()
    assert seen == list(range(len(program.calls)))

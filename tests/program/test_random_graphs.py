"""Random models: passes and memory plan change no bit, and the gradients are the losses' slopes."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.program.programs import EvaluationProgram, PredictionProgram, TrainingProgram
from nnctl.program.session import Session
from nnctl.program.step import InputSizes
from tests.program.invariants import broken_invariants

from .random_graphs import (
    IMAGES,
    INPUTS,
    SMOOTH,
    compiled_program,
    fill_inputs,
    plain_program,
    random_images,
    random_model,
    session_of,
)

BATCH = 5
SIZES = {name: (BATCH, *shape) for name, shape in INPUTS.items()}


@pytest.mark.parametrize("seed", range(40))
def test_a_compiled_program_gives_the_bits_of_the_plain_one(seed: int) -> None:
    compare(session_of(random_model(seed)), SIZES, seed)


@pytest.mark.parametrize("seed", range(25))
def test_what_kernels_of_images_fuse_gives_the_same_bits(seed: int) -> None:
    compare(session_of(random_images(seed)), {"a": (3, *IMAGES["a"])}, seed)


def compare(session: Session, sizes: InputSizes, seed: int) -> None:
    """Every program of the session against its plain form: outputs, states, weights, gradients."""
    before = session.weights.snapshot()
    for kind in (PredictionProgram, EvaluationProgram, TrainingProgram):
        found = []
        for make in (plain_program, compiled_program):
            session.weights.load(before)
            session.weights.gradients[...] = 0
            session.reset_states()
            program = make(session, kind(sizes))
            for _ in range(2):
                # Twice: what the first run left in the arena must not matter.
                fill_inputs(program, seed)
                program.run()
            arrays = {f"output {name}": array.copy() for name, array in program.outputs.items()}
            arrays |= {f"state {name}": array.copy() for name, array in session.states.items()}
            arrays |= {f"weight {name}": array for name, array in session.weights.snapshot().items()}
            found.append(arrays | {"gradients": session.weights.gradients.copy()})
        for name, plain in found[0].items():
            # Zeros may differ in sign: a relu of its own gives -0 where one in a product's epilogue gives 0.
            assert (plain + 0.0).tobytes() == (found[1][name] + 0.0).tobytes(), f"{kind.name}: {name}"
        assert np.isfinite(found[0].get("output loss", np.zeros(1))).all()
        assert not broken_invariants(session.compiled(kind(sizes)).graph)


@pytest.mark.parametrize("seed", range(100, 106))
def test_gradients_are_slopes(seed: int) -> None:
    model = random_model(seed, SMOOTH, layers=9)
    session = session_of(model, "float64")
    program = compiled_program(session, TrainingProgram(SIZES))
    before = session.weights.snapshot()
    rng = np.random.default_rng(seed)

    def loss() -> float:
        fill_inputs(program, seed)
        program.run()
        return float(program.outputs["loss"][0])

    loss()
    gradients = {name: view.copy() for name, view in session.weights.gradient_views.items()}
    for name, gradient in gradients.items():
        direction = rng.standard_normal(gradient.shape)
        values = []
        for factor in (1, -1, 2, -2):
            session.weights.load(before)
            session.weights.arrays[name][...] += factor * 1e-4 * direction
            values.append(loss())
        near, far = values[0] - values[1], values[2] - values[3]
        slope = (8 * near - far) / 12e-4
        assert slope == pytest.approx((gradient * direction).sum(), rel=1e-6, abs=1e-7), name

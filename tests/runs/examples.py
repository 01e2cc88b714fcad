"""Small states of unequal sizes for the tests of `runs`."""

from __future__ import annotations

import numpy as np

from nnctl.runs.model_file import ModelFile
from nnctl.runs.state import TrainingState


def example_state(step: int = 7, scale: float = 1.0) -> TrainingState:
    """A state with every field filled; different at every step."""
    rng = np.random.default_rng(step)
    weights = {
        "dense/kernel": (scale * rng.random((3, 5))).astype("<f4"),
        "dense/bias": np.zeros(5, "<f4"),
        "odd/%name/./x": rng.random((2, 1, 4)),
        "count": np.array(step, "<i8"),
        "empty": np.zeros((0, 3), "<f4"),
    }
    return TrainingState(
        step=step,
        epoch=step // 4,
        step_in_epoch=step % 4,
        weights=weights,
        trainable={name: name != "count" for name in weights},
        optimizer={f"{n}/momentum": np.full_like(w, step) for n, w in weights.items()},
        scalars={"learning_rate": 0.1 / (step + 1), "beta_power": 1e-300},
        callback_states=[{"best": 0.1 + 0.2, "wait": 3, "rows": [{"a": None}]}, {}],
        metric_states={"loss": np.array([1.5, 2.0]), "auc/positives": rng.random(7)},
        logs={"loss": 0.25, "val_loss": float("nan")},
        kept={"best": {n: w + 1 for n, w in weights.items()}},
        kept_logs={"best": {"epoch": 0, "loss": 0.5}},
        files={"metrics.jsonl": (93, "ab" * 32)},
    )


def example_model(step: int = 7, scale: float = 1.0) -> ModelFile:
    """A model file around `example_state`."""
    config = {"name": "übung", "model": {"layers": [{"type": "Dense", "units": 5}]}}
    return ModelFile(config, {"age": {"mean": 0.1}}, example_state(step, scale))


def expected_of(model: ModelFile) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """The graph's view of the weights."""
    return {n: (w.shape, w.dtype) for n, w in model.state.weights.items()}


def same_states(a: TrainingState, b: TrainingState) -> bool:
    """Whether two states are equal to the bit."""
    plain = ("step", "epoch", "step_in_epoch", "trainable", "scalars", "callback_states", "kept_logs")
    plain += ("complete",)
    if any(getattr(a, name) != getattr(b, name) for name in plain) or repr(a.logs) != repr(b.logs):
        return False
    pairs = [(a.weights, b.weights), (a.optimizer, b.optimizer), (a.metric_states, b.metric_states)]
    if list(a.kept) != list(b.kept):
        return False
    pairs += [(a.kept[slot], b.kept[slot]) for slot in a.kept]
    for left, right in pairs:
        if list(left) != list(right):
            return False
        for name in left:
            x, y = left[name], right[name]
            if x.dtype != y.dtype or x.shape != y.shape or x.tobytes() != y.tobytes():
                return False
    return True

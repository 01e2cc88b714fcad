"""What `plan` says of a run that is small enough to count by hand."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from nnctl.core.errors import ConfigError
from nnctl.workflow.plan import Plan, plan

IRIS = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"
EARLY = "{{type: EarlyStopping, monitor: val_loss, patience: {}, restore_best_weights: {}}}"


def planned(*overrides: str) -> Plan:
    return plan(IRIS, overrides=overrides, threads=1)


def test_iris() -> None:
    """Layers of 4 to 16 to 16 to 3 units; 105 examples for training, 22 for validation, batches of 16."""
    found = planned()
    rows = [(r.name, r.inputs, r.output, r.parameters, r.trainable, r.shared) for r in found.layers]
    assert rows == [
        ("dense", ("input",), "(16)", 5 * 16, 5 * 16, False),
        ("dense_1", ("dense",), "(16)", 17 * 16, 17 * 16, False),
        ("species", ("dense_1",), "(3)", 17 * 3, 17 * 3, False),
    ]
    assert (found.parameters, found.trainable) == (403, 403)
    assert (found.batch_size, found.steps_per_epoch, found.epochs) == (16, 7, 60)
    # Of one example: a product and a sum a weight, and what softmax costs.
    assert [row.flops for row in found.layers] == [2 * 4 * 16, 2 * 16 * 16, 2 * 16 * 3 + 12]
    memory = found.memory
    flat = 64 + 16 + 256 + 16 + 48 + 16  # each weight begins at a multiple of 16
    assert (memory.weights, memory.gradients, memory.optimizer) == (403 * 4, flat * 4, 2 * flat * 4)
    assert memory.states == 2 * 2 * 8, "a sum and a count, of the loss and of accuracy"
    assert memory.kept == 403 * 4
    assert memory.arena == max(found.programs.values()) > 8 * 16 * (4 + 16 + 16 + 3)
    assert list(found.programs) == [
        "check", "update", "training input (16, 4)", "training input (2, 4)",
        "evaluation input (16, 4)", "evaluation input (6, 4)", "evaluation input (14, 4)",
    ]  # fmt: skip
    parts = (memory.weights, memory.gradients, memory.optimizer, memory.arena, memory.states, memory.data)
    assert memory.total == sum(parts) + memory.kept
    # The check of gradients, one more, is none of forward, gradients and update.
    assert found.flops == sum(line.flops for line in found.step) - 1


@pytest.mark.parametrize("optimizer", ["Adam", "Adagrad"])
def test_a_plan_takes_no_memory_for_what_it_plans(optimizer: str) -> None:
    """Weights of 100 GB, more than many a machine has, and slots that begin at another number than 0."""
    wide = [f"model.layers.{i}.units=160000" for i in range(2)]
    tracemalloc.start()
    try:
        found = planned(*wide, f"training.optimizer={optimizer}")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.memory.weights > 100 * 10**9
    assert found.memory.optimizer >= found.memory.gradients >= found.memory.weights
    assert peak < 10**8


def test_what_is_printed_of_it() -> None:
    found = planned()
    short = found.as_json(program=False)
    assert "step" not in short
    assert "warnings" not in short
    assert short["memory"]["total"] == found.memory.total
    assert short["problems"] == []
    assert len(found.as_json(program=True)["step"]) == len(found.step) > 9


@pytest.mark.parametrize(
    ("overrides", "copies"),
    [
        ([], 1),
        (["training.epochs=1"], 0),
        (["training.checkpoint={every: epoch}"], 0),
        (["training.callbacks=[{type: ModelCheckpoint, save_best_only: true}]"], 0),
        ([f"training.callbacks=[{EARLY.format(1, 'true')}]"], 2),
        ([f"training.callbacks=[{EARLY.format(1, 'false')}]"], 1),
        ([f"training.callbacks=[{EARLY.format(1, 'true')}, {EARLY.format(1, 'true')}]"], 2),
        ([f"training.callbacks=[{EARLY.format(1, 'true')}, {EARLY.format(2, 'true')}]"], 3),
    ],
)
def test_copies_of_the_weights(overrides: list[str], copies: int) -> None:
    """The best model that waits for a checkpoint; what callbacks keep, once where they are alike."""
    assert planned(*overrides).memory.kept == copies * 403 * 4


def test_weights_that_are_frozen() -> None:
    layers: list[dict[str, Any]] = [
        {"type": "Dense", "units": 4, "name": "a", "trainable": False},
        {"type": "Dense", "units": 3, "name": "species", "activation": "softmax"},
    ]
    found = planned(f"model.layers={layers}")
    assert [(r.parameters, r.trainable) for r in found.layers] == [(20, 0), (15, 15)]
    assert (found.parameters, found.trainable) == (35, 15)


def test_strict_refuses_what_else_is_only_said() -> None:
    assert not plan(IRIS, threads=1, strict=True).warnings
    logits = ["model.layers=[{type: Dense, units: 3, name: species}]"]
    assert plan(IRIS, overrides=logits, threads=1).warnings
    with pytest.raises(ConfigError):
        plan(IRIS, overrides=logits, threads=1, strict=True)

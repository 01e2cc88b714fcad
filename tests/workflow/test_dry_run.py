"""What `check` traces without a kernel: training, evaluation, constraints; where sizes are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnctl.constraints.base import constraints
from nnctl.core.errors import ConfigError
from nnctl.layers.dense import Dense
from nnctl.workflow.check import check
from nnctl.workflow.dry_run import dry_run

IRIS = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"


@pytest.mark.parametrize("training", [True, False])
def test_a_layer_that_raises_in_either_is_found(training: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Dense.call

    def call(self: Dense, ctx: Any, *inputs: Any) -> Any:
        if ctx.training is training:
            raise ConfigError("not so")
        return real(self, ctx, *inputs)

    monkeypatch.setattr(Dense, "call", call)
    with pytest.raises(ConfigError, match="not so"):
        check(IRIS)


def test_a_constraint_that_raises_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def apply(self: object, weight: object) -> None:
        raise ConfigError("not so")

    overrides = ["model.layers.species.kernel_constraint=non_neg"]
    check(IRIS, overrides=overrides)
    monkeypatch.setattr(constraints.get("NonNeg"), "apply", apply)
    with pytest.raises(ConfigError, match="not so"):
        check(IRIS, overrides=overrides)


def test_without_sizes_there_is_nothing_to_trace() -> None:
    nothing: Any = None
    dry_run(nothing, nothing, nothing, {"x": (3,), "y": (None, 2)})


def test_a_number_that_no_float_of_32_bits_holds() -> None:
    mixing = "{type: Reshape, target_shape: [2, 2, 1]}, {type: MixUp, alpha: 1.0e+300}, Flatten"
    layers = f"[{mixing}, {{type: Dense, units: 3, activation: softmax, name: species}}]"
    with pytest.raises(ConfigError, match=r"'mix_up': one of its numbers is too large for float32") as caught:
        check(IRIS, overrides=[f"model.layers={layers}"])
    assert caught.value.problems[0].path[:3] == ("model", "layers", 1)

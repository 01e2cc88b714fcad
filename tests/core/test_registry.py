"""A family imports what a name needs, and makes of another family what it has of it."""

from __future__ import annotations

import subprocess
import sys
from typing import ClassVar

import pytest

from nnctl.losses.base import LossSpec, losses
from nnctl.metrics.base import metrics

_COUNT = """
import sys
from nnctl.{family}.base import {family}
assert {family}.get("{name}").__name__ == "{found}", {family}.get("{name}")
print(*sys.modules)
"""


@pytest.mark.parametrize(
    ("family", "name", "found", "needs", "not_"),
    [
        ("metrics", "mae", "MeanAbsoluteError", "nnctl.losses.regression", "nnctl.metrics.iou"),
        ("metrics", "auc", "AUC", "nnctl.metrics.auc", "nnctl.losses.overlap"),
        ("metrics", "mean", "Mean", "nnctl.metrics.of_outputs", "nnctl.metrics.iou"),
        ("layers", "MaxPool2D", "MaxPooling2D", "nnctl.layers.max_pooling", "nnctl.layers.attention"),
    ],
)
def test_a_name_imports_what_it_needs_alone(
    family: str, name: str, found: str, needs: str, not_: str
) -> None:
    """`check` pays for what a config names."""
    code = _COUNT.format(family=family, name=name, found=found)
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert any(module.startswith(needs) for module in said), said
    assert not any(module.startswith(not_) for module in said), said


def test_every_loss_is_a_metric_whenever_it_is_registered() -> None:
    class PluginsLoss(LossSpec):
        aliases: ClassVar[tuple[str, ...]] = ("plugins_word",)

    losses.register(PluginsLoss)
    try:
        made = metrics.get("plugins_word")
        assert made is not None
        assert made.__name__ == "PluginsLoss"
        assert metrics.get("PluginsLoss") is made
        assert "PluginsLoss" in metrics.names()
        shared = {loss.__name__ for loss in losses.classes() if not loss.has_own_metric}
        assert shared <= set(metrics.names())
    finally:
        for registry in (losses, metrics):
            del registry._classes["PluginsLoss"]
            for word in ("plugins_loss", "plugins_word"):
                del registry._aliases[word]

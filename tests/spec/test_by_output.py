"""Losses and metrics for the whole model or by output: what the many ways to write them become."""

from __future__ import annotations

from typing import Any

import pytest

from nnctl.metrics.base import metrics
from nnctl.spec.language.training import TrainingSpec

MAE = metrics.get("MeanAbsoluteError").model_validate({"name": "mae"})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("mae", [MAE]),
        ({"type": "MeanAbsoluteError", "name": "mae"}, [MAE]),
        (["mae", "mae"], [MAE, MAE]),
        ([], []),
        ({"a": "mae", "b": ["mae"], "c": None, "d": []}, {"a": [MAE], "b": [MAE], "c": [], "d": []}),
    ],
)
def test_one_metric_is_a_list_of_one_and_null_of_none(written: Any, meant: Any) -> None:
    assert TrainingSpec.model_validate({"loss": "mse", "metrics": written}).metrics == meant

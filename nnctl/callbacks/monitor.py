"""Watching one number of the logs: which direction is better, and what counts as better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from nnctl.callbacks.base import CallbackSpec
from nnctl.core.errors import Problem, nearest

Mode = Literal["auto", "min", "max"]

_UP = frozenset(
    [
        "accuracy",
        "acc",
        "binary_accuracy",
        "categorical_accuracy",
        "sparse_categorical_accuracy",
        "top_k_categorical_accuracy",
        "sparse_top_k_categorical_accuracy",
        "precision",
        "recall",
        "auc",
        "f1_score",
        "fbeta_score",
        "cosine_similarity",
        "r2_score",
        "mean_io_u",
        "io_u",
        "binary_io_u",
        "one_hot_io_u",
        "one_hot_mean_io_u",
        "true_positives",
        "true_negatives",
        "sensitivity_at_specificity",
        "specificity_at_sensitivity",
        "precision_at_recall",
        "recall_at_precision",
        "concordance_correlation",
        "pearson_correlation",
    ]
)
_DOWN = frozenset(
    [
        "loss",
        "mse",
        "mae",
        "mape",
        "msle",
        "mean_squared_error",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
        "mean_squared_logarithmic_error",
        "root_mean_squared_error",
        "binary_crossentropy",
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "kl_divergence",
        "poisson",
        "log_cosh_error",
        "logcosh",
        "hinge",
        "squared_hinge",
        "categorical_hinge",
        "huber",
        "false_positives",
        "false_negatives",
    ]
)


def direction(monitor: str, mode: Mode) -> Literal["min", "max"] | None:
    """Whether less or more of `monitor` is better; None where its name does not tell.

    `auto` goes by the metric's name as Keras goes by its class; an output's name may stand before it.
    """
    if mode != "auto":
        return mode
    name = monitor.removeprefix("val_")
    for words, answer in ((_DOWN, "min"), (_UP, "max")):
        if name in words or any(name.endswith(f"_{word}") for word in words):
            return answer  # type: ignore[return-value]
    return None


class Monitor(CallbackSpec):
    """What the callbacks that watch a number share. Source: keras.src.callbacks.MonitorCallback."""

    monitor: str = "val_loss"
    """The number to watch, as the logs call it."""
    mode: Mode = "auto"
    """Whether it should fall (`min`) or rise (`max`); `auto` decides by its name."""

    def monitors(self) -> str | None:
        return self.monitor

    def problems(self, log_names: Sequence[str]) -> list[Problem]:
        return monitor_problems(self.monitors(), self.mode, log_names)

    def improved(self, value: float, reference: float | None, min_delta: float = 0.0) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`; anything beats None."""
        if reference is None:
            return True
        delta = abs(min_delta)
        if direction(self.monitor, self.mode) == "max":
            return value - delta > reference
        return value + delta < reference


def monitor_problems(monitor: str | None, mode: Mode, log_names: Sequence[str]) -> list[Problem]:
    """The monitored name must be in the logs, and its better direction known."""
    if monitor is None:
        return []
    if monitor not in log_names:
        hint = "; it needs a validation split" if monitor.startswith("val_") and _no_val(log_names) else ""
        names = ", ".join(log_names)
        return [
            Problem(
                f"there is no '{monitor}' to monitor{hint}",
                ("monitor",),
                expected=f"one of {names}",
                suggestion=nearest(monitor, log_names),
            )
        ]
    if direction(monitor, mode) is None:
        message = f"whether '{monitor}' should fall or rise cannot be told from its name"
        return [Problem(message, ("mode",), expected="`mode: min` or `mode: max`")]
    return []


def _no_val(log_names: Sequence[str]) -> bool:
    return not any(name.startswith("val_") for name in log_names)

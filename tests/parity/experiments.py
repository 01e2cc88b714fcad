"""Six experiments on the data of `configs/`: each is one of the configs there, changed a little."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnctl.workflow.assemble import Assembled, assemble

CONFIGS = Path(__file__).resolve().parents[2] / "configs"

DROPOUT: dict[str, Any] = {"type": "Dropout", "rate": 0.2}
SOFTMAX: dict[str, Any] = {"type": "Dense", "units": 10, "activation": "softmax"}


def _same_size(kind: str, filters: int, strides: int = 1) -> list[Any]:
    """A convolution with batches normalized after it: their moving statistics follow within 400 steps."""
    convolution = {"type": kind, "filters": filters, "kernel_size": 3, "strides": strides}
    normalization = {"type": "BatchNormalization", "momentum": 0.9}
    return [{**convolution, "padding": "same", "use_bias": False}, normalization, "ReLU"]


MODELS: dict[str, tuple[str, str, Mapping[str, Any]]] = {
    "MLP": ("digits_mlp.yaml", "accuracy", {"training.epochs": 10}),
    "CNN": ("digits_cnn.yaml", "accuracy", {"training.epochs": 10}),
    "LSTM": ("sunspots_lstm.yaml", "mae", {"training.epochs": 20}),
    "GRU": (
        "digits_mlp.yaml",
        "accuracy",
        {
            "model": {
                "inputs": {"rows": {"shape": [8, 8]}},
                "layers": [{"type": "GRU", "units": 48}, DROPOUT, SOFTMAX],
            },
            "training.epochs": 15,
        },
    ),
    "separable convolutions": (
        "digits_cnn.yaml",
        "accuracy",
        {
            "model": {
                "inputs": {"image": {"shape": [8, 8, 1]}},
                "layers": [
                    *_same_size("Conv2D", 16),
                    *_same_size("SeparableConv2D", 24),
                    *_same_size("SeparableConv2D", 32, strides=2),
                    "GlobalAveragePooling2D",
                    DROPOUT,
                    SOFTMAX,
                ],
            },
            "training.epochs": 10,
        },
    ),
    "transformer encoder": (
        "sentences.yaml",
        "accuracy",
        {
            "model": {
                "layers": [
                    {"type": "Embedding", "input_dim": 600, "output_dim": 32, "mask_zero": True, "name": "x"},
                    {"type": "LayerNormalization", "name": "x_norm"},
                    {
                        "type": "MultiHeadAttention",
                        "num_heads": 4,
                        "key_dim": 8,
                        "inputs": {"query": "x_norm", "value": "x_norm"},
                        "name": "seen",
                    },
                    {"type": "Add", "inputs": ["x", "seen"], "name": "y"},
                    "LayerNormalization",
                    {"type": "Dense", "units": 64, "activation": "gelu"},
                    {"type": "Dense", "units": 32, "name": "thought"},
                    {"type": "Add", "inputs": ["y", "thought"]},
                    "LayerNormalization",
                    "GlobalAveragePooling1D",
                    DROPOUT,
                    {**SOFTMAX, "units": 3},
                ]
            },
            "training.optimizer": {"type": "Adam", "learning_rate": 0.002},
            "training.epochs": 15,
        },
    ),
}
"""By name: the config, the metric that is compared, and what is set in the config."""


def experiment(name: str, seed: int, *, dropout: bool = True, dtype: str = "float32") -> Assembled:
    """One of the six with its data read and its model built: as many epochs for every seed.

    Args:
        seed: Of the weights, the order of examples, what is dropped, and the split.
        dropout: Whether layers of the kind stay in the model.
    """
    config, _, changed = MODELS[name]
    settings = {"training.callbacks": [], "dtype": dtype, **changed}
    if not dropout:
        model = settings.get("model") or assemble(CONFIGS / config).loaded.document.data["model"]
        settings["model"] = {**model, "layers": [e for e in model["layers"] if not _drops(e)]}
    overrides = [f"{path}={json.dumps(value)}" for path, value in settings.items()]
    return assemble(CONFIGS / config, overrides=overrides, seed=seed)


def _drops(entry: Any) -> bool:
    return isinstance(entry, Mapping) and entry.get("type") == "Dropout"

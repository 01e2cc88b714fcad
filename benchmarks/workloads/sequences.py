"""Workloads of sequences and categories: recurrent layers, embeddings, attention, moving pictures."""

from __future__ import annotations

from typing import Any

from benchmarks.workloads.base import Input, Target, Workload
from benchmarks.workloads.dense import scores

SIGNAL = {"x": Input((100, 32))}
WIDTH, HEADS, STEPS = 128, 4, 128
"""Of the transformers."""


def _embedding(below: int, size: int, **more: Any) -> dict[str, Any]:
    return {"type": "Embedding", "input_dim": below, "output_dim": size, **more}


def _transformer(below: int, causal: bool) -> list[dict[str, Any]]:
    """Tokens and their places, then four blocks: attention and two dense layers, each normalized before."""
    layers = [
        _embedding(below, WIDTH, name="meaning", inputs="token"),
        _embedding(STEPS, WIDTH, name="where", inputs="place"),
        {"type": "Add", "inputs": ["meaning", "where"], "name": "block_0"},
    ]
    more = {"use_causal_mask": True} if causal else {}
    for number in range(4):
        name, before = f"block_{number + 1}", f"block_{number}"
        norm, seen, sum_, thought = (f"{name}_{part}" for part in ("norm", "seen", "sum", "thought"))
        attention = {"type": "MultiHeadAttention", "num_heads": HEADS, "key_dim": WIDTH // HEADS, **more}
        layers += [
            {"type": "LayerNormalization", "inputs": before, "name": norm},
            {**attention, "inputs": {"query": norm, "value": norm}, "name": seen},
            {"type": "Add", "inputs": [before, seen], "name": sum_},
            {"type": "LayerNormalization"},
            {"type": "Dense", "units": 4 * WIDTH, "activation": "gelu"},
            {"type": "Dense", "units": WIDTH, "name": thought},
            {"type": "Add", "inputs": [sum_, thought], "name": name},
        ]
    return [*layers, {"type": "LayerNormalization"}]


def _tokens(below: int) -> dict[str, Input]:
    return {"token": Input((STEPS,), below), "place": Input((STEPS,), STEPS, places=True)}


def _wide_and_deep(below: int) -> list[dict[str, Any]]:
    """A number for each category beside a network that reads an embedding of each, and the numbers."""
    return [
        _embedding(below, 1, name="wide_each", inputs="category"),
        {"type": "GlobalAveragePooling1D", "name": "wide"},
        _embedding(below, 16, name="deep_each", inputs="category"),
        {"type": "Flatten", "name": "deep_flat"},
        {"type": "Concatenate", "inputs": ["deep_flat", "number"]},
        {"type": "Dense", "units": 256, "activation": "relu"},
        {"type": "Dense", "units": 128, "activation": "relu"},
        {"type": "Dense", "units": 1, "name": "deep"},
        {"type": "Add", "inputs": ["wide", "deep"], "name": "score"},
    ]


WORKLOADS = (
    Workload(
        "lstm",
        "100x32 into LSTM 128, batch 64",
        64,
        SIGNAL,
        [{"type": "LSTM", "units": 128}, scores(10)],
        Target(),
    ),
    Workload(
        "gru",
        "100x32 into GRU 128, batch 64",
        64,
        SIGNAL,
        [{"type": "GRU", "units": 128}, scores(10)],
        Target(),
    ),
    Workload(
        "lstm2",
        "37x12 into two LSTM 64, batch 32",
        32,
        {"x": Input((37, 12))},
        [
            {"type": "LSTM", "units": 64, "return_sequences": True},
            {"type": "LSTM", "units": 64},
            scores(10),
        ],
        Target(),
    ),
    Workload(
        "text",
        "200 words of 10,000: Embedding 64, mean, Dense 64, batch 128",
        128,
        {"x": Input((200,), 10_000)},
        [
            _embedding(10_000, 64),
            "GlobalAveragePooling1D",
            {"type": "Dense", "units": 64, "activation": "relu"},
            scores(2),
        ],
        Target(classes=2),
    ),
    Workload(
        "bilstm",
        "10 to 80 words of 5,000, masked: Embedding 64, Bidirectional LSTM 64, batch 32",
        32,
        {"x": Input((80,), 5000, lengths=True)},
        [
            _embedding(5000, 64, mask_zero=True),
            {"type": "Bidirectional", "layer": {"type": "LSTM", "units": 64}},
            scores(2),
        ],
        Target(classes=2),
    ),
    Workload(
        "transformer",
        "encoder of 4 layers, width 128, 4 heads, 128 steps, batch 32",
        32,
        _tokens(1000),
        [*_transformer(1000, causal=False), "GlobalAveragePooling1D", scores(10)],
        Target(),
    ),
    Workload(
        "causal",
        "the same, causal: the next of 256 characters at each step, batch 16",
        16,
        _tokens(256),
        [*_transformer(256, causal=True), scores(256)],
        Target(classes=256, shape=(STEPS,)),
    ),
    Workload(
        "widedeep",
        "13 numbers, 26 categories of 20,000: Embedding 16, Dense 256, 128, and a wide part, batch 256",
        256,
        {"number": Input((13,)), "category": Input((26,), 20_000)},
        _wide_and_deep(20_000),
        Target("flag"),
    ),
    Workload(
        "convlstm",
        "8 pictures of 24x24x2 into ConvLSTM2D 16, Dense 10, batch 16",
        16,
        {"x": Input((8, 24, 24, 2))},
        [
            {"type": "ConvLSTM2D", "filters": 16, "kernel_size": 3, "padding": "same"},
            "Flatten",
            scores(10),
        ],
        Target(),
    ),
)

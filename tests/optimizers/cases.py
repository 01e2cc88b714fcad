"""What optimizers are tried with, against Keras and on several threads."""

from __future__ import annotations

from typing import Any

DECAY = {"type": "ExponentialDecay", "initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5}
COMMON: list[dict[str, Any]] = [
    {},
    {"weight_decay": 0.1},
    {"clipnorm": 0.9},
    {"clipvalue": 0.4},
    {"global_clipnorm": 1.3},
    {"learning_rate": DECAY},
]
"""What every optimizer is tried with."""

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
    ("RMSprop", {"momentum": 0.9, "rho": 0.8}),
    ("RMSprop", {"centered": True, "epsilon": 1e-3}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "weight_decay": 0.05}),
    ("Adagrad", {"initial_accumulator_value": 0.0, "epsilon": 1e-3}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.1}),
    ("Adam", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    ("Lion", {"beta_1": 0.8, "beta_2": 0.9, "weight_decay": 0.1}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3, "weight_decay": 0.1}),
    ("Adamax", {"beta_1": 0.8, "beta_2": 0.5, "epsilon": 1e-2}),
    ("Nadam", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3, "weight_decay": 0.1}),
    ("Ftrl", {"l1_regularization_strength": 0.7, "l2_regularization_strength": 0.3}),
    (
        "Ftrl",
        {
            "learning_rate_power": -0.8,
            "initial_accumulator_value": 0.2,
            "beta": 0.4,
            "l2_shrinkage_regularization_strength": 0.6,
        },
    ),
    ("Lamb", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3, "weight_decay": 0.1}),
    ("ScheduleFreeAdamW", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    ("ScheduleFreeAdamW", {"warmup_steps": 3, "learning_rate": 0.01, "weight_decay": 0.3}),
    ("SGD", {"use_ema": True, "ema_momentum": 0.6}),
    ("Adam", {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 2}),
    (
        "Adam",
        {"gradient_accumulation_steps": 2, "clipnorm": 0.6, "weight_decay": 0.1, "learning_rate": DECAY},
    ),
    (
        "RMSprop",
        {
            "gradient_accumulation_steps": 3,
            "use_ema": True,
            "ema_momentum": 0.7,
            "ema_overwrite_frequency": 2,
        },
    ),
    ("Lamb", {"gradient_accumulation_steps": 2}),
    ("Nadam", {"gradient_accumulation_steps": 2}),
    ("ScheduleFreeAdamW", {"gradient_accumulation_steps": 2, "use_ema": True}),
    ("Adafactor", {"learning_rate": 0.6, "weight_decay": 0.1}),
    (
        "Adafactor",
        {
            "beta_2_decay": -0.3,
            "epsilon_1": 0.1,
            "epsilon_2": 0.3,
            "clip_threshold": 0.5,
            "relative_step": False,
        },
    ),
    (
        "Muon",
        {
            "exclude_layers": ["den$", "nothing"],
            "adam_lr_ratio": 0.5,
            "adam_beta_1": 0.8,
            "adam_beta_2": 0.9,
            "adam_weight_decay": 0.2,
            "epsilon": 1e-3,
        },
    ),
    ("Muon", {"exclude_embeddings": False, "nesterov": False, "momentum": 0.8, "rms_rate": None}),
    (
        "Muon",
        {
            "muon_a": 3.0,
            "muon_b": -4.0,
            "muon_c": 2.0,
            "ns_steps": 2,
            "rms_rate": 0.3,
            "adam_weight_decay": None,
        },
    ),
    ("AdamW", {"amsgrad": True}),
    ("AdamW", {"weight_decay": 0.3}),
    (
        "MultiOptimizer",
        {
            "optimizer_map": {
                "hidden": {"type": "SGD", "momentum": 0.9, "clipvalue": 0.4, "use_ema": True},
                "[bk]*": {"type": "Adam", "learning_rate": DECAY, "global_clipnorm": 0.9},
            },
            "default_optimizer": {"type": "Adagrad", "weight_decay": 0.1},
        },
    ),
    (
        "MultiOptimizer",
        {
            "optimizer_map": {"*i*": {"type": "Lion", "gradient_accumulation_steps": 2}},
            "default_optimizer": {"type": "RMSprop", "gradient_accumulation_steps": 2, "use_ema": True},
        },
    ),
]
"""What an optimizer has beside that: a new one has its line here, with every field of its own."""

"""Words of Keras 1 and 2, and of `fit`, that have become others here: what to write for each."""

from __future__ import annotations

from collections.abc import Iterable

SPLIT = "data: {split: {validation: 0.2}}, or a source of its own: data.validation"
MODEL_INPUT = "model: {inputs: {x: {shape: [...]}}}; by default the shape is read from the data"
DECAY = "a schedule: learning_rate: {type: ExponentialDecay, ...} (or InverseTimeDecay, as Keras 2's decay)"
OPTIONS = "an option of the command line: `nnctl train --help`"

_NAMES: dict[str, dict[str, str]] = {
    "layer": {
        "init": "kernel_initializer",
        "inner_init": "recurrent_initializer",
        "inner_activation": "recurrent_activation",
        "W_regularizer": "kernel_regularizer",
        "U_regularizer": "recurrent_regularizer",
        "b_regularizer": "bias_regularizer",
        "W_constraint": "kernel_constraint",
        "b_constraint": "bias_constraint",
        "bias": "use_bias",
        "dropout_W": "dropout",
        "dropout_U": "recurrent_dropout",
        "p": "rate",
        "output_dim": "units",
        "nb_filter": "filters",
        "filter_length": "kernel_size",
        "pool_length": "pool_size",
        "border_mode": "padding",
        "subsample": "strides",
        "subsample_length": "strides",
        "stride": "strides",
        "dim_ordering": "data_format",
        "gamma_init": "gamma_initializer",
        "beta_init": "beta_initializer",
    },
    "optimizer": {"lr": "learning_rate", "beta1": "beta_1", "beta2": "beta_2"},
    "callback": {"nb_epoch": "epochs", "epsilon": "min_delta", "min_learning_rate": "min_lr"},
    "TrainingSpec": {
        "nb_epoch": "epochs",
        "validation_freq": "validation_frequency",
        "samples_per_epoch": "steps_per_epoch",
    },
}
"""By family or class: the old word, and the field that it is now, where the class has that field."""

_TOLD: dict[str, dict[str, str]] = {
    "layer": {
        "input_shape": MODEL_INPUT,
        "batch_input_shape": MODEL_INPUT,
        "input_length": MODEL_INPUT,
        "input_dim": MODEL_INPUT,
        "nb_row": "kernel_size: [rows, columns]",
        "nb_col": "kernel_size: [rows, columns]",
    },
    "optimizer": {"decay": DECAY, "schedule_decay": DECAY, "lr_decay": DECAY},
    "callback": {"period": "save_freq: epoch"},
    "TrainingSpec": {
        "validation_split": SPLIT,
        "validation_data": SPLIT,
        "decay": f"in training.optimizer, {DECAY}",
        "lr": "learning_rate in training.optimizer: {type: Adam, learning_rate: ...}",
        "verbose": OPTIONS,
        "workers": OPTIONS,
        "use_multiprocessing": OPTIONS,
        "max_queue_size": OPTIONS,
    },
    "DataSpec": {"validation_split": "split: {validation: 0.2}", "test_split": "split: {test: 0.2}"},
}
"""By family or class: a word that is no field's any more, and what is written for it."""


def field_now(owners: Iterable[str], word: str, known: Iterable[str]) -> str | None:
    """The field that an old `word` is now in one of `owners` (a family's kind, a class), if it is `known`."""
    fields = set(known)
    found = (_NAMES.get(owner, {}).get(word) for owner in owners)
    return next((name for name in found if name is not None and name in fields), None)


def written_now(owners: Iterable[str], word: str) -> str | None:
    """What is written for an old `word` that is no field of `owners` any more."""
    return next((told for owner in owners if (told := _TOLD.get(owner, {}).get(word)) is not None), None)

"""What a checkpoint holds of callbacks, and which of it one can go on with."""

from __future__ import annotations

from typing import Any

import pytest

from nnctl.core.events import EpochEnded

from .script import losses, make, run

STOPPING = {"wait": 0, "best": None, "best_epoch": 0, "kept": False}


@pytest.mark.parametrize(
    ("name", "fields", "state"),
    [
        ("EarlyStopping", {}, STOPPING),
        ("ReduceLROnPlateau", {}, {"wait": 0, "best": None, "cooldown": 0}),
        ("ModelCheckpoint", {}, {"best": None, "steps": 0}),
        ("ModelCheckpoint", {"initial_value_threshold": 0.5}, {"best": 0.5, "steps": 0}),
        ("CSVLogger", {"filename": "a.csv"}, {"names": None}),
        ("TensorBoard", {}, {}),
    ],
)
def test_states_begin(name: str, fields: dict[str, Any], state: dict[str, Any]) -> None:
    callback = make(name, **fields)
    assert callback.start() == state
    assert callback.fits(state)


def test_the_best_epoch_is_remembered() -> None:
    """The one whose number was the best; while none was watched, the one whose weights were kept."""
    stopping = make("EarlyStopping", patience=9, restore_best_weights=True)
    wanted = {"wait": 2, "best": 3.0, "best_epoch": 1, "kept": True}
    assert run(stopping, losses(5, 3, 4, 3)).state == wanted
    assert run(make("EarlyStopping", patience=9), losses(5, 3, 4, 3)).state == wanted | {"kept": False}
    state = stopping.start() | {"best": 1.0}
    list(stopping.handle(EpochEnded(4, 9, {"val_loss": 2.0}, 0.1), state))
    assert state == {"wait": 1, "best": 1.0, "best_epoch": 4, "kept": True}


@pytest.mark.parametrize(
    ("changed", "fits"),
    [
        ({"wait": 3}, True),
        ({"wait": 2.5}, True),
        ({"wait": (1 << 53) - 1}, True),
        ({"wait": 1 - (1 << 53)}, True),
        ({"wait": 1 << 53}, False),
        ({"wait": None}, False),
        ({"wait": True}, False),
        ({"wait": "3"}, False),
        ({"best": 0.25}, True),
        ({"best": 1}, True),
        ({"best": True}, False),
        ({"best": "low"}, False),
        ({"best": []}, False),
        ({"kept": True}, True),
        ({"kept": 1}, False),
        ({"kept": None}, False),
        ({"more": 0}, False),
    ],
)
def test_values_are_of_the_kind_that_they_began_as(changed: dict[str, Any], fits: bool) -> None:
    """Numbers that a float holds exactly; what began as None may be one."""
    assert make("EarlyStopping").fits(STOPPING | changed) is fits


@pytest.mark.parametrize("state", [None, [], list(STOPPING), {}, {"wait": 0}, dict(sorted(STOPPING.items()))])
def test_keys_are_those_that_it_began_with(state: Any) -> None:
    assert not make("EarlyStopping").fits(state)


@pytest.mark.parametrize(
    ("state", "fits"),
    [
        ({"names": []}, True),
        ({"names": ["loss", "val_loss"]}, True),
        ({"names": ["loss", 1]}, False),
        ({"names": "loss"}, False),
        ({"names": 0}, False),
        ({"names": None, "more": None}, False),
        ({}, False),
        (["names"], False),
        (None, False),
    ],
)
def test_a_log_files_state_is_names(state: Any, fits: bool) -> None:
    assert make("JSONLogger").fits(state) is fits

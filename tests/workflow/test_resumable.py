"""Which states a training goes on from, whoever wrote them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnctl.callbacks.base import callbacks
from nnctl.runs.state import TrainingState
from nnctl.storage.hdf5_reader import FileRefused
from nnctl.workflow.resumable import check_state


def job(*names: str) -> Any:
    """What of a job is looked at: one weight, two logs, callbacks by name."""
    made = [callbacks.get(name).model_validate({"filename": "log"}) for name in names]
    weights = SimpleNamespace(arrays={"w": np.zeros((2, 3))})
    session = SimpleNamespace(slot_views=dict, states={}, weights=weights)
    return SimpleNamespace(
        session=session, batches=SimpleNamespace(steps=4), callbacks=made, log_names=("loss", "val_loss")
    )


def state(**values: Any) -> TrainingState:
    """A state whose weights were checked when it was read."""
    return TrainingState(epoch=1, step=4, step_in_epoch=0, **values)


@pytest.mark.parametrize("name", ["CSVLogger", "JSONLogger"])
@pytest.mark.parametrize(
    ("names", "fits"),
    [
        (None, True),
        (["loss", "val_loss"], True),
        (["val_loss", "loss"], False),
        (["loss"], False),
        (["loss", "val_loss", "val_loss"], False),
        (["loss", "val_acc"], False),
        ("loss", False),
    ],
)
def test_a_log_has_the_columns_that_this_training_has_numbers_for(name: str, names: Any, fits: bool) -> None:
    kept = state(callback_states=[{"names": names}])
    if fits:
        check_state(job(name), kept, Path("c.h5"))
    else:
        with pytest.raises(FileRefused, match=f"c.h5: the state of {name} is not as it should be in it"):
            check_state(job(name), kept, Path("c.h5"))

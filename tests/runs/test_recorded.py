"""What two runs recorded, compared: causes by meaning, the first epoch."""

from __future__ import annotations

from nnctl.runs.recorded import Cause, OtherNumbers, Trained, causes, other_numbers

DATA = {"data.source.path": "ab"}


def trained(**changes: object) -> Trained:
    settings = {"name": "x", "seed": 1, "data.source.path": "rows.csv", "training.checkpoint.every": "auto"}
    return Trained({**settings, **changes}, DATA, {"nnctl": "1"})


def test_what_changes_nothing_is_no_cause() -> None:
    other = trained(**{"name": "y", "data.source.path": "../rows.csv", "training.checkpoint.every": 3})
    assert causes(trained(), other) == []
    assert causes(trained(), trained(**{"training.checkpoints": 3})) == [
        Cause("config", "training.checkpoints", None, 3)
    ]


def test_causes_come_in_their_order() -> None:
    other = Trained({"seed": 2}, {"data.source.path": "cd"}, {"nnctl": "2"}, {"cpu": "fast"})
    assert causes(trained(), other) == [
        Cause("config", "seed", 1, 2),
        Cause("data", "data.source.path", "ab", "cd"),
        Cause("version", "nnctl", "1", "2"),
    ]
    one = Trained({}, {}, {}, {"cpu": "slow"})
    assert causes(one, Trained({}, {}, {}, {"cpu": "fast"})) == [Cause("machine", "cpu", "slow", "fast")]


def test_the_first_epoch_that_differs() -> None:
    a = {0: {"loss": 0.5}, 2: {"loss": 0.25, "val_loss": None}, 3: {"loss": 9.0}}
    b = {0: {"loss": 0.5}, 1: {"loss": 8.0}, 2: {"loss": 0.25, "val_loss": 1.0, "auc": 0.5}}
    assert other_numbers(a, b) == OtherNumbers(3, {"val_loss": (None, 1.0), "auc": (None, 0.5)})
    assert other_numbers(a, {0: {"loss": 0.5}}) is None

"""Which epoch is validated or the best, which step is saved, and what is not finite: none is off by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnctl.core import events
from nnctl.program.programs import EvaluationProgram
from nnctl.runner.train import Job, train
from nnctl.workflow.assemble import assemble
from nnctl.workflow.train import make_job, prepare, programs_of

IRIS = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"


def job(*overrides: str, config: Path = IRIS) -> Job:
    """A run of a config, nothing kept."""
    assembled = assemble(config, overrides=overrides)
    session = assembled.session(1)
    made = make_job(assembled, session)
    prepare(made)
    session.initialize()
    return made


@pytest.mark.parametrize(
    ("every", "epochs"), [(1, [0, 1, 2, 3, 4]), (2, [1, 3]), (3, [2]), (5, [4]), (6, [])]
)
def test_every_nth_epoch_is_validated_and_no_other(every: int, epochs: list[int]) -> None:
    told = list(train(job("training.epochs=5", f"training.validation_frequency={every}")))
    assert [e.epoch for e in told if isinstance(e, events.Validated)] == epochs
    assert [e.epoch for e in told if isinstance(e, events.EpochEnded) and "val_loss" in e.logs] == epochs


@pytest.mark.parametrize(("batch", "sizes"), [(5, {5, 2}), (11, {11}), (100, {22})])
def test_validation_has_a_batch_size_of_its_own(batch: int, sizes: set[int]) -> None:
    """Which changes nothing but how 22 examples are added up."""
    runs = [job("training.epochs=2"), job("training.epochs=2", f"training.validation_batch_size={batch}")]
    programs = [p for p in programs_of(runs[1]) if isinstance(p, EvaluationProgram)]
    assert {shape[0] for program in programs for shape in program.sizes.values()} == sizes
    plain, own = ([e.logs for e in train(run) if isinstance(e, events.EpochEnded)] for run in runs)
    for name in plain[1]:
        assert own[1][name] == pytest.approx(plain[1][name], rel=1e-6)
    assert own[1]["loss"] == plain[1]["loss"]
    assert {p for p in runs[1].session._bound if isinstance(p, EvaluationProgram)} == {*programs}


def test_the_best_is_the_first_of_equal_epochs() -> None:
    """With a learning rate of 0 every epoch has the same loss: only the first betters what was before."""
    still = job(
        "training.epochs=4",
        "training.optimizer={type: SGD, learning_rate: 0.0}",
        "training.checkpoint={every: epoch}",
    )
    told = list(train(still))
    rows = [e.logs["val_loss"] for e in told if isinstance(e, events.EpochEnded)]
    assert len(rows) == 4
    assert len(set(rows)) == 1
    assert [e.epoch for e in told if isinstance(e, events.CheckpointDue) and e.best] == [1]


@pytest.mark.parametrize("every", [1, 2, 3, 7, 10])
def test_every_nth_step_is_saved_and_no_other(every: int) -> None:
    """Steps are counted over the run; an epoch's last step is saved as the epoch's end (7 steps an epoch)."""
    told = list(train(job("training.epochs=3", f"training.checkpoint={{every: {every}}}")))
    saved = [e.step for e in told if isinstance(e, events.CheckpointDue) and e.reason == "step"]
    assert saved == [step for step in range(1, 22) if step % every == 0 and step % 7]


def regression(folder: Path, values: list[float]) -> Path:
    rows = "".join(f"{n},{value!r}\n" for n, value in enumerate(values))
    (folder / "a.csv").write_text("x,y\n" + rows)
    config = folder / "c.yaml"
    config.write_text("""\
nnctl: 1
data:
  source: {type: csv, path: a.csv, target: y}
  batch_size: 2
model:
  layers: [{type: Dense, units: 1, name: y}]
training:
  epochs: 2
  optimizer: {type: SGD, learning_rate: 0.0}
  loss: mse
""")
    return config


def test_a_loss_that_is_not_finite_ends_training_though_its_gradients_are(tmp_path: Path) -> None:
    """The square of 1e25 is beyond float32, twice 1e25 is not: no gradient tells."""
    made = job("data.shuffle=false", config=regression(tmp_path, [1.0, 2.0, 3.0, 1e25, 1.0, 2.0]))
    before = {name: array.copy() for name, array in made.session.weights.arrays.items()}
    told = list(train(made))
    failed = told[-1]
    assert isinstance(failed, events.Failed)
    assert failed.what == "the loss"
    assert failed.step == 1
    assert failed.layer == "loss of y"
    assert sum(isinstance(e, events.StepEnded) for e in told) == 1
    for name, array in made.session.weights.arrays.items():
        np.testing.assert_array_equal(array, before[name])


def test_a_gradient_that_is_not_finite_ends_training_though_the_loss_is(tmp_path: Path) -> None:
    """An input of 1e30 with an error of 1e15: the square is finite, their product is not."""
    config = regression(tmp_path, [1.0] * 4)
    (tmp_path / "a.csv").write_text("x,y\n1,1\n2,1\n1e30,1\n1e30,1\n")
    made = job("data.shuffle=false", config=config)
    made.session.weights.arrays["y/kernel"][...] = 1e-15
    failed = list(train(made))[-1]
    assert isinstance(failed, events.Failed)
    assert failed.what == "the gradient of 'y/kernel'"
    assert failed.step == 1
    assert failed.layer == "y"

"""`bisect`: the first step, layer and tensor in which two runs differ."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import NnctlError, RunError
from nnctl.report.bisect import bisect_lines
from nnctl.workflow import first_difference
from nnctl.workflow.bisect import Bisected, bisect
from nnctl.workflow.first_difference import FirstDifference
from nnctl.workflow.replayer import Replayer
from nnctl.workflow.train import start
from tests.cli.command import nnctl
from tests.workflow.planted import Fault, interpreter, planted
from tests.workflow.replayed import bisected

STEPS = 6
"""Steps of an epoch: 83 rows in batches of 16, the last one short."""

CONFIG = """
nnctl: 1
name: small
seed: 3
data:
  source: {type: csv, path: rows.csv, target: label}
  split: {validation: 17}
  batch_size: 16
model:
  layers:
    - {type: Dense, units: 9, activation: relu, name: first}
    - {type: Dropout, rate: 0.4, name: drop}
    - {type: Dense, units: 7, activation: tanh, name: second}
    - {type: Dense, units: 3, activation: softmax, name: last}
training:
  epochs: 4
  optimizer: adam
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  checkpoint: {every: epoch, keep: 9}
"""


def write_data(folder: Path, seed: int = 0) -> None:
    numbers = np.random.default_rng(seed).normal(size=(100, 4))
    labels = np.where(numbers[:, 0] > 0.5, "x", np.where(numbers[:, 1] > 0, "y", "z"))
    rows = [
        f"{a:.4f},{b:.4f},{c:.4f},{d:.4f},{label}"
        for (a, b, c, d), label in zip(numbers, labels, strict=True)
    ]
    (folder / "rows.csv").write_text("\n".join(["a,b,c,d,label", *rows]) + "\n")


def train(
    folder: Path, name: str = "run", config: str = CONFIG, *overrides: str, plugins: bool = False
) -> Path:
    """A run of a config that stands in `folder`."""
    (folder / "small.yaml").write_text(config)
    training = start(
        folder / "small.yaml", run_dir=folder / name, overrides=overrides, threads=1, allow_plugins=plugins
    )
    for _ in training.events():
        pass
    return folder / name


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bisect")
    write_data(folder)
    train(folder)
    return folder


@pytest.fixture(autouse=True, params=[7])
def _pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many steps a piece has soon, whatever the time says; an epoch ends within one."""
    monkeypatch.setattr(first_difference, "_PIECES", 2)
    monkeypatch.setattr(first_difference, "_steps", lambda piece: request.param)


def first_of(found: Bisected) -> FirstDifference:
    assert found.replayed is not None
    assert found.replayed.first is not None
    return found.replayed.first


def large(step: int) -> Fault:
    """A fault that neither rounding nor Dropout takes away again."""
    return Fault(step, "forward", "second", ulps=5000)


FAULTS = {
    "forward, in the middle of an epoch": Fault(15, "forward", "first"),
    "forward, in the first step": Fault(1, "forward", "first"),
    "forward, in an epoch's last and short step": Fault(12, "forward", "drop"),
    "gradient": Fault(9, "gradient", "second"),
    "update, in an epoch's first step": Fault(19, "update", "second/kernel"),
    "update, in the last step": Fault(24, "update", "last/bias"),
}


@pytest.mark.parametrize("_pieces", [1, 7], indirect=True)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_planted_ulp_is_named_exactly(fault: Fault, place: Path) -> None:
    found = bisected(place / "run", place / "run", {"B": fault})
    first = first_of(found)
    assert (first.when, first.step) == ("step", fault.step)
    assert (first.epoch, first.step_in_epoch) == ((fault.step - 1) // STEPS + 1, (fault.step - 1) % STEPS + 1)
    assert first.value is not None
    assert first.value.kind == fault.kind
    if fault.step == 19:
        assert first.more == 0  # nothing follows an update in the middle of an epoch
    if fault.kind == "update":
        assert (first.value.name, first.value.layer) == (f"weights:{fault.layer}", fault.layer.split("/")[0])
    else:
        assert first.value.layer == fault.layer
    assert first.bits is not None
    assert (first.bits.differing, first.bits.ulps) == (1, 1)
    assert found.differs
    assert not found.recorded.differs
    assert any(f"step {fault.step} (" in line for line in bisect_lines(found))


def test_a_difference_that_is_gone_again_is_found(place: Path) -> None:
    """One step's weights are wrong, and right again before the next: the trail of the piece tells."""
    found = bisected(place / "run", place / "run", {"A": Fault(16, "update", "second/kernel", undone=True)})
    first = first_of(found)
    assert (first.when, first.step) == ("step", 16)
    assert first.value is not None
    assert first.value.name == "weights:second/kernel"


def test_a_fault_of_both_is_no_difference(place: Path) -> None:
    """But none that the run recorded: it is told from which epoch on."""
    fault = {side: large(14) for side in "AB"}
    found = bisected(place / "run", place / "run", fault)
    assert found.replayed is not None
    assert found.replayed.first is None
    assert found.agreements is not None
    for agreement in found.agreements:
        assert agreement.same_model is False
        assert agreement.numbers is not None
        assert agreement.numbers.epoch in (3, 4)
    assert found.differs
    assert any("neither recorded what was found now" in line for line in bisect_lines(found))


def test_the_same_run_twice(place: Path) -> None:
    found = bisected(place / "run", place / "run")
    assert not found.differs
    assert found.replayed is not None
    assert found.replayed.mark.step == 4 * STEPS
    assert [len(rows) for rows in found.replayed.rows] == [4, 4]
    assert found.agreements is not None
    assert [(each.numbers, each.same_model) for each in found.agreements] == [(None, True)] * 2
    assert bisect_lines(found)[-1] == "both recorded what was found now"


def test_what_differs_only_once_is_told(place: Path) -> None:
    """And who came to other bits, when both were trained from there again."""
    found = bisected(place / "run", place / "run", {"B": Fault(15, "forward", "first", times=1)})
    first = first_of(found)
    assert (first.when, first.sides) == ("once", ("B",))
    assert any("B came to other bits than before" in line for line in bisect_lines(found))


def test_a_side_that_comes_to_the_step_with_other_bits(place: Path) -> None:
    """A parts in step 12; on the way back there B parts in step 9, which it did not before."""
    found = bisected(place / "run", place / "run", {"A": large(12), "B": replace(large(9), after=2)})
    assert first_of(found).when == "once"


def test_a_value_that_is_not_made_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named all the same, without its bits."""
    monkeypatch.setattr(Replayer, "_write", lambda self, array: None)
    first = first_of(bisected(place / "run", place / "run", {"A": large(12)}))
    assert (first.step, first.bits, first.shapes) == (12, None, ("", ""))


def test_runs_that_parted_go_on_from_the_last_checkpoint_of_both(place: Path, tmp_path: Path) -> None:
    """A run that was trained with a fault: trained again without, both come to what the other recorded."""
    with planted(large(15)):
        train(place, "faulty")
    found = bisected(place / "run", place / "faulty")
    assert found.recorded.weights is not None
    assert found.recorded.weights.step == 18
    assert set(found.recorded.weights.layers) == {"first", "second", "last"}
    assert found.recorded.numbers is not None
    assert found.recorded.numbers.epoch == 3
    assert found.replayed is not None
    assert (found.replayed.start, found.replayed.first) == (12, None)
    assert found.agreements is not None
    assert [each.holds for each in found.agreements] == [True, False]
    assert any("is what A recorded" in line for line in bisect_lines(found))
    again = bisected(place / "run", place / "faulty", {"B": large(15)})
    assert first_of(again).step == 15
    assert again.agreements is not None
    assert all(each.holds for each in again.agreements)


def test_configs_that_differ(place: Path) -> None:
    train(place, "seed", CONFIG, "seed=4")
    found = bisected(place / "run", place / "seed")
    assert [(cause.kind, cause.name, cause.a, cause.b) for cause in found.recorded.causes] == [
        ("config", "seed", 3, 4)
    ]
    first = first_of(found)
    assert (first.when, first.part, first.more) == ("start", "weights/first/kernel", 2)
    assert first.bits is not None
    assert first.bits.elements == 36


def test_a_rate_is_found_in_what_the_step_reads(place: Path) -> None:
    train(place, "rate", CONFIG, "training.optimizer={type: Adam, learning_rate: 0.002}")
    first = first_of(bisected(place / "run", place / "rate"))
    assert (first.when, first.step) == ("step", 1)
    assert first.value is not None
    assert (first.value.kind, first.value.name) == ("input", "hyper")


def test_another_dropout_is_found_in_its_layer(place: Path) -> None:
    train(place, "dropout", CONFIG, "model.layers.drop.rate=0.5")
    first = first_of(bisected(place / "run", place / "dropout"))
    assert first.step == 1
    assert first.value is not None
    assert (first.value.kind, first.value.layer) == ("forward", "drop")


def test_other_layers_and_other_lengths(place: Path) -> None:
    wide = train(place, "wide", CONFIG, "model.layers.second.units=8")
    first = first_of(bisected(place / "run", wide))
    assert (first.when, first.part, first.bits) == ("start", "weights/second/kernel", None)
    assert first.shapes == ("float32[9, 7]", "float32[9, 8]")
    longer = train(place, "longer", CONFIG, "training.epochs=5")
    first = first_of(bisected(place / "run", longer))
    assert (first.when, first.step, first.ended) == ("end", 24, ("completed", "goes on"))


def test_an_interrupted_run_is_compared_as_far_as_it_came(place: Path) -> None:
    short = shutil.copytree(place / "run", place / "short")
    manifest = json.loads((short / "manifest.json").read_text())
    manifest |= {"status": "interrupted", "weights_sha256": None, "steps": 15}
    (short / "manifest.json").write_text(json.dumps(manifest))
    found = bisected(place / "run", short)
    assert not found.differs
    assert found.replayed is not None
    assert found.replayed.mark.step == 15


def test_moved_runs_and_changed_data(place: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(place / "run", tmp_path / "far" / "run")
    with pytest.raises(NnctlError, match="--data") as error:
        bisected(moved, moved)
    assert error.value.exit_code == 3
    assert not bisected(moved, moved, data=place / "rows.csv").differs
    write_data(tmp_path, seed=1)
    other = train(tmp_path, "other")
    write_data(tmp_path, seed=2)
    found = bisected(place / "run", other)
    assert [(cause.kind, cause.name) for cause in found.recorded.causes] == [("data", "data.source.path")]
    assert found.differs
    assert found.replayed is None
    assert "changed" in found.not_replayed
    assert bisect_lines(found)[-1].startswith("not trained again: B: ")


PLUGIN = """
import random
from nnctl.callbacks.base import CallbackSpec, register
from nnctl.core.events import EpochStarted, SetLearningRate


@register
class Moody(CallbackSpec):
    def handle(self, event, state):
        if isinstance(event, EpochStarted) and event.epoch == 2:
            yield SetLearningRate(random.random(), "a mood")
"""


def test_a_plugin_that_is_not_deterministic(tmp_path: Path) -> None:
    write_data(tmp_path)
    (tmp_path / "moody.py").write_text(PLUGIN)
    config = CONFIG.replace("name: small", "name: small\nplugins: [moody.py]")
    run = train(tmp_path, "run", config, "training.callbacks=[Moody]", plugins=True)
    with pytest.raises(NnctlError, match="--allow-plugins"):
        bisected(run, run)
    first = first_of(bisected(run, run, allow_plugins=True))
    assert (first.when, first.epoch) == ("step", 3)
    assert first.value is not None
    assert (first.value.kind, first.value.name) == ("input", "hyper")


CALLBACKS = {
    "the best weights put back": [
        "training.callbacks=[{type: EarlyStopping, restore_best_weights: true}]",
        "training.optimizer={type: Adam, learning_rate: 0.05}",
        "training.epochs=30",
    ],
    "an average of the weights": [
        "training.optimizer={type: Adam, use_ema: true}",
        "training.callbacks=[{type: SwapEMAWeights, swap_on_epoch: true}]",
    ],
    "rates by a plateau, and gathered gradients": [
        "training.callbacks=[{type: ReduceLROnPlateau, patience: 0, cooldown: 0, min_delta: 1}]",
        "training.optimizer={type: SGD, momentum: 0.9, gradient_accumulation_steps: 4}",
    ],
    "no validation, and saves in between": [
        "data.split={}",
        "training.callbacks=[{type: ModelCheckpoint, filepath: 'a{epoch}.h5', save_freq: 5}]",
    ],
}


@pytest.mark.parametrize("overrides", CALLBACKS.values(), ids=list(CALLBACKS))
def test_pieces_come_to_the_bits_of_the_run(overrides: list[str], place: Path, tmp_path: Path) -> None:
    write_data(tmp_path)
    run = train(tmp_path, "run", CONFIG, *overrides)
    assert not bisected(run, run).differs
    assert first_of(bisected(run, run, {"A": large(13)})).step == 13


def test_a_run_that_failed(place: Path) -> None:
    """Up to the step whose loss was not finite; a fault before it is found."""
    run = train(place, "failed", CONFIG, "training.optimizer={type: SGD, learning_rate: 1e38}")
    found = bisected(run, run)
    assert not found.differs
    assert found.replayed is not None
    assert "not finite" in found.replayed.mark.ended


def test_no_run_is_an_error(place: Path, tmp_path: Path) -> None:
    for wrong in ("nothere", str(place / "run" / "model.h5")):
        with pytest.raises(RunError, match=r"there is no run|is a single file"):
            bisect(str(place / "run"), wrong)


def command(*arguments: Any, cwd: Path | None = None) -> tuple[int, Any]:
    done = nnctl("bisect", *arguments, "--json", "-q", "--threads", "1", cwd=cwd)
    return done.code, done.json


def test_processes_and_another_interpreter(place: Path, tmp_path: Path) -> None:
    """The command as it is typed: two processes, one of which has a fault."""
    run = place / "run"
    faulty = interpreter(tmp_path, Fault(15, "gradient", "last"))
    code, found = command(run, run, "--python-b", f"./{faulty.name}", cwd=tmp_path)
    assert (code, found["differs"]) == (4, True)
    first = found["replayed"]["first"]
    assert (first["step"], first["value"]["layer"], first["value"]["kind"]) == (15, "last", "gradient")
    assert first["bits"]["ulps"] == 1
    code, found = command(run, run, "--python-a", tmp_path / "nothere")
    assert (code, found["error"]) == (2, "run")


def test_an_interpreter_without_nnctl_says_so(place: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.write_text("#!/bin/sh\necho no module named nnctl >&2\nexit 1\n")
    bare.chmod(0o755)
    done = nnctl("bisect", place / "run", place / "run", "--python-b", bare, "-q")
    assert done.code == 2
    assert f"B: {bare} cannot train {place / 'run'} again: no module named nnctl" in done.err


def test_a_fault_in_validation_is_found_behind_the_step(place: Path) -> None:
    first = first_of(
        bisected(place / "run", place / "run", {"B": Fault(12, "evaluation", "second", ulps=5000)})
    )
    assert (first.when, first.step, first.step_in_epoch) == ("step", 12, STEPS)
    assert first.value is not None
    assert (first.value.kind, first.value.layer) == ("evaluation", "second")


def test_other_ops_are_passed_over(place: Path) -> None:
    """As between two versions of nnctl: what both have is compared."""
    linear = train(place, "linear", CONFIG, "model.layers.second.activation=linear")
    first = first_of(bisected(place / "run", linear))
    assert first.step == 1
    assert first.value is not None
    assert (first.value.kind, first.value.layer) == ("forward", "second")


def test_what_a_callback_does_behind_the_step(tmp_path: Path) -> None:
    """No call differs, but the state of a callback does."""
    write_data(tmp_path)
    (tmp_path / "counting.py").write_text(COUNTING)
    config = CONFIG.replace("name: small", "name: small\nplugins: [counting.py]")
    run = train(tmp_path, "run", config, "training.callbacks=[Counting]", plugins=True)
    found = bisected(run, run, allow_plugins=True)
    first = first_of(found)
    assert (first.when, first.step, first.part) == ("after", 12, "callbacks/0")
    said = "whose calls all wrote the same: callbacks/0 (validation or a callback)"
    assert any(said in line for line in bisect_lines(found))


COUNTING = """
import random
from nnctl.callbacks.base import CallbackSpec, register
from nnctl.core.events import EpochEnded


@register
class Counting(CallbackSpec):
    def start(self):
        return {"number": 0.0}

    def handle(self, event, state):
        if isinstance(event, EpochEnded) and event.epoch == 1:
            state["number"] = random.random()
        return ()
"""

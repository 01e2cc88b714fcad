"""Losses and metrics of a scaled target, under two names: in scaled units and in the target's own."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.data.preprocessing import CategoryPrep, NumberPrep, TargetPrep
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.units import unit, with_own_units
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec
from tests.cli.command import nnctl

CONFIG = """
nnctl: 1
data:
  source: d.csv
  inputs: [a, b]
  target: price
  columns: {{price: {{scale: {scale}}}}}
  split: {{validation: 0.2, test: 0.2}}
model:
  layers: [{{type: Dense, units: 1, kernel_regularizer: {penalty}}}]
training:
  epochs: 2
  optimizer: sgd
  loss: {loss}
  metrics: [mae, rmse, mape, {{type: MeanSquaredError, name: error}}]
  callbacks:
    - {{type: EarlyStopping, monitor: val_mae_unscaled, patience: 5}}
    - {{type: CSVLogger, filename: l.csv}}
"""


def write(here: Path, **fields: str) -> None:
    """A table whose prices are hundreds, and the config."""
    x = np.random.default_rng(0).random((60, 2))
    rows = [f"{a!r},{b!r},{400 + 300 * a - 100 * b!r}" for a, b in x.tolist()]
    (here / "d.csv").write_text("\n".join(["a,b,price", *rows]) + "\n")
    defaults = {"scale": "standard", "penalty": "null", "loss": "mse"}
    (here / "c.yaml").write_text(CONFIG.format(**(defaults | fields)))


def errors(here: Path) -> np.ndarray:
    """What the trained model is off by on every row of the file, in the column's unit."""
    assert nnctl("predict", "run", "d.csv", "-o", "p.npy", cwd=here).code == 0
    truth = np.loadtxt(here / "d.csv", delimiter=",", skiprows=1)[:, 2]
    return np.asarray(np.load(here / "p.npy")[:, 0] - truth)


@pytest.mark.parametrize("scale", ["standard", "minmax", "100"])
def test_both_are_told_everywhere(scale: str, tmp_path: Path) -> None:
    """In eval, metrics.jsonl, manifest, log files and monitors; they are what predictions are off by."""
    write(tmp_path, scale=scale)
    assert nnctl("check", "c.yaml", cwd=tmp_path).code == 0
    done = nnctl("train", "c.yaml", "--run-dir", "run", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    found = nnctl("eval", "run", "--data", "d.csv", "--json", cwd=tmp_path).json["metrics"]
    off = errors(tmp_path)
    own = {
        "loss": np.mean(off**2),
        "mae": np.mean(np.abs(off)),
        "rmse": math.sqrt(np.mean(off**2)),
        "error": np.mean(off**2),
    }
    for name, value in own.items():
        assert found[f"{name}_unscaled"] == pytest.approx(value, rel=1e-4), name
        assert found[name] < found[f"{name}_unscaled"]
    names = [
        "loss",
        "loss_unscaled",
        "mae",
        "mae_unscaled",
        "rmse",
        "rmse_unscaled",
        "mape",
        "error",
        "error_unscaled",
    ]
    assert list(found) == names
    row = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    assert {*names, *(f"val_{name}" for name in names)} <= set(row)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert (
        manifest["metrics"]["val_mae_unscaled"]
        == row["val_mae_unscaled"]
        == done.json["metrics"]["val_mae_unscaled"]
    )
    assert "val_mae_unscaled" in (tmp_path / "run" / "l.csv").read_text()
    assert "mae_unscaled" in done.err


def test_what_is_not_scaled_has_one_name(tmp_path: Path) -> None:
    write(tmp_path)
    text = (tmp_path / "c.yaml").read_text().replace("  columns: {price: {scale: standard}}\n", "")
    (tmp_path / "c.yaml").write_text(text.replace("val_mae_unscaled", "val_mae"))
    done = nnctl("train", "c.yaml", "--run-dir", "run", "--json", "-q", cwd=tmp_path)
    assert not [name for name in done.json["metrics"] if "unscaled" in name]
    assert (
        nnctl("check", "c.yaml", "--set", "training.callbacks.0.monitor=val_mae_unscaled", cwd=tmp_path).code
        == 2
    )


@pytest.mark.parametrize(("penalty", "loss"), [("l2", "mse"), ("null", "huber")])
def test_a_loss_that_is_more_than_one_error_has_no_other_unit(
    penalty: str, loss: str, tmp_path: Path
) -> None:
    write(tmp_path, penalty=penalty, loss=loss)
    done = nnctl("train", "c.yaml", "--run-dir", "run", "--json", "-q", cwd=tmp_path)
    assert "loss_unscaled" not in done.json["metrics"]
    assert "mae_unscaled" in done.json["metrics"]


def prep(*scales: tuple[str, tuple[float, ...]]) -> TargetPrep:
    columns: dict[str, Any] = {
        f"c{i}": NumberPrep(scale=scale, divide=divide, shape=(len(divide),) if len(divide) > 1 else ())
        for i, (scale, divide) in enumerate(scales)
    }
    return TargetPrep(columns=columns, kind="number", shape=(len(scales),))


def test_the_unit_of_a_target() -> None:
    """Of several columns (or lanes) only where all are scaled alike: their mean has no unit otherwise."""
    assert unit(prep(("standard", (2.5,)))) == 2.5
    assert unit(prep(("divide", (-2.0,)))) == 2.0
    assert unit(prep(("none", (1.0,)))) is None
    assert unit(prep(("minmax", (3.0,)), ("minmax", (3.0,)))) == 3.0
    assert unit(prep(("minmax", (3.0,)), ("minmax", (4.0,)))) is None
    assert unit(prep(("minmax", (3.0,)), ("none", (1.0,)))) is None
    assert unit(prep(("standard", (3.0, 4.0)))) is None
    assert (
        unit(
            TargetPrep(columns={"c": CategoryPrep(words=("a", "b"), encoding="index")}, kind="ids", shape=())
        )
        is None
    )


def factors(layers: list[Any], targets: dict[str, TargetPrep], **training: Any) -> dict[str, float]:
    outputs = [layer["name"] for layer in layers]
    spec = ModelSpec.model_validate({"layers": layers, "outputs": outputs, "inputs": {"x": [3]}})
    model = build(spec)
    objective = compile_objective(TrainingSpec.model_validate(training), model)
    return dict(with_own_units(objective, model, targets).unscaled)


def dense(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "Dense", "units": 1, "name": name, "inputs": "x", **more}


SCALED = {"a": prep(("standard", (3.0,)))}


def test_which_logs_have_a_value_in_the_target_s_unit() -> None:
    """Of one output the loss as a whole, where nothing is added to it; of several each one's own."""
    assert factors([dense("a")], SCALED, loss="mse", metrics=["mae", "mape"]) == {"loss": 9.0, "mae": 3.0}
    assert factors([dense("a")], SCALED, loss="huber", metrics=["mse"]) == {"mse": 9.0}
    assert factors([dense("a")], {}, loss="mse", metrics=["mae"]) == {}
    assert factors([dense("a")], {"a": prep(("none", (1.0,)))}, loss="mse") == {}
    assert factors([dense("a")], SCALED, loss="mse", loss_weights=2.0) == {}
    assert factors([dense("a", bias_regularizer="l2")], SCALED, loss="mse") == {}
    assert factors([dense("a", activity_regularizer="l2")], SCALED, loss="mse") == {}
    two = [dense("a", kernel_regularizer="l2"), dense("b")]
    assert factors(two, SCALED, loss="mae", metrics="mse", loss_weights=2.0) == {"a_loss": 3.0, "a_mse": 9.0}


def test_a_name_that_a_metric_has_is_left_to_it() -> None:
    metrics = ["mae", {"type": "MeanSquaredError", "name": "mae_unscaled"}]
    assert factors([dense("a")], SCALED, loss="huber", metrics=metrics) == {"mae_unscaled": 9.0}

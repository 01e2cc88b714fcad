"""Sizes at the edges: nothing in an input, no layers, more than a machine holds. Errors, and no faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.workflow.check import check
from nnctl.workflow.train import start

CONFIG = """
nnctl: 1
data: {{source: {{type: npz, path: d.npz}}, inputs: {{x: x}}, targets: {{o: y}}, batch_size: {batch}}}
model: {{layers: {layers}}}
training: {{epochs: 1, optimizer: sgd, loss: mse}}
"""
DENSE = "[{type: Dense, units: 2, name: o}]"


def problems(tmp_path: Path, layers: str = DENSE, *, width: int = 4, batch: int = 8) -> str:
    """What is wrong with a config; the data has 11 rows of `width` numbers."""
    np.savez(tmp_path / "d.npz", x=np.zeros((11, width), np.float32), y=np.zeros((11, 2), np.float32))
    config = tmp_path / "c.yaml"
    config.write_text(CONFIG.format(layers=layers, batch=batch))
    with pytest.raises(ConfigError) as caught:
        list(start(config, run_dir=tmp_path / "run", threads=1).events())
    assert not (tmp_path / "run").exists()
    return str(caught.value)


def test_an_input_without_numbers(tmp_path: Path) -> None:
    assert "input 'x' is (0): there is nothing in it" in problems(tmp_path, width=0)


def test_no_layers(tmp_path: Path) -> None:
    assert "'layers' cannot be []" in problems(tmp_path, "[]")


@pytest.mark.parametrize("units", [10**12, 10**30])
def test_more_weights_than_memory(units: int, tmp_path: Path) -> None:
    found = problems(tmp_path, f"[{{type: Dense, units: {units}}}, {{type: Dense, units: 2, name: o}}]")
    assert "parameters need" in found
    assert "this machine has" in found


def test_how_much_is_needed_and_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights and their gradients, of 4 bytes each; in units of 2^30 bytes."""
    monkeypatch.setattr("nnctl.workflow.assemble.memory", lambda: (3 * 2**28, "this machine has"))
    width = 2**26
    found = problems(tmp_path, f"[{{type: Dense, units: {width}, use_bias: false}}, {DENSE[1:-1]}]")
    assert f"{width * 4 + width * 2 + 2:,} parameters need 3.0 GiB, this machine has 0.8 GiB" in found


@pytest.mark.parametrize(("there", "fits"), [((240, "it has"), True), ((239, "it has"), False), (None, True)])
def test_check_holds_the_weights_against_the_memory(
    there: Any, fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 weights with gradients and Adam's two slots, and 20 that are frozen; unknown memory holds all."""
    monkeypatch.setattr("nnctl.workflow.assemble.memory", lambda: there)
    np.savez(tmp_path / "d.npz", x=np.zeros((11, 4), np.float32), y=np.zeros((11, 2), np.float32))
    layers = f"[{{type: Dense, units: 4, trainable: false}}, {DENSE[1:-1]}]"
    (tmp_path / "c.yaml").write_text(CONFIG.format(layers=layers, batch=8).replace("sgd", "adam"))
    if fits:
        check(tmp_path / "c.yaml")
    else:
        with pytest.raises(ConfigError, match=r"30 parameters need 0\.0 GiB, it has 0\.0 GiB"):
            check(tmp_path / "c.yaml")


def test_more_activations_than_memory(tmp_path: Path) -> None:
    wide = "{type: Reshape, target_shape: [2, 2, 1]}, {type: ZeroPadding2D, padding: 500000}"
    pooled = f"[{wide}, GlobalAveragePooling2D, {{type: Dense, units: 2, name: o}}]"
    assert "the buffers of a batch of 8 need" in problems(tmp_path, pooled)


def test_a_batch_of_validation_that_needs_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """4 MiB an example, of which training has one at a time; a batch is no larger than its split."""
    wide = "{type: Reshape, target_shape: [2, 2, 1]}, {type: ZeroPadding2D, padding: 511}"
    pooled = f"[{wide}, GlobalAveragePooling2D, {{type: Dense, units: 2, name: o}}]"
    np.savez(tmp_path / "d.npz", x=np.zeros((11, 4), np.float32), y=np.zeros((11, 2), np.float32))
    text = CONFIG.format(layers=pooled, batch="1, split: {validation: 0.5}")
    (tmp_path / "c.yaml").write_text(text.replace("mse}", "mse, validation_batch_size: 9}"))
    monkeypatch.setattr("nnctl.workflow.assemble.memory", lambda: (10 << 20, "it has"))
    with pytest.raises(ConfigError, match="the buffers of a batch of 5 need") as caught:
        list(start(tmp_path / "c.yaml", run_dir=tmp_path / "run", threads=1).events())
    assert caught.value.problems[0].path == ("training", "validation_batch_size")


def test_a_batch_larger_than_the_data_is_the_data(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.ones((11, 4), np.float32), y=np.zeros((11, 2), np.float32))
    config = tmp_path / "c.yaml"
    config.write_text(CONFIG.format(layers=DENSE, batch=10**15))
    training = start(config, run_dir=tmp_path / "run", threads=1)
    list(training.events())
    assert training.result()["steps"] == 1

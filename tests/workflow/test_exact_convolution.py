"""`exact_convolution: direct`: what a run was trained with is what every command on it computes with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from nnctl.core.errors import RunError
from nnctl.workflow.stored import open_stored
from nnctl.workflow.train import start
from nnctl.workflow.verify import verify
from tests.cli.command import nnctl
from tests.workflow.test_going_on import train


def written(folder: Path) -> Path:
    """A config whose convolution is one that Winograd's transforms pay for."""
    random = np.random.default_rng(3)
    np.savez(
        folder / "data.npz",
        image=random.standard_normal((24, 8, 8, 32), "float32"),
        label=random.integers(0, 2, 24),
    )
    config = {
        "nnctl": 1,
        "data": {
            "source": {"type": "npz", "path": "data.npz"},
            "target": "label",
            "split": {"test": 0.25},
            "batch_size": 5,
        },
        "model": {
            "layers": [
                {"type": "Conv2D", "filters": 32, "kernel_size": 3, "padding": "same", "activation": "relu"},
                "GlobalAveragePooling2D",
                {"type": "Dense", "units": 2, "activation": "softmax"},
            ]
        },
        "training": {"epochs": 2, "optimizer": "adam", "loss": "sparse_categorical_crossentropy"},
    }
    (folder / "images.yaml").write_text(yaml.safe_dump(config))
    return folder / "images.yaml"


def test_commands_compute_as_the_run_was_trained(tmp_path: Path) -> None:
    config = written(tmp_path)
    hashes = {}
    for way in ("auto", "direct"):
        run, override = tmp_path / way, f"exact_convolution={way}"
        whole = train(start(config, run_dir=run, overrides=[override])).result()
        hashes[way] = whole["weights_sha256"]
        parts = train(start(config, run_dir=tmp_path / f"{way} parts", overrides=[override]), steps=3)
        assert parts.manifest.status != "completed"
        again = start(config, run_dir=tmp_path / f"{way} parts", overrides=[override], resume=True)
        assert train(again).result()["weights_sha256"] == hashes[way]
        assert verify(str(run)).holds
        sizes = {"input": (3, 8, 8, 32)}
        for purpose in ("evaluation", "prediction"):
            session = open_stored(str(run)).session(1)
            getattr(session, purpose)(sizes)
            used = session.kernel_names() & {"gather", "convolve_3x3"}
            assert used == {"gather" if way == "direct" else "convolve_3x3"}
    assert hashes["auto"] != hashes["direct"]
    with pytest.raises(RunError, match="another config"):
        start(config, run_dir=tmp_path / "auto", overrides=["exact_convolution=direct"])


def test_plan_shows_the_way(tmp_path: Path) -> None:
    config = written(tmp_path)
    shown = {}
    for way in ("auto", "direct"):
        result = nnctl("plan", config, "--program", "--json", "--set", f"exact_convolution={way}")
        assert result.code == 0, result.err
        shown[way] = result.out
    assert "direct=True" not in shown["auto"]
    assert "direct=True" in shown["direct"]
    assert nnctl("check", config, "--set", "exact_convolution=never").code == 2

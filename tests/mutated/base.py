"""The files that are mutated: a run of tables with two inputs, one stopped half way, one of arrays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np

from nnctl.workflow.train import start

CONFIGS = Path(__file__).resolve().parents[2] / "configs"

CALLBACKS = """
  callbacks:
    - {type: EarlyStopping, monitor: val_loss, patience: 9, restore_best_weights: true}
    - {type: ReduceLROnPlateau, monitor: val_loss, patience: 1}
    - {type: ModelCheckpoint, monitor: val_loss, save_best_only: true}
    - {type: CSVLogger, filename: log.csv}
    - {type: JSONLogger}
"""
ARRAYS = """
nnctl: 1
data: {source: arrays.npz, inputs: {image: x}, target: y, split: {test: 0.3}, batch_size: 8}
model: {layers: [Flatten, {type: Dense, units: 3, activation: softmax}]}
training: {epochs: 1, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
"""


def make_base(base: Path) -> None:
    """Train what is mutated: `done/`, `stopped/` (of penguins) and `arrays/`, with their data."""
    base.mkdir(parents=True, exist_ok=True)
    (base / "data").mkdir()
    shutil.copy(CONFIGS / "data" / "penguins.csv", base / "data")
    text = (CONFIGS / "penguins.yaml").read_text()
    (base / "c.yaml").write_text(text.rstrip() + CALLBACKS)
    few = ["training.epochs=3", "training.checkpoint={every: 5}"]
    train(base / "c.yaml", base / "done", few)
    shutil.copytree(base / "done", base / "stopped")
    (base / "stopped" / "model.h5").unlink()
    newest = sorted((base / "stopped" / "checkpoints").glob("*.h5"))
    newest[-1].unlink()
    manifest = base / "stopped" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"status": "interrupted"}))
    x = np.random.default_rng(0).integers(0, 256, (30, 4, 3)).astype(np.uint8)
    y = np.arange(30) % 3
    words = np.array(["ab", "c", "def"] * 10, dtype="S3")
    np.savez_compressed(base / "arrays.npz", x=x, y=y, words=words)
    np.savez(base / "stored.npz", x=x, y=y, words=words)
    with h5py.File(base / "arrays.h5", "w") as file:
        file.create_dataset("x", data=x, chunks=(4, 4, 3), compression="gzip", shuffle=True)
        file["y"] = y
        file["words"] = words
    (base / "a.yaml").write_text(ARRAYS)
    train(base / "a.yaml", base / "arrays", [])


def train(config: Path, run: Path, overrides: list[str]) -> None:
    for _ in start(config, run_dir=run, overrides=overrides).events():
        pass

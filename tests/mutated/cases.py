"""One mutated file by number: what is changed, and the command that meets it."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nnctl.runs.image import USER_BLOCK, pieces, user_block
from nnctl.runs.model_file import FORMAT
from nnctl.storage.hdf5_reader import Hdf5Reader
from tests.mutated.trees import bytes_changed, changed

TEXTS = ("index", "config", "preprocessing", "training")
RESUME = ("train", "c.yaml", "--set", "training.epochs=3", "--set", "training.checkpoint={every: 5}")


@dataclass(frozen=True)
class Case:
    """A mutated file, the command, and how the outcome is judged.

    Attributes:
        must_fail: The file no longer has the hash that it names.
        data: The file of examples whose predictions must be those of what NumPy or h5py reads in it.
    """

    what: str
    command: tuple[str, ...]
    must_fail: bool = False
    data: str | None = None


def make(number: int, base: Path, here: Path, seed: int = 0) -> Case:
    """Case `number` in the directory `here`, which is made. The same number gives the same file."""
    chance = random.Random(f"{seed} {number}")
    shutil.copytree(base, here)
    return FAMILIES[number % len(FAMILIES)](here, chance)


def _command(chance: random.Random, run: str) -> tuple[str, ...]:
    return chance.choice(
        [
            ("eval", run),
            ("eval", run, "--split", "train", "--json"),
            ("predict", run, "data/penguins.csv", "-o", "out.csv"),
            ("predict", run, "data/penguins.csv", "-o", "out.jsonl"),
            ("export", run, "--format", chance.choice(["yaml", "npz", "h5", "keras"]), "-o", "out.keras"),
        ]
    )


def _texts(here: Path, chance: random.Random) -> Case:
    """A model file with a changed text and its hash made right."""
    stopped = chance.random() < 0.4
    run = "stopped" if stopped else "done"
    path = sorted((here / run / "checkpoints").glob("*.h5"))[-1] if stopped else here / run / "model.h5"
    name = chance.choice(["preprocessing", "preprocessing", "config", "training", "index"])
    texts, arrays = read_parts(path)
    texts[name], what = changed(json.loads(texts[name]), chance)
    path.write_bytes(b"".join(pieces(texts, arrays, FORMAT)))
    resume = (*RESUME, "--run-dir", run, "--resume")
    return Case(f"{name}: {what}", resume if stopped and chance.random() < 0.7 else _command(chance, run))


def read_parts(path: Path) -> tuple[dict, dict]:
    """The texts and the arrays of a model file, by path."""
    with Hdf5Reader(path) as reader:
        texts = {name: reader.text(name) for name in TEXTS if name in reader.names()}
        arrays = {}
        todo = [name for name in reader.names() if name not in texts]
        while todo:
            at = todo.pop(0)
            try:
                dtype, shape = reader.describe(at)
            except Exception:
                todo += [f"{at}/{below}" for below in reader.names(at)]
            else:
                arrays[at] = reader.array(at, dtype, shape)
    return texts, arrays


def _model_bytes(here: Path, chance: random.Random) -> Case:
    """A model file with changed bytes, in most cases with its hash made right."""
    path = here / "done" / "model.h5"
    raw = path.read_bytes()
    whole = chance.random() < 0.7
    head = 3000 if chance.random() < 0.7 else len(raw)  # HDF5's own structure lies at the front
    body = bytes_changed(raw[USER_BLOCK : USER_BLOCK + head], chance) + raw[USER_BLOCK + head :]
    block = user_block(hashlib.sha256(body).hexdigest()) if whole else raw[:USER_BLOCK]
    path.write_bytes(block + body)
    return Case(f"bytes, hash {'right' if whole else 'wrong'}", _command(chance, "done"), must_fail=not whole)


def _run_text(here: Path, chance: random.Random) -> Case:
    """A run's manifest or metrics."""
    run = chance.choice(["done", "stopped"])
    name = chance.choice(["manifest.json", "manifest.json", "metrics.jsonl"])
    path = here / run / name
    if chance.random() < 0.2:
        path.write_bytes(bytes_changed(path.read_bytes(), chance))
        what = "bytes"
    elif name == "manifest.json":
        text, what = changed(json.loads(path.read_text()), chance)
        path.write_text(text)
    else:
        lines = path.read_text().splitlines()
        at = chance.randrange(len(lines))
        lines[at], what = changed(json.loads(lines[at]), chance)
        path.write_text("\n".join(lines) + "\n")
    shown = [("runs", "show", run), ("runs", "show", run, "--json"), ("runs", "compare", run, "done")]
    (here / "runs" / "x").mkdir(parents=True)
    (here / run).rename(here / "runs" / "x" / "1")
    (here / run).symlink_to("runs/x/1")
    listed = [("runs",), ("runs", "--json"), (*RESUME, "--run-dir", run, "--resume"), ("eval", run)]
    return Case(f"{name}: {what}", chance.choice([*shown, *listed]))


def _data(name: str) -> Callable[[Path, random.Random], Case]:
    def make(here: Path, chance: random.Random) -> Case:
        source = "stored.npz" if name == "arrays.npz" and chance.random() < 0.5 else name
        path = here / source
        path.write_bytes(bytes_changed(path.read_bytes(), chance))
        return Case(f"{source}: bytes", ("predict", "arrays", source, "-o", "out.csv"), data=source)

    return make


FAMILIES = (_texts, _model_bytes, _run_text, _data("arrays.npz"), _data("arrays.h5"), _texts, _run_text)

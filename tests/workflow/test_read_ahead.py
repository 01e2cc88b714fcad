"""Reading ahead: each batch has the numbers that it would have alone, and training each bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import nnctl
from nnctl.core.errors import DataError
from nnctl.data.feeding import in_memory
from nnctl.data.sources import hdf5
from nnctl.runner.train import train as run
from nnctl.workflow import read_ahead
from nnctl.workflow.assemble import Assembled, assemble
from nnctl.workflow.batch_reader import BatchReader
from nnctl.workflow.read_ahead import ReadAhead, ahead
from nnctl.workflow.train import make_job

CONFIG = """
nnctl: 1
data:
  source: {type: hdf5, path: a.h5}
  inputs: x
  target: y
  sample_weight: w
  split: {validation: 0.2}
  shuffle: SHUFFLE
  batch_size: 4
model: {layers: [{type: Dense, units: 3}]}
training: {epochs: 3, optimizer: sgd, loss: mse}
"""
ROWS = 53


def given(
    folder: Path, monkeypatch: pytest.MonkeyPatch, shuffle: Any = "true", bad: int | None = None
) -> Path:
    """A config whose data stays on disk."""
    rng = np.random.default_rng(0)
    with h5py.File(folder / "a.h5", "w") as file:
        for name, width in (("x", (2,)), ("y", (3,)), ("w", ())):
            values = rng.random((ROWS, *width), dtype=np.float32)
            if bad is not None and name == "x":
                values[bad] = np.inf
            file[name] = values
    (folder / "c.yaml").write_text(CONFIG.replace("SHUFFLE", str(shuffle)))
    monkeypatch.setattr(hdf5, "IN_MEMORY", 0)
    monkeypatch.setattr(in_memory, "budget", lambda: 0)
    return folder / "c.yaml"


def buffers(rows: int) -> dict[str, Any]:
    shapes = {"input:input": (rows, 2), "target:dense": (rows, 3), "sample_weight:dense": (rows,)}
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()} | {"step": np.zeros(1)}


def readers(assembled: Assembled, window: int = 0) -> tuple[BatchReader, ReadAhead]:
    plain = BatchReader(assembled.data.train)
    return plain, ReadAhead(plain, window)


@pytest.mark.parametrize("at_once", [1, 100, 203, 1 << 20])
@pytest.mark.parametrize("window", [0, 8])
def test_batches_are_what_they_are_alone(
    at_once: int, window: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one piece and of many, the last batch shorter; another than the next one is read at once."""
    monkeypatch.setattr(read_ahead, "AT_ONCE", at_once)
    assembled = assemble(given(tmp_path, monkeypatch))
    plain, reader = readers(assembled, window)
    order = np.random.default_rng(1).permutation(len(plain))
    batches = [order[first : first + 5] for first in range(0, len(order), 5)]
    assert len(batches[-1]) < 5
    seen = []
    for batch in reader.expect(batches):
        found, alone = buffers(len(batch)), buffers(len(batch))
        reader.read(batch, found)
        plain.read(batch, alone)
        for key, array in alone.items():
            np.testing.assert_array_equal(found[key], array)
        other, alone = buffers(3), buffers(3)
        reader.read(order[[1, 30, 2]], other)
        plain.read(order[[1, 30, 2]], alone)
        np.testing.assert_array_equal(other["input:input"], alone["input:input"])
        seen.append(batch)
    np.testing.assert_array_equal(np.concatenate(seen), order)
    assert reader._piece is None


def test_classes_have_their_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = assemble(given(tmp_path, monkeypatch)).data.train
    plain = BatchReader(data, {"dense": np.array([2.0, 3.0, 4.0])})
    found, alone = buffers(3), buffers(3)
    reader = ReadAhead(plain)
    for indices in reader.expect([np.array([5, 1, 9])]):
        reader.read(indices, found)
        plain.read(indices, alone)
    assert alone["sample_weight:dense"].all()
    np.testing.assert_array_equal(found["sample_weight:dense"], alone["sample_weight:dense"])


def test_how_much_is_read_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As much as fits, in whole batches; at least a window."""
    assert read_ahead.AT_ONCE == 32 << 20
    assembled = assemble(given(tmp_path, monkeypatch))
    each = 4 * (2 + 3)
    monkeypatch.setattr(read_ahead, "AT_ONCE", 11 * each)
    batches = [np.arange(first, min(first + 4, 42)) for first in range(0, 42, 4)]

    def pieces(window: int) -> list[int]:
        _, reader = readers(assembled, window)
        return [len(piece.ascending) for piece in reader._pieces(batches)]

    assert pieces(0) == [12, 12, 12, 6]
    assert pieces(5) == [12, 12, 12, 6]
    assert pieces(4) == [8, 8, 8, 8, 8, 2]
    assert pieces(16) == [16, 16, 10]
    monkeypatch.setattr(read_ahead, "AT_ONCE", 9 * each)
    assert pieces(0) == [12, 12, 12, 6]
    monkeypatch.setattr(read_ahead, "AT_ONCE", 0)
    assert pieces(0) == [4] * 10 + [2]


def test_the_next_piece_is_read_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "AT_ONCE", 1)
    assembled = assemble(given(tmp_path, monkeypatch))
    _, reader = readers(assembled)
    coming = reader.expect([np.array([3, 1]), np.array([2, 9]), np.array([5, 4])])
    out = buffers(2)
    reader.read(next(coming), out)
    piece = reader._piece
    assert piece is not None
    assert piece.next is not None
    assert piece.next.reading is not None
    assert piece.next.ascending.tolist() == [2, 9]
    assert set(piece.next.reading.result(10)) == set(out) - {"step"}


@pytest.mark.parametrize("shuffle", ["true", "false", "batch", 8])
def test_training_has_the_same_bits(shuffle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = given(tmp_path, monkeypatch, shuffle)
    hashes = []
    for at_once, use in ((1 << 20, True), (1, True), (1, False)):
        monkeypatch.setattr(read_ahead, "AT_ONCE", at_once)
        monkeypatch.setattr("nnctl.workflow.train.ahead", ahead if use else lambda reader, window=0: reader)
        assembled = assemble(config)
        job = make_job(assembled, assembled.session(2))
        assert isinstance(job.train, ReadAhead) is use
        run = nnctl.train(config, run_dir=tmp_path / f"run-{at_once}-{use}", threads=2)
        hashes.append(run.weights_sha256)
    assert len(set(hashes)) == 1


def test_what_is_in_memory_is_not_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = given(tmp_path, monkeypatch)
    monkeypatch.setattr(in_memory, "budget", lambda: 1 << 20)
    assembled = assemble(config)
    reader = BatchReader(assembled.data.train)
    assert ahead(reader) is reader
    assert list(reader.expect([np.array([1])])) == [np.array([1])]


def test_a_bad_value_that_was_read_ahead_is_placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = given(tmp_path, monkeypatch, "false", bad=17)
    with pytest.raises(DataError, match=r"a.h5:18, column 'x': the value is infinite"):
        nnctl.train(config, run_dir=tmp_path / "run", threads=2)


@pytest.mark.parametrize(("shuffle", "together"), [("batch", 5), (8, 8)])
def test_what_a_job_reads(
    shuffle: Any, together: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of neighbours, or whole windows at once."""
    monkeypatch.setattr(read_ahead, "AT_ONCE", 5 * 4 * (2 + 3))
    assembled = assemble(given(tmp_path, monkeypatch, shuffle))
    job = make_job(assembled, assembled.session(1))
    assert isinstance(job.train, ReadAhead)
    assert job.train._together == together
    seen: list[Any] = []
    monkeypatch.setattr(job.train, "expect", lambda batches: seen.extend(batches) or iter(()))
    list(run(job))
    neighbours = [np.all(np.diff(np.sort(batch)) == 1) for batch in seen]
    assert all(neighbours) is (shuffle == "batch")


def test_predictions_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = nnctl.train(given(tmp_path, monkeypatch), run_dir=tmp_path / "run", threads=1)
    predicted = found.predict(split="validation")
    seen = []
    monkeypatch.setattr("nnctl.workflow.predict.ahead", lambda reader: seen.append(reader) or reader)
    np.testing.assert_array_equal(found.predict(split="validation").values["y"], predicted.values["y"])
    assert len(seen) == 1


@pytest.mark.parametrize("columns", ["x", "y", "[z, x]", "[z]"])
def test_whether_anything_is_on_a_disk(columns: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One column of several is enough; one that nothing reads is not."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["z"] = np.ones((20, 50), np.float32), np.ones((20, 3), np.float32)
        file["y"] = np.zeros((20, 60 if columns == "y" else 3), np.float32)
    monkeypatch.setattr(hdf5, "IN_MEMORY", 20 * 40 * 4)
    monkeypatch.setattr(in_memory, "budget", lambda: 0)
    inputs = "[z]" if columns == "y" else columns
    text = CONFIG.replace("inputs: x", f"inputs: {inputs}").replace("  sample_weight: w\n", "")
    text = text.replace("SHUFFLE", "true").replace("units: 3", f"units: {60 if columns == 'y' else 3}")
    (tmp_path / "c.yaml").write_text(text)
    assert assemble(tmp_path / "c.yaml").data.train.on_disk is (columns != "[z]")


def test_sequences_on_a_disk_are_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["n"] = np.ones((20, 5, 3), np.float32), np.arange(20) % 5 + 1
        file["y"] = np.zeros((20, 3), np.float32)
    monkeypatch.setattr(hdf5, "IN_MEMORY", 20 * 5 * 3 * 4 - 1)
    monkeypatch.setattr(in_memory, "budget", lambda: 0)
    text = CONFIG.replace("  sample_weight: w\n", "  columns: {x: {type: sequence, lengths: n}}\n")
    (tmp_path / "c.yaml").write_text(text.replace("SHUFFLE", "true").replace("Dense,", "LSTM,"))
    assert assemble(tmp_path / "c.yaml").data.train.on_disk


def test_evaluation_reads_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = nnctl.train(given(tmp_path, monkeypatch), run_dir=tmp_path / "run", threads=1)
    seen = []
    monkeypatch.setattr("nnctl.workflow.scored.ahead", lambda reader: seen.append(reader) or ahead(reader))
    evaluated = found.evaluate(split="validation")
    assert len(seen) == 1
    assert evaluated == found.evaluate(split="validation")

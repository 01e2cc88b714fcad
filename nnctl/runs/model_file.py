"""One file layout for a final model and for a checkpoint: `model.h5`, `checkpoints/*.h5`.

Layout (HDF5; the first 512 bytes are a user block: `nnctl model 1`, `sha256 <hex of all bytes after it>`):

| path | content |
| --- | --- |
| `/index` | JSON text: `weights_sha256`, and name, dtype and shape of every array, in graph order |
| `/config` | JSON text: the resolved config |
| `/preprocessing` | JSON text: what was fitted on the training split |
| `/training` | JSON text: step, epoch, step_in_epoch, scalars, callbacks, logs, files |
| `/weights/<name>` | an array a weight |
| `/optimizer/<name>` | an array an optimizer slot |
| `/metrics/<name>` | an array a running metric; in checkpoints |
| `/kept/<slot>/<name>` | weights set aside by a callback; in checkpoints |

Texts are fixed-length UTF-8 strings padded with NULs; arrays are contiguous and uncompressed. A `%`, and a
component of a name that is empty or all dots, is percent-encoded in paths.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from nnctl.core import below
from nnctl.core.errors import RunError
from nnctl.runs.image import MAGIC, USER_BLOCK, pieces, user_block
from nnctl.runs.state import TrainingState, weights_sha256
from nnctl.storage.disk import DISK, Disk, commit
from nnctl.storage.hdf5_reader import FileRefused, Hdf5Reader

FORMAT = {"format": "nnctl model", "version": "1"}

Expected = Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]
"""Shape and dtype by weight name, as the built graph has them."""


class Damaged(RunError):
    """A file is not what its hash says: cut off, overwritten, or a bit has flipped."""


class OtherWeights(FileRefused):
    """A model file whose weights are not those of the model that they were asked for."""


@dataclass
class ModelFile:
    """What a model file holds.

    Attributes:
        config: The resolved config, as plain data.
        preprocessing: What was fitted on the training split, as plain data.
        state: Weights and everything else that training needs to go on.
    """

    config: Mapping[str, Any]
    preprocessing: Mapping[str, Any]
    state: TrainingState
    weights_sha256: str = ""
    """Filled when written or read."""


def write_model(path: Path, model: ModelFile, disk: Disk = DISK) -> str:
    """Commit `model` at `path`, whole or not at all; the weights' hash.

    Raises:
        StorageError: Disk full, I/O error, unwritable directory; what was at `path` is untouched.
    """
    state = model.state
    model.weights_sha256 = weights_sha256(state.weights)
    families = _families(state)
    index: dict[str, Any] = {"weights_sha256": model.weights_sha256}
    index |= {family: _describe(arrays) for family, arrays in families.items()}
    training = {
        "step": state.step,
        "epoch": state.epoch,
        "step_in_epoch": state.step_in_epoch,
        "scalars": dict(state.scalars),
        "trainable": dict(state.trainable),
        "kept": list(state.kept),
        "callbacks": state.callback_states,
        "logs": dict(state.logs),
        "kept_logs": {slot: dict(logs) for slot, logs in state.kept_logs.items()},
        "files": {name: list(mark) for name, mark in state.files.items()},
        "complete": state.complete,
    }
    texts = {
        "index": json.dumps(index),
        "config": json.dumps(model.config),
        "preprocessing": json.dumps(model.preprocessing),
        "training": json.dumps(training),
    }
    arrays = {_path(family, n): a for family, named in families.items() for n, a in named.items()}
    commit(disk, path, pieces(texts, arrays, FORMAT))
    return model.weights_sha256


def _families(state: TrainingState) -> dict[str, Mapping[str, np.ndarray]]:
    families = {"weights": state.weights, "optimizer": state.optimizer, "metrics": state.metric_states}
    return families | {f"kept/{slot}": arrays for slot, arrays in state.kept.items()}


def _describe(arrays: Mapping[str, np.ndarray]) -> list[list[Any]]:
    return [[name, a.dtype.newbyteorder("<").str, list(a.shape)] for name, a in arrays.items()]


def _path(family: str, name: str) -> str:
    parts = (f"{family}/{name}").replace("%", "%25").split("/")
    return "/".join(p.replace(".", "%2E") if set(p) <= {"."} and p else p or "%00" for p in parts)


class Gone(RunError):
    """There is no such file: where a run is training, a checkpoint may have been removed meanwhile."""


def check_hash(path: Path, root: Path | None = None) -> str:
    """The hash that the file carries in its user block, which its bytes have been held against.

    Args:
        root: The run directory that it was found in (`nnctl.core.below`); None where the user named it.

    Raises:
        Damaged: It is not an nnctl model file, or its bytes have another hash.
        Gone: It is not there.
        RunError: It cannot be read.
    """
    with _opened(path, root) as file:
        return _checked(path, file)


@contextmanager
def _opened(path: Path, root: Path | None) -> Iterator[BufferedReader]:
    """The file, opened once: what is read is what was checked, whatever happens to its name meanwhile."""
    try:
        with below.reading(path, root) as file:
            yield file
    except FileNotFoundError:
        raise Gone(f"cannot read {path}: there is no such file") from None
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error


def _checked(path: Path, file: BufferedReader) -> str:
    head = file.read(USER_BLOCK)
    found = hashlib.file_digest(file, "sha256").hexdigest()
    if not head.startswith(MAGIC):
        raise Damaged(f"{path} is not an nnctl model file")
    if head != user_block(found):
        raise Damaged(f"{path} is damaged: its bytes do not have the SHA-256 that it names")
    return found


def read_model(path: Path, expected: Expected | None = None, root: Path | None = None) -> ModelFile:
    """The model at `path`, after its hash has been checked.

    Args:
        expected: The weights that the graph has, in order; a file with others is refused before a byte of
            an array is read.
        root: As `check_hash`'s.

    Raises:
        Damaged: Its hash does not hold.
        Gone: It is not there.
        FileRefused: It holds what nnctl does not read.
        OtherWeights: It holds other weights than expected.
    """
    with _reader(path, root) as reader:
        index = _json(reader, "index")
        weights = _entries(reader, index, "weights")
        if expected is not None:
            _match(path, weights, expected)
        training = _json(reader, "training")
        state = _state(reader, training)
        state.weights = _arrays(reader, "weights", weights)
        state.optimizer = _arrays(reader, "optimizer", _entries(reader, index, "optimizer"))
        state.metric_states = _arrays(reader, "metrics", _entries(reader, index, "metrics"))
        state.kept = {
            slot: _arrays(reader, f"kept/{slot}", _entries(reader, index, f"kept/{slot}"))
            for slot in training["kept"]
        }
        model = ModelFile(_json(reader, "config"), _json(reader, "preprocessing"), state)
    model.weights_sha256 = weights_sha256(state.weights)
    if model.weights_sha256 != index.get("weights_sha256"):
        raise Damaged(f"{path}: the weights do not have the hash that the file names")
    return model


@contextmanager
def _reader(path: Path, root: Path | None) -> Iterator[Hdf5Reader]:
    with _opened(path, root) as file:
        _checked(path, file)
        with Hdf5Reader(path, file) as reader:
            yield reader


Entries = dict[str, tuple[tuple[int, ...], np.dtype[Any]]]


def _json(reader: Hdf5Reader, path: str) -> dict[str, Any]:
    try:
        value = json.loads(reader.text(path))
    except (ValueError, RecursionError) as error:
        raise FileRefused(f"{reader.path}: '{path}' is not JSON") from error
    if not isinstance(value, dict):
        raise FileRefused(f"{reader.path}: '{path}' is not a JSON object")
    return value


def _entries(reader: Hdf5Reader, index: Mapping[str, Any], family: str) -> Entries:
    """The arrays of a family as the index lists them; the reader holds the file against this."""
    try:
        return {
            str(name): (tuple(int(n) for n in shape), np.dtype(str(dtype)))
            for name, dtype, shape in index[family]
        }
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise FileRefused(f"{reader.path}: 'index' does not list '{family}' as it should") from error


def _arrays(reader: Hdf5Reader, family: str, entries: Entries) -> dict[str, np.ndarray]:
    return {name: reader.array(_path(family, name), dtype, shape) for name, (shape, dtype) in entries.items()}


def _match(path: Path, found: Entries, expected: Expected) -> None:
    if list(found) != list(expected):
        odd = sorted(set(found) ^ set(expected)) or list(expected)
        raise OtherWeights(f"{path} holds other weights than the config's model: {', '.join(odd[:5])}")
    for name, (shape, dtype) in expected.items():
        is_shape, is_dtype = found[name]
        if is_shape != tuple(shape) or is_dtype != np.dtype(dtype).newbyteorder("<"):
            has, needs = f"{is_dtype.str} {is_shape}", f"{np.dtype(dtype).str} {tuple(shape)}"
            raise OtherWeights(f"{path}: '{name}' is {has}, the model needs {needs}")


def _state(reader: Hdf5Reader, training: Mapping[str, Any]) -> TrainingState:
    try:
        return TrainingState(
            step=_count(training["step"]),
            epoch=_count(training["epoch"]),
            step_in_epoch=_count(training["step_in_epoch"]),
            trainable={str(k): bool(v) for k, v in training["trainable"].items()},
            scalars={str(k): float(v) for k, v in training["scalars"].items()},
            callback_states=list(training["callbacks"]),
            logs=_numbers(training["logs"]),
            kept={str(slot): {} for slot in training["kept"]},
            kept_logs={str(slot): _numbers(logs) for slot, logs in training["kept_logs"].items()},
            files={str(name): (_count(size), str(sha)) for name, (size, sha) in training["files"].items()},
            complete=bool(training["complete"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FileRefused(f"{reader.path}: 'training' is not as it should be") from error


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise ValueError("no count")
    return value


def _numbers(value: Mapping[str, Any]) -> dict[str, float]:
    return {str(k): float(v) for k, v in value.items()}

"""Model files put together by hand: a small sound one in each format, and what makes others of them."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Json = dict[str, Any]
PAYLOAD = "open('marker', 'w').close()"
"""What hostile code would do: leave a file that shows."""
SECRET = "secret.txt"
"""A file beside the hostile one that a config or a link names; its text must be nowhere afterwards."""
WORDS = "the-secret-words"


def layer(kind: str, config: Json, **other: Any) -> Json:
    """A layer as Keras 3 writes it."""
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None} | other


def tensor(name: str, call: int = 0, output: int = 0) -> Json:
    """What Keras 3 writes for a tensor."""
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 3], "dtype": "float32", "keras_history": [name, call, output]},
    }


def called(*tensors: Json, **kwargs: Any) -> Json:
    """A call of a layer."""
    return {"args": list(tensors), "kwargs": kwargs}


def dense(name: str = "d", units: Any = 2, **other: Any) -> Json:
    return layer("Dense", {"name": name, "units": units}, **other)


def chain(*layers: Json, shape: Any = (None, 3)) -> Json:
    """A Sequential of these layers behind an input of three numbers."""
    first = layer(
        "InputLayer", {"name": "i", "batch_shape": list(shape) if isinstance(shape, tuple) else shape}
    )
    config = {"name": "m", "layers": [first, *layers]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}


def functional(layers: list[Json], outputs: list[Any], inputs: list[Any] | None = None) -> Json:
    """A functional model: an input `i` of three numbers, and these layers."""
    first = layer("InputLayer", {"name": "i", "batch_shape": [None, 3]}, name="i", inbound_nodes=[])
    config = {
        "name": "m",
        "layers": [first, *layers],
        "input_layers": inputs if inputs is not None else [["i", 0, 0]],
        "output_layers": outputs,
    }
    return {"module": "keras.src.models.functional", "class_name": "Functional", "config": config}


def node(name: str, kind: str, config: Json, *calls: Json) -> Json:
    """A layer of a functional model."""
    return layer(kind, {"name": name, "trainable": True} | config, name=name, inbound_nodes=list(calls))


def compiled(**told: Any) -> Json:
    """`chain(dense())`, compiled with this."""
    return chain(dense()) | {"compile_config": told}


Fill = Callable[[h5py.File], None]


def arrays(file: h5py.File) -> None:
    """The weights of `chain(dense())`, where Keras 3 puts them."""
    arrays_of(file, (3, 2))


def arrays_of(file: h5py.File, shape: tuple[int, int]) -> None:
    """The weights of a model whose only layer with weights is a Dense."""
    group = file.create_group("layers/dense/vars")
    group["0"] = np.arange(shape[0] * shape[1], dtype="<f4").reshape(shape)
    group["1"] = np.linspace(-1, 1, shape[1], dtype="<f4")


def hdf5(fill: Fill = arrays) -> bytes:
    """An HDF5 file."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
    return buffer.getvalue()


def members(config: Json | bytes, weights: bytes | None = None) -> dict[str, bytes]:
    """What a `.keras` file consists of."""
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    metadata = json.dumps({"keras_version": "3.11.3", "date_saved": "2026-01-01@00:00:00"}).encode()
    found = {"metadata.json": metadata, "config.json": text}
    return found if weights == b"" else found | {"model.weights.h5": hdf5() if weights is None else weights}


def zipped(parts: Mapping[str, bytes] | list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive; a list of pairs may name a member twice."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in parts.items() if isinstance(parts, Mapping) else parts:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def keras(here: Path, config: Json | bytes, weights: bytes | None = None) -> str:
    """Write `model.keras`."""
    (here / "model.keras").write_bytes(zipped(members(config, weights)))
    return "model.keras"


def weighted(here: Path, fill: Fill) -> str:
    """Write `model.keras` whose file of weights is hostile."""
    return keras(here, chain(dense()), hdf5(fill))


def legacy(here: Path, config: Json | str, fill: Fill | None = None) -> str:
    """Write `model.h5`, a whole model in the layout of Keras 2."""

    def whole(file: h5py.File) -> None:
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
        (fill or legacy_arrays)(file)

    (here / "model.h5").write_bytes(hdf5(whole))
    return "model.h5"


def legacy_arrays(file: h5py.File) -> None:
    group = file.create_group("model_weights")
    group.attrs["layer_names"] = [b"d"]
    below = group.create_group("d")
    below.attrs["weight_names"] = [b"d/kernel:0", b"d/bias:0"]
    below["d/kernel:0"] = np.arange(6, dtype="<f4").reshape(3, 2)
    below["d/bias:0"] = np.array([0.5, -1.0], "<f4")


def structure(here: Path, config: Json | str) -> str:
    """Write `model.json`."""
    (here / "model.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return "model.json"


OWN = """
nnctl: 1
data: {source: data.npz, inputs: {i: i}, target: d}
model: {inputs: {i: [3]}, layers: [{type: Dense, name: d, units: 2}]}
training: {epochs: 1, loss: mean_squared_error}
"""


def by_name(here: Path, name: str, content: bytes) -> tuple[str, ...]:
    """Weights by name, for a config of nnctl's own."""
    (here / "own.yaml").write_text(OWN)
    np.savez(here / "data.npz", i=np.zeros((4, 3), "<f4"), d=np.zeros((4, 2), "<f4"))
    (here / name).write_bytes(content)
    return "own.yaml", "--weights", name


def safetensors(header: Json | bytes, data: bytes = bytes(32)) -> bytes:
    """A safetensors file."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


TENSORS: Json = {
    "d/kernel": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]},
    "d/bias": {"dtype": "F32", "shape": [2], "data_offsets": [24, 32]},
}


def npz(**changed: bytes) -> bytes:
    """An NPZ of the weights of `OWN`; members of the name given are these bytes."""
    parts = {"d/kernel": npy(np.zeros((3, 2), "<f4")), "d/bias": npy(np.zeros(2, "<f4"))} | changed
    return zipped({f"{name}.npy": content for name, content in parts.items()})


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npy_header(text: str, data: bytes = b"") -> bytes:
    """A `.npy` that says this of itself."""
    head = text.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data

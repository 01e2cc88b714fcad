"""One file for each published vulnerability of Keras's files, with a payload that would show.

What is known of each is in the advisory of that number; where that names no format, each that could carry it.
"""

from __future__ import annotations

import base64
import io
import marshal
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.hostile.cases import case
from tests.hostile.forge import (
    PAYLOAD,
    SECRET,
    Json,
    arrays,
    called,
    chain,
    compiled,
    dense,
    functional,
    hdf5,
    keras,
    layer,
    legacy,
    members,
    node,
    structure,
    tensor,
    weighted,
    zipped,
)


def bytecode() -> str:
    """Code as a Lambda keeps it."""
    return base64.b64encode(marshal.dumps(compile(PAYLOAD, "x", "exec"))).decode()


def run_by_lambda() -> Json:
    function = {"class_name": "__lambda__", "config": {"code": bytecode(), "defaults": None, "closure": None}}
    return layer("Lambda", {"name": "l", "function": function, "arguments": {}})


class Opener:
    """A pickle of this opens a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, ("marker", "w")


@case("the tag !!python/object/apply:eval is refused")
def cve_2021_37678_yaml_unsafe_load(here: Path) -> str:
    """`model_from_yaml` built any Python object that a tag names."""
    text = f'class_name: Sequential\nconfig: !!python/object/apply:eval ["{PAYLOAD}"]\nkeras_version: 2.4.0\n'
    (here / "model.yaml").write_text(text)
    return "model.yaml"


@case("the tag !!python/object/new:os.system is refused")
def cve_2021_37678_tag_among_tuples(here: Path) -> str:
    """The only tag that is read, and another one behind it."""
    text = (
        "class_name: Sequential\nkeras_version: 2.4.0\nconfig:\n  name: m\n  layers:\n  - class_name: Dense\n"
        "    config: {units: 2, batch_input_shape: !!python/tuple [null, 3],\n"
        "      bias: !!python/object/new:os.system ['touch marker']}\n"
    )
    (here / "model.yaml").write_text(text)
    return "model.yaml"


@case("Lambda holds a Python function")
def cve_2024_3660_lambda(here: Path) -> str:
    """Keras before 2.13 unmarshalled and ran a Lambda's code."""
    return keras(here, chain(run_by_lambda(), dense()))


@case("Lambda holds a Python function")
def cve_2025_1550_module_and_function(here: Path) -> str:
    """A function of any module, by name, with arguments of one's choice."""
    function = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
    made = layer("Lambda", {"name": "l", "function": function, "arguments": {"command": "touch marker"}})
    return keras(here, chain(made, dense()))


@case("'Popen' is no layer of Keras 3")
def cve_2025_1550_class_of_a_module(here: Path) -> str:
    made = {"module": "subprocess", "class_name": "Popen", "config": {"args": ["touch", "marker"]}}
    return keras(here, chain(made | {"registered_name": None}, dense()))


@case("'run' is no initializer that nnctl has")
def cve_2025_1550_initializer(here: Path) -> str:
    made = {"module": "hostile_module", "class_name": "run", "config": {}, "registered_name": "run"}
    config = {"name": "d", "units": 2, "kernel_initializer": made}
    return keras(here, chain(layer("Dense", config)))


@case(imports=True)
def cve_2025_1550_module_of_a_known_class(here: Path) -> str:
    """A module is not followed: `Dense` is `Dense`, whatever stands beside it."""
    return keras(here, chain(dense() | {"module": "hostile_module"}))


@case("Lambda holds a Python function")
def cve_2025_8747_get_file(here: Path) -> str:
    """Keras's own function that fetches and unpacks, as a Lambda's."""
    function = {"module": "keras.utils", "class_name": "function", "config": "get_file"}
    told = {"origin": "http://127.0.0.1:9/x.tar", "extract": True, "cache_dir": "."}
    return keras(
        here, chain(layer("Lambda", {"name": "l", "function": function, "arguments": told}), dense())
    )


@case("Lambda holds a Python function")
def cve_2025_9905_lambda_in_hdf5(here: Path) -> str:
    """`safe_mode` did not count for HDF5."""
    made = {"class_name": "Lambda", "config": {"name": "l", "function": [bytecode(), None, None]}}
    first = {"class_name": "InputLayer", "config": {"name": "i", "batch_input_shape": [None, 3]}}
    config = {"name": "m", "layers": [first, made]}
    return legacy(here, {"class_name": "Sequential", "config": config})


@case("Lambda holds a Python function")
def cve_2025_9906_enable_unsafe_deserialization(here: Path) -> str:
    """A first layer that switches the safe mode off, for the next."""
    function = {"module": "keras.config", "class_name": "function", "config": "enable_unsafe_deserialization"}
    return keras(
        here, chain(layer("Lambda", {"name": "off", "function": function}), run_by_lambda(), dense())
    )


@case("nnctl has no StringLookup")
def cve_2025_12058_vocabulary_file(here: Path) -> str:
    """A vocabulary is read from a path."""
    return keras(here, chain(layer("StringLookup", {"name": "s", "vocabulary": SECRET}), dense()))


@case("vocabulary")
def cve_2025_12058_vocabulary_of_whole_numbers(here: Path) -> str:
    """The same of a layer that nnctl may have."""
    return keras(here, chain(layer("IntegerLookup", {"name": "s", "vocabulary": SECRET}), dense()))


@case("nnctl has no TextVectorization")
def cve_2025_12058_url(here: Path) -> str:
    told = {"name": "s", "vocabulary": "http://127.0.0.1:9/latest/meta-data"}
    return keras(here, chain(layer("TextVectorization", told), dense()))


@case("TorchModuleWrapper")
def cve_2025_49655_torch_module(here: Path) -> str:
    """A module of PyTorch in a config, as a pickle."""
    module = {
        "class_name": "__bytes__",
        "config": {"value": base64.b64encode(pickle.dumps(Opener())).decode()},
    }
    return keras(here, chain(layer("TorchModuleWrapper", {"name": "t", "module": module}), dense()))


@case("has the shape [1099511627776, 1048576], but 'd/kernel' needs [3, 2]")
def cve_2026_0897_shape_bomb(here: Path) -> str:
    """A dataset that claims more than there is memory."""

    def fill(file: h5py.File) -> None:
        file.create_dataset("layers/dense/vars/0", (1 << 40, 1 << 20), "<f4")
        file["layers/dense/vars/1"] = np.zeros(2, "<f4")

    return weighted(here, fill)


@case("TFSMLayer")
def cve_2026_1462_saved_model(here: Path) -> str:
    """A layer that loads a SavedModel from a path."""
    return keras(here, chain(layer("TFSMLayer", {"name": "t", "filepath": "./saved"}), dense()))


@case("is stored in another file")
def cve_2026_1669_external_storage(here: Path) -> str:
    """A dataset whose bytes are another file's."""

    def fill(file: h5py.File) -> None:
        file.create_dataset("layers/dense/vars/0", (3, 2), "<f4", external=[(str(here / SECRET), 0, 24)])
        file["layers/dense/vars/1"] = np.zeros(2, "<f4")

    return weighted(here, fill)


@case("is a soft or external link")
def cve_2026_1669_external_link(here: Path) -> str:
    (here / "secret.h5").write_bytes(hdf5())

    def fill(file: h5py.File) -> None:
        file["layers"] = h5py.ExternalLink("secret.h5", "/layers")

    return weighted(here, fill)


@case("is a virtual dataset")
def cve_2026_1669_virtual_dataset(here: Path) -> str:
    (here / "secret.h5").write_bytes(hdf5())

    def fill(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((3, 2), "<f4")
        layout[:] = h5py.VirtualSource("secret.h5", "layers/dense/vars/0", (3, 2))
        file.create_virtual_dataset("layers/dense/vars/0", layout)
        file["layers/dense/vars/1"] = np.zeros(2, "<f4")

    return weighted(here, fill)


@case("is stored in another file")
def cve_2026_1669_external_storage_in_legacy_hdf5(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"d"]
        below = group.create_group("d")
        below.attrs["weight_names"] = [b"k", b"b"]
        below.create_dataset("k", (3, 2), "<f4", external=[(str(here / SECRET), 0, 24)])
        below["b"] = np.zeros(2, "<f4")

    return legacy(here, chain(dense()), fill)


@case(imports=True)
def cve_2026_12479_name_that_leads_out(here: Path) -> str:
    """Assets of a layer were written where its name leads."""
    parts = members(chain(dense("../../../outside"))) | {"assets/../../marker": b"x"}
    (here / "model.keras").write_bytes(zipped(parts))
    return "model.keras"


@case(imports=True)
def cve_2026_12480_members_that_lead_out(here: Path) -> str:
    """Members that unpack elsewhere: by their names, as links, and as archives with such."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            info = tarfile.TarInfo("../marker")
            info.type, info.linkname = kind, "../../secret.txt"
            archive.addfile(info)
    odd = {
        "../marker": b"x",
        "/tmp/nnctl-hostile-marker": b"x",
        "a/../../marker": b"x",
        "x.tar": inner.getvalue(),
    }
    (here / "model.keras").write_bytes(zipped(members(chain(dense())) | odd))
    return "model.keras"


@case("Lambda holds a Python function")
def cve_2026_12481_lambda_in_a_layer(here: Path) -> str:
    """A Lambda's guard held only at the top: here it is what another layer wraps."""
    held = {"name": "t", "layer": run_by_lambda()}
    return keras(here, chain(layer("TimeDistributed", held), dense(), shape=(None, 4, 3)))


@case("Lambda holds a Python function")
def lambda_in_a_model_in_a_layer(here: Path) -> str:
    inner = chain(run_by_lambda())
    return keras(here, chain(layer("TimeDistributed", {"name": "t", "layer": inner}), shape=(None, 4, 3)))


@case("'__lambda__' is no activation that nnctl has")
def activation_by_marshal(here: Path) -> str:
    made = {"class_name": "__lambda__", "config": {"code": bytecode()}}
    return keras(here, chain(layer("Dense", {"name": "d", "units": 2, "activation": made})))


@case(imports=True)
def loss_and_metric_by_module(here: Path) -> str:
    """What it was compiled with: left out, and told."""
    function = {
        "module": "hostile_module",
        "class_name": "function",
        "config": "run",
        "registered_name": "run",
    }
    optimizer = {"module": "hostile_module", "class_name": "Popen", "config": {"args": "touch marker"}}
    return keras(here, compiled(loss=function, metrics=[function], optimizer=optimizer))


@case(imports=True)
def build_and_compile_by_module(here: Path) -> str:
    """Entries that Keras calls a class's methods with."""
    made = dense(build_config={"input_shape": [None, 3]}, compile_config=run_by_lambda())
    return keras(here, chain(made) | {"build_config": run_by_lambda()})


@case("a layer of one's own")
def registered_name(here: Path) -> str:
    return keras(here, chain(dense() | {"registered_name": "hostile_module>Dense"}))


@case("has no layer in nnctl")
def operation_by_module(here: Path) -> str:
    made = node("o", "system", {}, called(tensor("i"), command="touch marker")) | {
        "module": "keras.src.ops.os"
    }
    return keras(here, functional([made], [["o", 0, 0]]))


@case("has no layer in nnctl")
def tf_op_lambda(here: Path) -> str:
    """tf.keras named any function of TensorFlow's, `io.read_file` too."""
    made = {
        "class_name": "TFOpLambda",
        "name": "f",
        "config": {"name": "f", "function": "io.read_file"},
        "inbound_nodes": [["i", 0, 0, {"filename": SECRET}]],
    }
    first = {"class_name": "InputLayer", "name": "i", "config": {"batch_input_shape": [None, 3], "name": "i"}}
    config = {"name": "m", "layers": [first | {"inbound_nodes": []}, made], "input_layers": [["i", 0, 0]]}
    return structure(here, {"class_name": "Functional", "config": config | {"output_layers": [["f", 0, 0]]}})


@case("TensorFlowOpLayer")
def tensorflow_op_layer(here: Path) -> str:
    made = {
        "class_name": "TensorFlowOpLayer",
        "name": "f",
        "config": {"name": "f", "node_def": "op: PyFunc"},
        "inbound_nodes": [["i", 0, 0]],
    }
    first = {"class_name": "InputLayer", "name": "i", "config": {"batch_input_shape": [None, 3], "name": "i"}}
    config = {"name": "m", "layers": [first | {"inbound_nodes": []}, made], "input_layers": [["i", 0, 0]]}
    return structure(here, {"class_name": "Model", "config": config | {"output_layers": [["f", 0, 0]]}})


@case("a model of a class of its own")
def model_class_of_a_module(here: Path) -> str:
    return keras(
        here, {"module": "hostile_module", "class_name": "Popen", "config": {"args": ["touch", "marker"]}}
    )


@case("a pickle, which can run any code")
def pickle_with_another_ending(here: Path) -> str:
    (here / "model.keras").write_bytes(pickle.dumps(Opener()))
    return "model.keras"


@case("an archive of none of the formats")
def archive_of_pytorch(here: Path) -> str:
    parts = {"model/data.pkl": pickle.dumps(Opener()), "model/version": b"3"}
    (here / "model.keras").write_bytes(zipped(parts))
    return "model.keras"


@case("is not a regular file")
def fifo(here: Path) -> str:
    os.mkfifo(here / "model.keras")
    return "model.keras"


@case("is not a regular file")
def device(here: Path) -> str:
    (here / "model.keras").symlink_to("/dev/zero")
    return "model.keras"


@case("a SavedModel of TensorFlow")
def directory(here: Path) -> str:
    (here / "model.keras").mkdir()
    (here / "model.keras" / "saved_model.pb").write_bytes(b"\n")
    return "model.keras"


@case("is no JSON")
def config_of_nnctl_by_another_name(here: Path) -> tuple[str, ...]:
    """A stranger's JSON is no config, whose data and plugins are followed."""
    (here / "model.json").write_text(
        '{"x": 1,\n"data": {"source": "secret.txt"}, "plugins": ["hostile_module.py"],\n"model": {},\n'
        "nnctl: 1}\n"
    )
    (here / "w.weights.h5").write_bytes(hdf5(arrays))
    return "model.json", "--weights", "w.weights.h5"

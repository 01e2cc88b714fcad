"""The model file: everything comes back to the bit, damage is seen, the layout is plain HDF5."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nnctl.core.errors import RunError
from nnctl.runs.model_file import Damaged, Gone, ModelFile, check_hash, read_model, write_model
from nnctl.runs.state import TrainingState, weights_sha256
from nnctl.storage.hdf5_reader import FileRefused

from .examples import example_model, expected_of, same_states


def test_everything_comes_back(tmp_path: Path) -> None:
    model = example_model()
    digest = write_model(tmp_path / "m.h5", model)
    back = read_model(tmp_path / "m.h5", expected_of(model))
    assert same_states(back.state, model.state)
    assert (back.config, back.preprocessing) == (model.config, model.preprocessing)
    assert digest == back.weights_sha256 == weights_sha256(model.state.weights)


def test_an_empty_state_and_a_long_config(tmp_path: Path) -> None:
    model = ModelFile({"text": "ü" * 300_000}, {}, TrainingState())
    write_model(tmp_path / "m.h5", model)
    assert read_model(tmp_path / "m.h5") == model


def test_big_endian_and_strided_arrays(tmp_path: Path) -> None:
    a = np.arange(30, dtype=">f8").reshape(5, 6)[:, ::2]
    write_model(tmp_path / "m.h5", ModelFile({}, {}, TrainingState(weights={"a": a})))
    back = read_model(tmp_path / "m.h5").state.weights["a"]
    assert back.dtype == np.dtype("<f8")
    np.testing.assert_array_equal(back, a)


def test_same_content_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_model(tmp_path / name, example_model())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_it_is_plain_hdf5(tmp_path: Path) -> None:
    model = example_model()
    write_model(tmp_path / "m.h5", model)
    with h5py.File(tmp_path / "m.h5") as file:
        np.testing.assert_array_equal(file["weights/dense/kernel"], model.state.weights["dense/kernel"])
        assert file["config"][()].decode().startswith('{"name"')
        assert file.attrs["format"] == b"nnctl model"


def test_every_flipped_bit_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    write_model(path, example_model())
    whole = path.read_bytes()
    places = {0, 5, 25, 80, 90, 511, 512, 600, *range(513, len(whole), 997), len(whole) - 1}
    for place in places:
        broken = bytearray(whole)
        broken[place] ^= 1 << (place % 8)
        path.write_bytes(broken)
        with pytest.raises(Damaged):
            read_model(path)
    for length in (0, 100, 512, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(Damaged):
            read_model(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(Damaged):
        check_hash(path)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    model = example_model()
    write_model(tmp_path / "m.h5", model)
    expected = expected_of(model)
    shape, dtype = expected["dense/kernel"]
    for wrong in (
        expected | {"dense/kernel": ((5, 3), dtype)},
        expected | {"dense/kernel": (shape, np.dtype("<f8"))},
        expected | {"more": (shape, dtype)},
        dict(reversed(list(expected.items()))),
    ):
        with pytest.raises(FileRefused):
            read_model(tmp_path / "m.h5", wrong)


def test_what_is_said_of_other_weights(tmp_path: Path) -> None:
    """The first five names that are not in both, or all in another order; which shape and type differ."""
    path = tmp_path / "m.h5"
    model = example_model()
    write_model(path, model)
    expected = expected_of(model)
    shape, dtype = expected["dense/kernel"]
    others = f"{path} holds other weights than the config's model: "
    for wrong, words in (
        ({f"n{i}": (shape, dtype) for i in range(3)}, others + "count, dense/bias, dense/kernel, empty, n0"),
        (
            dict(reversed(list(expected.items()))),
            others + "empty, count, odd/%name/./x, dense/bias, dense/kernel",
        ),
        (
            expected | {"dense/kernel": ((5, 3), dtype)},
            f"{path}: 'dense/kernel' is <f4 (3, 5), the model needs <f4 (5, 3)",
        ),
        (
            expected | {"dense/kernel": (shape, np.dtype("<f8"))},
            f"{path}: 'dense/kernel' is <f4 (3, 5), the model needs <f8 (3, 5)",
        ),
    ):
        with pytest.raises(FileRefused) as caught:
            read_model(path, wrong)
        assert str(caught.value) == words


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot read"):
        read_model(tmp_path / "none.h5")
    (tmp_path / "text").write_text("hello " * 500)
    with pytest.raises(Damaged, match="not an nnctl model"):
        read_model(tmp_path / "text")


def seal(path: Path) -> None:
    """Make the hash of a forged file hold."""
    data = path.read_bytes()
    digest = hashlib.sha256(data[512:]).hexdigest().encode()
    path.write_bytes(data[:21] + digest + data[85:])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("index", b"[1, 2]"),
        ("index", b"{}"),
        ("index", b'{"weights": [["a", "O", [3]]]}'),
        ("index", b'{"weights": [["a", "<f4", [99999999999999]]]}'),
        ("index", b'{"weights": [["a", "<f4", [-1]]]}'),
        ("index", b'{"weights": [["../a", "<f4", [1]]]}'),
        ("index", b"[" * 4000),
        ("training", b"{}"),
        ("training", b'{"step": "x"}'),
        ("training", b"not json"),
        ("config", b"3"),
    ],
)
def test_forged_texts_are_refused(tmp_path: Path, key: str, value: bytes) -> None:
    path = tmp_path / "m.h5"
    write_model(path, example_model())
    with h5py.File(path, "r+") as file:
        file[key].write_direct(np.array(value, dtype=file[key].dtype))
    seal(path)
    with pytest.raises(RunError):
        read_model(path)


def test_forged_weights_do_not_have_the_named_hash(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    write_model(path, example_model())
    with h5py.File(path, "r+") as file:
        file["weights/dense/bias"][2] = 1.0
    with pytest.raises(Damaged):
        read_model(path)
    seal(path)
    with pytest.raises(Damaged, match="weights do not have the hash"):
        read_model(path)


def test_the_state_is_not_copied_nor_changed(tmp_path: Path) -> None:
    model = example_model()
    before = dataclasses.replace(model.state)
    for w in model.state.weights.values():
        w.flags.writeable = False
    write_model(tmp_path / "m.h5", model)
    assert same_states(before, model.state)


def forge_text(path: Path, key: str, value: object) -> None:
    """Put `value` in the place of a text; the hash holds."""
    with h5py.File(path, "r+") as file:
        file[key].write_direct(np.array(json.dumps(value).encode(), dtype=file[key].dtype))
    seal(path)


def text_of(path: Path, key: str) -> dict[str, Any]:
    with h5py.File(path) as file:
        found: dict[str, Any] = json.loads(file[key][()])
    return found


@pytest.mark.parametrize(
    "weights",
    [
        None,
        3,
        [["a"]],
        [["a", "zzz", [3]]],
        [["a", "<f4", ["x"]]],
        [["a", "<f4", [float("inf")]]],
        [["a", "<f4", 3]],
    ],
)
def test_an_index_that_lists_no_arrays(weights: object, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    write_model(path, example_model())
    forge_text(path, "index", text_of(path, "index") | {"weights": weights})
    with pytest.raises(FileRefused, match="'index' does not list 'weights' as it should"):
        read_model(path)


@pytest.mark.parametrize(
    ("key", "value", "taken"),
    [
        ("step", 0, True),
        ("step", 2**53 - 1, True),
        ("step", 2**53, False),
        ("step", -1, False),
        ("step", True, False),
        ("step", 1.0, False),
        ("epoch", -1, False),
        ("step_in_epoch", -1, False),
        ("files", {"a": [-1, "b"]}, False),
        ("files", {"a": [1]}, False),
        ("files", {"a": 1}, False),
        ("trainable", [], False),
        ("scalars", {"a": 10**400}, False),
        ("scalars", {"a": "x"}, False),
        ("logs", {"a": None}, False),
        ("callbacks", None, False),
        ("kept_logs", {"best": 3}, False),
    ],
)
def test_what_training_may_say(key: str, value: object, taken: bool, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    write_model(path, example_model())
    forge_text(path, "training", text_of(path, "training") | {key: value})
    if taken:
        assert read_model(path).state.step == value
    else:
        with pytest.raises(FileRefused) as caught:
            read_model(path)
        assert str(caught.value) == f"{path}: 'training' is not as it should be"


def test_why_a_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    write_model(path, example_model())
    for value, why in ((b"no", "JSON"), (b"[" * 4000, "JSON"), (b"[]", "a JSON object")):
        with h5py.File(path, "r+") as file:
            file["config"].write_direct(np.array(value, dtype=file["config"].dtype))
        seal(path)
        with pytest.raises(FileRefused) as caught:
            read_model(path)
        assert str(caught.value) == f"{path}: 'config' is not {why}"


def test_names_in_the_file(tmp_path: Path) -> None:
    """A dot within a name stays; what would be no plain path is encoded."""
    names = {"v1.2/w": "v1.2/w", "a//b": "a/%00/b", "../x": "%2E%2E/x", "50%": "50%25"}
    write_model(tmp_path / "m.h5", ModelFile({}, {}, TrainingState(weights={n: np.ones(2) for n in names})))
    with h5py.File(tmp_path / "m.h5") as file:
        for stored in names.values():
            assert file[f"weights/{stored}"].shape == (2,)
    assert list(read_model(tmp_path / "m.h5").state.weights) == list(names)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Gone, match="there is no such file"):
        check_hash(tmp_path / "none.h5")
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError) as caught:
        check_hash(tmp_path / "file" / "m.h5")
    assert str(caught.value) == f"cannot read {tmp_path / 'file' / 'm.h5'}: Not a directory"

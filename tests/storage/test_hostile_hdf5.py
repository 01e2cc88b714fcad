"""Files that strangers made: each is refused with nnctl's own error, and nothing is read or written."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from nnctl.core.errors import NnctlError
from nnctl.storage.hdf5_reader import FileRefused, Hdf5Reader

F4 = np.dtype("<f4")
Maker = Callable[[h5py.File, Path], None]
CORPUS: dict[str, Maker] = {}


def case(maker: Maker) -> Maker:
    CORPUS[maker.__name__] = maker
    return maker


@case
def external_link(file: h5py.File, secret: Path) -> None:
    file["a"] = h5py.ExternalLink(str(secret), "/a")


@case
def external_link_as_group(file: h5py.File, secret: Path) -> None:
    file["g"] = h5py.ExternalLink(str(secret), "/")
    file["a"] = h5py.SoftLink("/g/a")


@case
def soft_link(file: h5py.File, secret: Path) -> None:
    file["b"] = np.zeros(3, F4)
    file["a"] = h5py.SoftLink("/b")


@case
def soft_link_to_itself(file: h5py.File, secret: Path) -> None:
    file["a"] = h5py.SoftLink("/a")


@case
def external_storage(file: h5py.File, secret: Path) -> None:
    file.create_dataset("a", (3,), F4, external=[(str(secret), 0, 12)])


@case
def virtual_dataset(file: h5py.File, secret: Path) -> None:
    layout = h5py.VirtualLayout((3,), F4)
    layout[:] = h5py.VirtualSource(str(secret), "a", (3,))
    file.create_virtual_dataset("a", layout)


@case
def variable_length(file: h5py.File, secret: Path) -> None:
    file.create_dataset("a", (3,), h5py.vlen_dtype(F4))


@case
def variable_length_text(file: h5py.File, secret: Path) -> None:
    file.create_dataset("a", (3,), h5py.string_dtype())


@case
def object_reference(file: h5py.File, secret: Path) -> None:
    file.create_dataset("a", (3,), h5py.ref_dtype)


@case
def region_reference(file: h5py.File, secret: Path) -> None:
    file.create_dataset("a", (3,), h5py.regionref_dtype)


@case
def compound(file: h5py.File, secret: Path) -> None:
    file["a"] = np.zeros(3, [("x", F4)])


@case
def enumeration(file: h5py.File, secret: Path) -> None:
    file["a"] = np.zeros(3, bool)


@case
def opaque(file: h5py.File, secret: Path) -> None:
    file.create_dataset("a", (3,), h5py.opaque_dtype(np.dtype("M8[s]")))


@case
def array_type(file: h5py.File, secret: Path) -> None:
    file.create_dataset("a", (3,), np.dtype((F4, (2,))))


@case
def committed_type(file: h5py.File, secret: Path) -> None:
    file["a"] = F4


@case
def group(file: h5py.File, secret: Path) -> None:
    file.create_group("a")


@case
def other_float(file: h5py.File, secret: Path) -> None:
    file["a"] = np.zeros(3, "<f8")


@case
def other_byte_order(file: h5py.File, secret: Path) -> None:
    file["a"] = np.zeros(3, ">f4")


@case
def other_shape(file: h5py.File, secret: Path) -> None:
    file["a"] = np.zeros((3, 1), F4)


@case
def scalar(file: h5py.File, secret: Path) -> None:
    file["a"] = F4.type(3)


@case
def no_space(file: h5py.File, secret: Path) -> None:
    file["a"] = h5py.Empty(F4)


@case
def huge_shape(file: h5py.File, secret: Path) -> None:
    file.create_dataset("a", (1 << 40, 1 << 20), F4)


@case
def nothing_stored(file: h5py.File, secret: Path) -> None:
    file.create_dataset("a", (3,), F4)


@case
def chunked(file: h5py.File, secret: Path) -> None:
    file.create_dataset("a", (3,), F4, chunks=(3,), data=np.zeros(3))


@case
def compressed(file: h5py.File, secret: Path) -> None:
    file.create_dataset("a", (3,), F4, compression="gzip", data=np.zeros(3))


@case
def missing(file: h5py.File, secret: Path) -> None:
    file["b"] = np.zeros(3, F4)


def forge(tmp_path: Path, maker: Maker) -> Path:
    secret = tmp_path / "secret"
    with h5py.File(secret, "w") as file:
        file["a"] = np.full(3, 42, F4)
    with h5py.File(tmp_path / "hostile.h5", "w") as file:
        maker(file, secret)
    return tmp_path / "hostile.h5"


@pytest.mark.parametrize("name", CORPUS)
def test_the_corpus_is_refused(tmp_path: Path, name: str) -> None:
    path = forge(tmp_path, CORPUS[name])
    with Hdf5Reader(path) as reader:
        with pytest.raises(FileRefused):
            reader.array("a", F4, (3,))
        with pytest.raises(FileRefused):
            reader.text("a")
        with pytest.raises(FileRefused):
            reader.array("a/b", F4, (3,))


def test_a_huge_shape_that_is_expected_is_held_against_the_file(tmp_path: Path) -> None:
    path = forge(tmp_path, huge_shape)
    with Hdf5Reader(path) as reader, pytest.raises(FileRefused, match="does not hold the bytes"):
        reader.array("a", F4, (1 << 40, 1 << 20))


def test_compressed_ones_may_be_allowed_and_bombs_are_not(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("a", (3, 5), F4, compression="gzip", shuffle=True, data=np.ones((3, 5)))
        file.create_dataset("bomb", (1 << 27,), F4, chunks=(1 << 27,), compression="gzip")
        file.create_dataset("lzf", (3,), F4, compression="lzf", data=np.ones(3))
    with Hdf5Reader(tmp_path / "f.h5", filters=True) as reader:
        np.testing.assert_array_equal(reader.array("a", F4, (3, 5)), np.ones((3, 5), F4))
        with pytest.raises(FileRefused, match="chunks that are too large"):
            reader.array("bomb", F4, (1 << 27,))
        with pytest.raises(FileRefused, match="filter"):
            reader.array("lzf", F4, (3,))


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", ".", "..", "a\0b", "x/" * 100 + "a"])
def test_odd_paths(tmp_path: Path, path: str) -> None:
    with Hdf5Reader(forge(tmp_path, soft_link)) as reader, pytest.raises(FileRefused):
        reader.array(path, F4, (3,))


def test_names_and_descriptions(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["g/a"] = np.arange(6, dtype="<i2").reshape(2, 3)
    with Hdf5Reader(tmp_path / "f.h5") as reader:
        assert reader.names() == ["g"]
        assert reader.names("g") == ["a"]
        assert reader.describe("g/a") == (np.dtype("<i2"), (2, 3))
        with pytest.raises(FileRefused, match="not a group"):
            reader.names("g/a")


def test_not_hdf5_at_all(tmp_path: Path) -> None:
    for data in (b"", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04" + bytes(600)):
        (tmp_path / "x").write_bytes(data)
        with pytest.raises(NnctlError):
            Hdf5Reader(tmp_path / "x")


def test_mutated_files_give_nnctls_own_errors_only(tmp_path: Path) -> None:
    """Some mutations do no harm to the array; the others must end in FileRefused, never anything else."""
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["g/a"] = np.arange(3, dtype=F4)
    whole = (tmp_path / "f.h5").read_bytes()
    rng = random.Random(5)
    refused = 0
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            broken[rng.randrange(len(broken))] = rng.choice((0, 1, 255, rng.randrange(256)))
        (tmp_path / "m.h5").write_bytes(broken[: rng.choice((len(broken), rng.randrange(len(broken)))) or 1])
        try:
            with Hdf5Reader(tmp_path / "m.h5") as reader:
                assert reader.array("g/a", F4, (3,)).shape == (3,)
        except FileRefused:
            refused += 1
    assert refused > 30

"""Hostile HDF5: links, heaps, chunks, headers."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import h5py
import numpy as np

from tests.hostile.cases import case
from tests.hostile.forge import arrays, chain, dense, hdf5, keras, legacy, legacy_arrays, weighted

LONG = 1 << 20
ZEROS = zlib.compress(bytes(4 << 20))
"""A chunk of four megabytes."""


@case("is a soft or external link")
def soft_links(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        arrays(file)
        file["x"] = h5py.SoftLink("/layers/dense/vars/0")

    return weighted(here, fill)


@case("under another name as well")
def hard_links_in_a_circle(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        arrays(file)
        file["layers/dense/again"] = file["layers"]

    return weighted(here, fill)


@case("under another name as well")
def weight_with_two_names(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        arrays(file)
        file["layers/dense/vars/2"] = file["layers/dense/vars/1"]

    return weighted(here, fill)


@case("is missing")
def group_in_place_of_a_weight(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        legacy_arrays(file)
        del file["model_weights/d/d/bias:0"]
        file.create_group("model_weights/d/d/bias")
        file["model_weights/d"].attrs["weight_names"] = [b"d/kernel:0", b"d/bias:0"]

    return legacy(here, chain(dense()), fill)


@case("does not hold the bytes")
def arrays_that_are_not_there(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        file.create_dataset("layers/dense/vars/0", (3, 2), "<f4")
        file.create_dataset("layers/dense/vars/1", (2,), "<f4")

    return weighted(here, fill)


@case("lacks some of its chunks")
def chunks_that_are_not_there(here: Path) -> str:
    """Forty gigabytes, as the model needs them, none of which is in the file."""
    n = 100_000

    def fill(file: h5py.File) -> None:
        file.create_dataset("layers/dense/vars/0", (n, n), "<f4", chunks=(1000, 1000), compression="gzip")
        file["layers/dense/vars/1"] = np.zeros(n, "<f4")

    return keras(here, chain(dense("d", n), shape=(None, n)), hdf5(fill))


@case("unpacks to more than nnctl reads", large=True)
def chunks_bomb(here: Path) -> str:
    """A gigabyte of zeros in a megabyte."""
    n = 16384

    def fill(file: h5py.File) -> None:
        packed = file.create_dataset(
            "layers/dense/vars/0", (n, n), "<f4", chunks=(1024, 1024), compression="gzip"
        )
        for row in range(0, n, 1024):
            for column in range(0, n, 1024):
                packed.id.write_direct_chunk((row, column), ZEROS)
        file["layers/dense/vars/1"] = np.zeros(n, "<f4")

    return keras(here, chain(dense("d", n), shape=(None, n)), hdf5(fill))


@case("chunks that are too large")
def one_huge_chunk(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        file.create_dataset("layers/dense/vars/0", (1 << 13, 1 << 13), "<f4", chunks=(1 << 13, 1 << 13))
        file["layers/dense/vars/1"] = np.zeros(1 << 13, "<f4")

    return keras(here, chain(dense("d", 1 << 13), shape=(None, 1 << 13)), hdf5(fill))


@case(imports=True)
def small_weights_compressed(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        file.create_dataset(
            "layers/dense/vars/0", data=np.ones((3, 2), "<f4"), chunks=(2, 2), compression="gzip"
        )
        file["layers/dense/vars/1"] = np.zeros(2, "<f4")

    return weighted(here, fill)


@case("cannot be read")
def chunk_that_is_no_deflate(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        packed = file.create_dataset("layers/dense/vars/0", (3, 2), "<f4", chunks=(3, 2), compression="gzip")
        packed.id.write_direct_chunk((0, 0), b"no deflate at all")
        file["layers/dense/vars/1"] = np.zeros(2, "<f4")

    return weighted(here, fill)


@case(imports=None)
def chunk_that_unpacks_to_more(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        packed = file.create_dataset("layers/dense/vars/0", (3, 2), "<f4", chunks=(3, 2), compression="gzip")
        packed.id.write_direct_chunk((0, 0), ZEROS)
        file["layers/dense/vars/1"] = np.zeros(2, "<f4")

    return weighted(here, fill)


@case("filter that nnctl does not read")
def chunk_by_another_filter(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        file.create_dataset("layers/dense/vars/0", data=np.ones((3, 2), "<f4"), compression="lzf")
        file["layers/dense/vars/1"] = np.zeros(2, "<f4")

    return weighted(here, fill)


@case("neither an integer nor a float array")
def weights_of_references(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        file.create_dataset("layers/dense/vars/0", (3, 2), h5py.ref_dtype)
        file.create_dataset("layers/dense/vars/1", (2,), h5py.vlen_dtype("<f4"))

    return weighted(here, fill)


@case(imports=True)
def weights_that_are_no_numbers(here: Path) -> str:
    """NaN and infinity are weights like any other."""

    def fill(file: h5py.File) -> None:
        file["layers/dense/vars/0"] = np.full((3, 2), np.nan, "<f4")
        file["layers/dense/vars/1"] = np.full(2, -np.inf, "<f4")

    return weighted(here, fill)


@case("groups and arrays than nnctl reads", large=True)
def arrays_without_end(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        arrays(file)
        for number in range(20_000):
            file.create_group(f"g{number}")

    return weighted(here, fill)


@case("lies too deep")
def groups_in_groups(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        arrays(file)
        at = file
        for _ in range(300):
            at = at.create_group("g")

    return weighted(here, fill)


@case()
def names_of_arrays(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        arrays(file)
        for name in ("\x1b[2J\x07", "é" * 30_000, "..."):
            file["layers"].create_dataset(name, data=np.zeros(2, "<f4"))

    return weighted(here, fill)


def repeated(raw: bytes, count: int) -> bytes:
    """A file in which all references to texts lead to the long one."""
    found = bytearray(raw)
    at = found.index(b"GCOL")
    while struct.unpack_from("<Q", found, at + 24)[0] < LONG:
        at = found.index(b"GCOL", at + 4)
    long = struct.pack("<IQI", LONG, at, 1)
    place = found.find(struct.pack("<I", 7))
    changed = 0
    while place >= 0 and changed < count:
        address, index = struct.unpack_from("<QI", found, place + 4)
        if found[address : address + 4] == b"GCOL" and 0 < index < 1 << 16:
            found[place : place + 16] = long
            changed += 1
        place = found.find(struct.pack("<I", 7), place + 1)
    assert changed > 10
    return bytes(found)


def with_texts(here: Path, sizes: int = 8, change: tuple[int, bytes] | None = None) -> str:
    """A legacy file whose many names of layers are references to one long text."""
    create = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    create.set_sizes(sizes, sizes)
    file = h5py.File(h5py.h5f.create(str(here / "model.h5").encode(), h5py.h5f.ACC_TRUNC, create))
    with file:
        file.attrs["keras_version"] = "2.15.0"
        group = file.create_group("model_weights")
        group.attrs.create("long", "x" * LONG, dtype=h5py.string_dtype())
        group.attrs.create("layer_names", [f"l{n:06}" for n in range(2000)], dtype=h5py.string_dtype())
    raw = (here / "model.h5").read_bytes()
    if sizes == 8:
        raw = repeated(raw, 2000)
    if change is not None:
        raw = raw.replace(b"GCOL\x01\0\0\0", b"GCOL\x01" + change[1])
    (here / "model.h5").write_bytes(raw)
    return "model.h5"


@case("repeats texts that are too long")
def heap_of_one_text(here: Path) -> str:
    """Two gigabytes of names, all of them one text of a megabyte."""
    return with_texts(here)


@case("repeats texts that are too long")
def heap_with_reserved_bytes(here: Path) -> str:
    """The same; the library does not look at three bytes of the heap's head."""
    return with_texts(here, change=(5, b"abc"))


@case("repeats texts that are too long")
def heap_of_short_addresses(here: Path) -> str:
    """References of another form, which nobody can count."""
    return with_texts(here, sizes=4)


@case("repeats texts that are too long")
def heaps_in_heaps(here: Path) -> str:
    """Heads of heaps, each of which says that it reaches to the end of the file."""

    def fill(file: h5py.File) -> None:
        legacy_arrays(file)
        head = b"GCOL\x01\0\0\0" + struct.pack("<Q", 1 << 40)
        file["x"] = np.frombuffer(head * 40_000, "<u1")

    def whole(file: h5py.File) -> None:
        file.attrs.create("keras_version", "2.15.0", dtype=h5py.string_dtype())
        fill(file)

    (here / "model.h5").write_bytes(hdf5(whole))
    return "model.h5"


@case()
def names_in_many_attributes(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        group = file.create_group("model_weights")
        for number in range(12):
            group.attrs[f"layer_names{number}"] = np.full(10, b"x" * 6000)

    return legacy(here, chain(dense()), fill)


@case("is no text")
def config_that_is_a_list(here: Path) -> str:
    return legacy(here, chain(dense()), lambda file: file.attrs.__setitem__("model_config", [b"{}", b"{}"]))


@case("is not text")
def config_that_is_a_number(here: Path) -> str:
    return legacy(here, chain(dense()), lambda file: file.attrs.__setitem__("model_config", 5))


@case()
def weight_names_that_lead_out(here: Path) -> str:
    def fill(file: h5py.File) -> None:
        legacy_arrays(file)
        file["model_weights/d"].attrs["weight_names"] = [b"../../d/d/kernel:0", b"/etc/passwd"]

    return legacy(here, chain(dense()), fill)


@case("cannot be read")
def superblock_alone(here: Path) -> str:
    (here / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    return "model.h5"

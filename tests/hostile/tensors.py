"""Hostile weights by name: safetensors and NPZ whose headers lie."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from tests.hostile.cases import case
from tests.hostile.forge import TENSORS, by_name, npy, npy_header, npz, safetensors, zipped

Command = tuple[str, ...]


def header(here: Path, **changed: object) -> Command:
    """A safetensors file whose kernel is described otherwise."""
    return by_name(here, "w.safetensors", safetensors(TENSORS | {"d/kernel": TENSORS["d/kernel"] | changed}))


@case(imports=True)
def sound_safetensors(here: Path) -> Command:
    return by_name(here, "w.safetensors", safetensors(TENSORS))


@case(imports=True)
def sound_npz(here: Path) -> Command:
    return by_name(here, "w.npz", npz())


@case("does not lie in the file")
def tensor_beyond_the_file(here: Path) -> Command:
    return header(here, shape=[3 << 20, 2], data_offsets=[0, 24 << 20])


@case("does not lie in the file")
def tensor_before_the_file(here: Path) -> Command:
    return header(here, data_offsets=[-24, 0])


@case("does not lie in the file")
def tensor_of_another_size(here: Path) -> Command:
    return header(here, shape=[3, 3])


@case("does not lie in the file")
def tensor_of_a_shape_that_wraps(here: Path) -> Command:
    """Its size is a whole multiple of 2^64."""
    return header(here, shape=[1 << 39, 1 << 39, 0])


@case("does not lie in the file")
def tensor_of_true_axes(here: Path) -> Command:
    return header(here, shape=[True, 6])


@case("is not described as it should be")
def tensor_that_is_a_text(here: Path) -> Command:
    return by_name(here, "w.safetensors", safetensors(TENSORS | {"d/kernel": "x"}))


@case("which nnctl does not read")
def tensor_of_an_unknown_type(here: Path) -> Command:
    return header(here, dtype="\x1b[2J" * 100)


@case()
def tensor_type_that_is_a_list(here: Path) -> Command:
    return header(here, dtype=[])


@case()
def header_that_is_longer_than_the_file(here: Path) -> Command:
    return by_name(here, "w.safetensors", struct.pack("<Q", 1 << 60) + b"{}" + bytes(100))


@case("deeper than nnctl reads")
def header_that_is_deep(here: Path) -> Command:
    return by_name(here, "w.safetensors", safetensors(b'{"a":' * 100_000 + b"1" + b"}" * 100_000))


@case("stands twice")
def header_with_a_tensor_twice(here: Path) -> Command:
    return by_name(here, "w.safetensors", safetensors(b'{"a": 1, "a": 2}'))


@case("its header has 60,002 tensors, more than nnctl reads (20,000)", large=True)
def tensors_without_end(here: Path) -> Command:
    many = {f"t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(60_000)}
    return by_name(here, "w.safetensors", safetensors(TENSORS | many))


@case("the model has no weight of that name", large=True)
def as_many_tensors_as_are_read(here: Path) -> Command:
    many = {f"t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(19_998)}
    return by_name(here, "w.safetensors", safetensors(TENSORS | many))


@case("has fewer bytes than its shape needs")
def npy_that_claims_more(here: Path) -> Command:
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 1048576), }\n"
    return by_name(here, "w.npz", npz(**{"d/kernel": npy_header(text, bytes(24))}))


@case("not numbers")
def npy_of_objects(here: Path) -> Command:
    text = "{'descr': '|O', 'fortran_order': False, 'shape': (3, 2), }\n"
    return by_name(
        here, "w.npz", npz(**{"d/kernel": npy_header(text, b"cos\nsystem\n(S'touch marker'\ntR.")})
    )


@case("not numbers")
def npy_of_texts(here: Path) -> Command:
    return by_name(here, "w.npz", npz(**{"d/kernel": npy(np.array(["x" * 1000]))}))


@case("is no array")
def npy_header_deep(here: Path) -> Command:
    return by_name(here, "w.npz", npz(**{"d/kernel": npy_header("(" * 3000)}))


@case("is no array")
def npy_header_of_signs(here: Path) -> Command:
    return by_name(here, "w.npz", npz(**{"d/kernel": npy_header("{'a':" + "-" * 3900 + "1}")}))


@case("is no array")
def npy_header_of_brackets(here: Path) -> Command:
    return by_name(here, "w.npz", npz(**{"d/kernel": npy_header("[-" * 1500 + "1" + "]" * 900)}))


@case()
def npy_header_of_a_type_in_a_type(here: Path) -> Command:
    text = (
        "{'descr': " + "[('a', " * 40 + "'<f4'" + ")]" * 40 + ", 'fortran_order': False, 'shape': (1,), }\n"
    )
    return by_name(here, "w.npz", npz(**{"d/kernel": npy_header(text, bytes(24))}))


@case()
def npy_of_a_negative_shape(here: Path) -> Command:
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, -2), }\n"
    return by_name(here, "w.npz", npz(**{"d/kernel": npy_header(text, bytes(24))}))


@case()
def npy_of_a_newer_version(here: Path) -> Command:
    return by_name(here, "w.npz", npz(**{"d/kernel": b"\x93NUMPY\x09\x00" + bytes(100)}))


@case()
def npz_bomb(here: Path) -> Command:
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (268435456,), }\n"
    content = npy_header(text) + bytes(1 << 25)
    packed = zipped({"d/kernel.npy": content, "d/bias.npy": npy(np.zeros(2, "<f4"))}, 8)
    return by_name(here, "w.npz", packed)


@case()
def npz_of_a_large_array_that_is_not_wanted(here: Path) -> Command:
    packed = zipped(
        {"d/kernel.npy": npy(np.zeros((1 << 25, 2), "|u1")), "d/bias.npy": npy(np.zeros(2, "<f4"))}, 8
    )
    return by_name(here, "w.npz", packed)


@case("a pickle")
def weights_that_are_a_pickle(here: Path) -> Command:
    return by_name(here, "w.pt", b"\x80\x04cos\nsystem\n(S'touch marker'\ntR.")

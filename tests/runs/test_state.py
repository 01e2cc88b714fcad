"""`weights_sha256` against hand-made bytes."""

from __future__ import annotations

import hashlib
import struct

import numpy as np

from nnctl.runs.state import TrainingState, weights_sha256


def test_hash_of_hand_made_bytes() -> None:
    weights = {
        "dénse/kernel": np.array([[1.5, -2.0, 3.25]], "<f4"),
        "n": np.array(-3, "<i8"),
        "none": np.zeros((0, 2), "<f8"),
        "bytes": np.array([7, 8], "u1"),
    }
    text = "dénse/kernel".encode() + b"\0<f4\x001,3\0" + struct.pack("<3f", 1.5, -2.0, 3.25)
    text += b"n\0<i8\0\0" + struct.pack("<q", -3)
    text += b"none\0<f8\x000,2\0"
    text += b"bytes\0|u1\x002\0\x07\x08"
    assert weights_sha256(weights) == hashlib.sha256(text).hexdigest()


def test_hash_of_no_weights() -> None:
    assert weights_sha256({}) == hashlib.sha256(b"").hexdigest()


def test_hash_does_not_depend_on_byte_order_or_strides() -> None:
    a = np.arange(15, dtype="<f4").reshape(3, 5)
    plain = weights_sha256({"a": a})
    assert weights_sha256({"a": a.astype(">f4")}) == plain
    assert weights_sha256({"a": np.asfortranarray(a)}) == plain
    assert weights_sha256({"a": np.repeat(a, 2, axis=1)[:, ::2]}) == plain


def test_hash_depends_on_all_that_it_names() -> None:
    a = np.arange(6, dtype="<f4")
    others = [{"b": a}, {"a": a.astype("<f8")}, {"a": a.reshape(2, 3)}, {"a": a + 1}, {"a": a, "b": a[:0]}]
    assert len({weights_sha256(w) for w in [{"a": a}, *others]}) == 6
    assert weights_sha256({"a": a, "b": a}) != weights_sha256({"b": a, "a": a})


def test_arrays_are_not_printed() -> None:
    assert repr(TrainingState()) == (
        "TrainingState(step=0, epoch=0, step_in_epoch=0, scalars={}, callback_states=[], logs={}, "
        "kept_logs={}, files={}, complete=True)"
    )

"""An HDF5 file from a stranger: its data sets, found without following anything that leads out of it."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import h5py
import numpy as np

from nnctl.core.errors import DataError
from nnctl.data.reading.bounds import FREE, RATIO
from nnctl.data.reading.npy_format import column_of, native
from nnctl.data.table import Column, coded

_DEPTH = 8
_OBJECTS = 10_000
_TEXT = 256 << 20
"""Bytes that text read at a time may take at most."""
_FILTERS = frozenset(
    [
        h5py.h5z.FILTER_DEFLATE,
        h5py.h5z.FILTER_SHUFFLE,
        h5py.h5z.FILTER_FLETCHER32,
        h5py.h5z.FILTER_LZF,
        h5py.h5z.FILTER_SCALEOFFSET,
    ]
)


def datasets(file: h5py.File, path: str) -> Iterator[tuple[str, h5py.Dataset | DataError]]:
    """Every data set by its path in the file ("group/name"), after its checks, or what is wrong with it.

    Wrong are a link that is not a hard link, storage outside the file, a virtual data set, an object type
    (variable length but for text, reference, compound), a filter that would load code, or a claim of size
    that the stored bytes cannot back. Nothing of that is followed or read.

    Raises:
        DataError: there are too many objects, or they are nested too deep.
    """
    seen: set[int] = set()
    todo: list[tuple[str, h5py.h5g.GroupID, int]] = [("", file["/"].id, 0)]
    while todo:
        prefix, group, depth = todo.pop()
        if group.get_num_objs() > _OBJECTS:
            raise DataError(f"holds {group.get_num_objs()} objects in one group", file=path)
        for name in sorted(group):
            where = f"{prefix}{name.decode('utf-8', 'replace')}"
            if group.links.get_info(name).type != h5py.h5l.TYPE_HARD:
                yield (
                    where,
                    DataError(
                        "is a link to another place; only data in the file itself is read",
                        file=path,
                        column=where,
                    ),
                )
                continue
            info = h5py.h5o.get_info(group, name)
            if info.addr in seen:
                continue
            seen.add(info.addr)
            if len(seen) > _OBJECTS or depth >= _DEPTH:
                raise DataError("holds too many objects, or groups nested too deep", file=path)
            if info.type == h5py.h5o.TYPE_GROUP:
                todo.append((f"{where}/", h5py.h5g.open(group, name), depth + 1))
            elif info.type == h5py.h5o.TYPE_DATASET:
                try:
                    yield where, _checked(h5py.h5d.open(group, name), path, where)
                except DataError as error:
                    yield where, error
                except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
                    yield where, DataError(f"cannot be read ({error})", file=path, column=where)


def _checked(found: h5py.h5d.DatasetID, path: str, where: str) -> h5py.Dataset:
    """The data set, once nothing about it can lead out of the file or claim what is not there."""
    plan = found.get_create_plist()
    if plan.get_layout() == h5py.h5d.VIRTUAL or plan.get_external_count():
        raise DataError(
            "is stored in another file; only data in the file itself is read", file=path, column=where
        )
    if found.get_space().get_simple_extent_type() == h5py.h5s.NULL:
        raise DataError("holds no values", file=path, column=where)
    kind = found.get_type()
    text = isinstance(kind, h5py.h5t.TypeStringID)
    numeric = isinstance(kind, h5py.h5t.TypeIntegerID | h5py.h5t.TypeFloatID | h5py.h5t.TypeEnumID)
    if not (text or numeric):
        raise DataError(
            "holds objects, lists, references or records; only numbers and text are read",
            file=path,
            column=where,
        )
    if found.get_space().get_simple_extent_type() == h5py.h5s.NULL:
        raise DataError("is empty: a null dataspace, without any value", file=path, column=where)
    for i in range(plan.get_nfilters()):
        if plan.get_filter(i)[0] not in _FILTERS:
            raise DataError("is compressed with a filter that nnctl does not load", file=path, column=where)
    _check_size(found, path, where)
    return h5py.Dataset(found)


def _check_size(found: h5py.h5d.DatasetID, path: str, where: str) -> None:
    claimed = prod(found.shape) * found.get_type().get_size()
    stored: Any = found.get_storage_size()
    if claimed > FREE and claimed > RATIO * max(stored, 1):
        raise DataError(
            f"claims {claimed} bytes of data, but stores {stored}, over the bound of {RATIO} to 1",
            file=path,
            column=where,
            hint="if this is real data, store it uncompressed",
        )


def read_rows(dataset: h5py.Dataset, first: int, last: int, path: str, where: str) -> Column:
    """The rows first, ..., last - 1 as a column; text becomes words.

    Raises:
        DataError: text is not UTF-8, or has more than one axis.
        OSError: the file fails.
    """
    if h5py.check_string_dtype(dataset.dtype) is None or dataset.dtype.kind == "S":
        return column_of(native(dataset[first:last]), path, where)
    if len(dataset.shape) != 1:
        raise DataError("an array of text must have one axis", file=path, column=where)
    # A cell may be as long as the file, and many may be the same one: so few are read at a time that memory
    # stays in bounds.
    step = max(1, min(65536, _TEXT // max(1, dataset.file.id.get_filesize())))
    places: dict[bytes, int] = {}
    codes = np.empty(last - first, dtype=np.int32)
    for start in range(first, last, step):
        cells = dataset[start : min(start + step, last)].tolist()
        codes[start - first : start - first + len(cells)] = [
            places.setdefault(cell, len(places)) for cell in cells
        ]
    try:
        return coded([cell.decode() for cell in places], codes)
    except UnicodeDecodeError as error:
        raise DataError("holds text that is not UTF-8", file=path, column=where) from error

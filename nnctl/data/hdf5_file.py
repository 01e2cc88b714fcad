"""An HDF5 file from a stranger: its data sets, found without following anything that leads out of it."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import h5py

from nnctl.core.errors import DataError
from nnctl.data.bounds import FREE

_DEPTH = 8
_OBJECTS = 10_000
_RATIO = 1100
"""Deflate cannot do better than 1032 to 1; a data set that claims more holds nothing there."""
_FILTERS = frozenset(
    [
        h5py.h5z.FILTER_DEFLATE,
        h5py.h5z.FILTER_SHUFFLE,
        h5py.h5z.FILTER_FLETCHER32,
        h5py.h5z.FILTER_LZF,
        h5py.h5z.FILTER_SCALEOFFSET,
    ]
)


def datasets(file: h5py.File, path: str) -> Iterator[tuple[str, h5py.Dataset]]:
    """Every data set by its path inside the file ("group/name"), each after its checks.

    Raises:
        DataError: a link that is not a hard link, storage outside the file, a virtual data set, an object
            type (variable length, reference, compound), a filter that would load code, or a claim of size
            that the stored bytes cannot back.
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
                raise DataError(
                    "is a link to another place; only data in the file itself is read",
                    file=path,
                    column=where,
                )
            info = h5py.h5o.get_info(group, name)
            if info.addr in seen:
                continue
            seen.add(info.addr)
            if len(seen) > _OBJECTS or depth >= _DEPTH:
                raise DataError("holds too many objects, or groups nested too deep", file=path)
            if info.type == h5py.h5o.TYPE_GROUP:
                todo.append((f"{where}/", h5py.h5g.open(group, name), depth + 1))
            elif info.type == h5py.h5o.TYPE_DATASET:
                yield where, _checked(h5py.h5d.open(group, name), path, where)


def _checked(found: h5py.h5d.DatasetID, path: str, where: str) -> h5py.Dataset:
    """The data set, once nothing about it can lead out of the file or claim what is not there."""
    plan = found.get_create_plist()
    if plan.get_layout() == h5py.h5d.VIRTUAL or plan.get_external_count():
        raise DataError(
            "is stored in another file; only data in the file itself is read", file=path, column=where
        )
    kind = found.get_type()
    fixed_text = isinstance(kind, h5py.h5t.TypeStringID) and not kind.is_variable_str()
    numeric = isinstance(kind, h5py.h5t.TypeIntegerID | h5py.h5t.TypeFloatID | h5py.h5t.TypeEnumID)
    if not (fixed_text or numeric):
        raise DataError(
            "holds objects, text of variable length, references or records; only numbers and "
            "fixed-length text are read",
            file=path,
            column=where,
        )
    for i in range(plan.get_nfilters()):
        if plan.get_filter(i)[0] not in _FILTERS:
            raise DataError("is compressed with a filter that nnctl does not load", file=path, column=where)
    _check_size(found, path, where)
    return h5py.Dataset(found)


def _check_size(found: h5py.h5d.DatasetID, path: str, where: str) -> None:
    claimed = prod(found.shape) * found.get_type().get_size()
    stored: Any = found.get_storage_size()
    if claimed > FREE and claimed > _RATIO * max(stored, 1):
        raise DataError(f"claims {claimed} bytes of data, but stores {stored}", file=path, column=where)

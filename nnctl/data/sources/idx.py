"""IDX files, the format of MNIST: a short header, then numbers. `.gz` is unpacked on the way."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.data.base import Hint, Source, no_hint, register
from nnctl.data.paths import DataPaths, expanded, find, named
from nnctl.data.reading.bounds import open_bytes
from nnctl.data.reading.npy_format import native, read_exactly
from nnctl.data.reading.several import behind_another
from nnctl.data.table import Column, Numbers, Origin, Table

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@register
class IDX(Source):
    """Images (column `image`, with a channel axis) and labels (column `label`) in IDX files."""

    images: DataPaths
    """The file of images; or a pattern, or a list."""
    labels: DataPaths | None = None
    """The file of labels; of several, as many as there are of images."""

    path_field: ClassVar[str] = "images"
    endings: ClassVar[tuple[str, ...]] = (
        ".idx",
        ".idx.gz",
        "-ubyte",
        "-ubyte.gz",
        *(f".idx{n}{gz}" for n in (1, 3, 4) for gz in ("", ".gz")),
    )

    def files(self) -> dict[str, str]:
        return named("images", self.images) | (named("labels", self.labels) if self.labels else {})

    def read(self, base: Path, hint: Hint = no_hint, rows: int | None = None) -> Table:
        images = [file for path in named("", self.images).values() for file in expanded(base, path)]
        labels = [file for path in named("", self.labels or ()).values() for file in expanded(base, path)]
        if self.labels and len(labels) != len(images):
            message = f"stands for {len(labels)} files, but `images` for {len(images)}"
            raise DataError(message, file=next(iter(named("", self.labels).values())))
        tables: list[Table] = []
        for i, file in enumerate(images):
            left = None if rows is None else rows - sum(table.longest for table in tables)
            if left is None or left > 0 or not tables:
                tables.append(_read(base, file, labels[i] if labels else None, left))
        if len(images) == 1:
            return tables[0]
        joined = behind_another(tables)
        return joined if len(tables) == len(images) else replace(joined, total=None)


def _read(base: Path, file: str, beside: str | None, rows: int | None) -> Table:
    images, total = read_idx(find(base, file), file, rows)
    columns: dict[str, Column] = {"image": Numbers(images[..., None] if images.ndim == 3 else images)}
    if beside is not None:
        labels, count = read_idx(find(base, beside), beside, rows)
        if count != total:
            raise DataError(f"holds {count} labels, but '{file}' {total} images", file=beside)
        columns["label"] = Numbers(labels)
    files = {"label": beside} if beside else {}
    return Table(columns, Origin(file), total, {"type": "idx"}, files=files)


def read_idx(full: Path, file: str, rows: int | None = None) -> tuple[npt.NDArray[Any], int]:
    """The array (its first `rows` rows if given), and the number of rows it has in all.

    Raises:
        DataError: the header is damaged, or claims more or less data than there is.
    """
    with open_bytes(full, file) as stream:
        head = stream.read(4)
        if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES or head[3] == 0:
            raise DataError("is not an IDX file", file=file)
        axes = stream.read(4 * head[3])
        if len(axes) < 4 * head[3] or head[3] > 8:
            raise DataError("has a damaged IDX header", file=file)
        shape = tuple(int(n) for n in np.frombuffer(axes, dtype=">u4"))
        dtype = np.dtype(_TYPES[head[2]])
        size = prod(shape) * dtype.itemsize
        if not full.name.lower().endswith(".gz") and full.stat().st_size != 4 + len(axes) + size:
            held = full.stat().st_size - 4 - len(axes)
            raise DataError(f"claims {size} bytes of data, but holds {held}", file=file)
        kept = shape if rows is None else (min(rows, shape[0]), *shape[1:])
        data = read_exactly(stream, prod(kept) * dtype.itemsize, file)
        if rows is None and stream.read(1):
            raise DataError(f"holds more than the {size} bytes of data it claims", file=file)
    return native(np.frombuffer(data, dtype=dtype).reshape(kept)), shape[0]

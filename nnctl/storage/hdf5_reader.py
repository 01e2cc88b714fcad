"""Reading HDF5 files that may come from strangers: only plain arrays, only what is expected.

Hard links only, walked one component at a time. External links and storage, virtual, variable-length,
reference, compound and object types are refused, and shape and dtype are held against what is expected and
against the file's size before a byte is read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from nnctl.core import below
from nnctl.core.errors import RunError
from nnctl.storage.hdf5_heap import SHORT, repeated_bytes

MAX_TEXT = 64 << 20
"""The longest text that is read, in bytes."""
MAX_DEPTH = 32
"""The deepest group that is walked."""
MAX_TEXTS = 10_000
"""The most texts in a list."""
MAX_ARRAYS = 6_000
"""The most groups and datasets that are walked."""
MAX_UNPACKED = 256 << 20
"""The most bytes of arrays that are decompressed, where they are more than `MAX_RATIO` times the file's."""
MAX_RATIO = 20
MAX_CHUNK = 64 << 20
"""The largest chunk that is decompressed, in bytes."""


class FileRefused(RunError):
    """An HDF5 file holds what nnctl does not read, or not what is expected."""


class Hdf5Reader:
    """An open HDF5 file from which arrays and texts are read by path.

    Args:
        path: The file, as errors name it.
        file: The same, where it is open already. The HDF5 library reads through it and opens nothing itself.
        filters: Whether compressed (deflate, shuffle, checksummed) datasets are read; nnctl writes none.

    Raises:
        FileRefused: It cannot be opened as HDF5; later, from each method, what is refused and why.
    """

    def __init__(self, path: Path, file: BinaryIO | None = None, *, filters: bool = False) -> None:
        from h5py import h5f, h5fd, h5p

        self.path = path
        self.filters = filters
        self._own = None if file else os.fdopen(below.open_regular(path), "rb")
        file = file or self._own
        assert file is not None
        self.size = file.seek(0, os.SEEK_END)
        self._stream = file
        self._texts = self._unpacked = 0
        """The bytes of texts, and of compressed arrays, that were read."""
        self._repeated: int | None = None
        access = h5p.create(h5p.FILE_ACCESS)
        access.set_fileobj_driver(h5fd.fileobj_driver, file)
        access.set_fclose_degree(h5f.CLOSE_STRONG)
        try:
            with self._translated("the file"):
                self._file = h5f.open(os.fsencode(path), h5f.ACC_RDONLY, access)
        except FileRefused:
            if self._own:
                self._own.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, unless it was given open."""
        self._file.close()
        if self._own:
            self._own.close()

    def names(self, path: str = "") -> list[str]:
        """The names in the group at `path` ("" for the root), without following any of them."""
        from h5py import h5g

        with self._translated(path or "the root"):
            group = self._walk(path.split("/")) if path else h5g.open(self._file, b"/")
            if not isinstance(group, h5g.GroupID):
                raise self._refuse(path, "is not a group")
            return [name.decode("utf-8", "replace") for name in group]

    def text(self, path: str) -> str:
        """A scalar fixed-length string as text.

        Raises:
            FileRefused: It is not one, is longer than MAX_TEXT, or is not UTF-8.
        """
        from h5py import h5t

        with self._translated(path):
            dataset = self._dataset(path)
            kind = dataset.get_type()
            if not isinstance(kind, h5t.TypeStringID) or kind.is_variable_str():
                raise self._refuse(path, "is not a fixed-length string")
            if dataset.get_space().get_simple_extent_ndims() != 0 or kind.get_size() > MAX_TEXT:
                raise self._refuse(path, "is not one text of acceptable length")
            self._check_storage(path, dataset, kind.get_size())
            out = np.zeros((), dtype=f"S{kind.get_size()}")
            dataset.read(_all(), _all(), out, kind)
            try:
                return bytes(out[()]).decode()
            except UnicodeDecodeError as error:
                raise self._refuse(path, "is not UTF-8") from error

    def arrays(self, path: str = "") -> list[str]:
        """The paths of the datasets below the group at `path` ("" for the root), in the file's order.

        Raises:
            FileRefused: A link is no hard one, or a group or dataset has two names.
        """
        from h5py import h5d, h5o

        found: list[str] = []
        seen: set[int] = set()
        waiting = [f"{path}/{name}".lstrip("/") for name in reversed(self.names(path))]
        while waiting:
            at = waiting.pop()
            with self._translated(at):
                thing = self._walk(at.split("/"))
                address = h5o.get_info(thing).addr
            if address in seen:
                raise self._refuse(at, "is there under another name as well")
            seen.add(address)
            if len(seen) + len(waiting) > MAX_ARRAYS:
                raise self._refuse(at, f"is one of more groups and arrays than nnctl reads ({MAX_ARRAYS:,})")
            if isinstance(thing, h5d.DatasetID):
                found.append(at)
            else:
                waiting += [f"{at}/{name}" for name in reversed(self.names(at))]
        return found

    def has(self, path: str) -> bool:
        """Whether there is something at `path` (which is not followed where it is a link)."""
        group, _, name = path.rpartition("/")
        return name in self.names(group)

    def attribute(self, path: str, name: str) -> str | list[str] | None:
        """A text, or a list of them, that the object at `path` ("" for the root) has as an attribute.

        Returns:
            None where it has none of that name.

        Raises:
            FileRefused: It is something else, or longer than MAX_TEXT in all.
        """
        from h5py import h5a, h5g, h5t

        shown = f"{path}@{name}"
        with self._translated(shown):
            owner = self._walk(path.split("/")) if path else h5g.open(self._file, b"/")
            if not h5a.exists(owner, name.encode()):
                return None
            found = h5a.open(owner, name.encode())
            kind, shape = found.get_type(), tuple(map(int, found.shape))
            if len(shape) > 1 or math.prod(shape) > MAX_TEXTS:
                raise self._refuse(shown, "is not a list of texts of acceptable length")
            if math.prod(shape) == 0:
                return []
            if not isinstance(kind, h5t.TypeStringID):
                raise self._refuse(shown, "is not text")
            if kind.is_variable_str():
                if math.prod(shape) * SHORT + self._repeated_bytes() > MAX_TEXT:
                    raise self._refuse(shown, "repeats texts that are too long")
                texts = np.empty(shape, dtype=object)
                found.read(texts)
            else:
                if math.prod(shape) * kind.get_size() > min(MAX_TEXT, self.size):
                    raise self._refuse(shown, "is longer than the file")
                texts = np.zeros(shape, dtype=f"S{kind.get_size()}")
                found.read(texts, kind)
            try:
                listed = [t if isinstance(t, str) else bytes(t).decode() for t in texts.reshape(-1).tolist()]
            except UnicodeDecodeError as error:
                raise self._refuse(shown, "is not UTF-8") from error
            self._texts += sum(map(len, listed))
            if self._texts > MAX_TEXT:
                raise self._refuse(shown, f"and the texts before it have more than {MAX_TEXT:,} bytes")
            return listed if shape else listed[0]

    def _repeated_bytes(self) -> int:
        """`repeated_bytes`, which reads the whole file, once."""
        if self._repeated is None:
            self._repeated = repeated_bytes(self._stream)
        return self._repeated

    def describe(self, path: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
        """The dtype and shape of the dataset at `path`, nothing of it read."""
        with self._translated(path):
            dataset = self._dataset(path)
            return self._dtype(path, dataset), tuple(map(int, dataset.shape))

    def array(self, path: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray:
        """The array at `path`, which must have exactly this dtype (byte order included) and shape.

        Raises:
            FileRefused: It has another dtype or shape, is stored elsewhere, or is missing.
        """
        with self._translated(path):
            dataset = self._dataset(path)
            found, extent = self._dtype(path, dataset), tuple(map(int, dataset.shape))
            if found != dtype or extent != tuple(shape):
                raise self._refuse(path, f"is {found.str} {extent}, expected {dtype.str} {tuple(shape)}")
            self._check_storage(path, dataset, math.prod(extent) * dtype.itemsize)
            out = np.zeros(shape, dtype)
            if out.size:
                dataset.read(_all(), _all(), out)
            return out

    def _dataset(self, path: str) -> Any:
        from h5py import h5d

        found = self._walk(path.split("/"))
        if not isinstance(found, h5d.DatasetID):
            raise self._refuse(path, "is not a dataset")
        return found

    def _walk(self, components: list[str]) -> Any:
        """Follow hard links only, from the root, one name at a time."""
        from h5py import h5g, h5l, h5o

        path = "/".join(components)
        if len(components) > MAX_DEPTH:
            raise self._refuse(path, "lies too deep")
        at = h5g.open(self._file, b"/")
        for component in components:
            name = component.encode()
            if component in ("", ".", "..") or b"\0" in name:
                raise self._refuse(path, "is not a plain path")
            if not isinstance(at, h5g.GroupID) or not at.links.exists(name):
                raise self._refuse(path, "is missing")
            if at.links.get_info(name).type != h5l.TYPE_HARD:
                raise self._refuse(path, "is a soft or external link; nnctl follows neither")
            at = h5o.open(at, name)
        return at

    def _dtype(self, path: str, dataset: Any) -> np.dtype[Any]:
        """A plain integer or float type, or refuse."""
        from h5py import h5t

        kind = dataset.get_type()
        size = kind.get_size()
        plain = type(kind) in (h5t.TypeIntegerID, h5t.TypeFloatID) and size in (1, 2, 4, 8)
        # What NumPy has no type for, a bfloat16 say, h5py reads as a larger one.
        if not plain or kind.dtype.itemsize != size:
            raise self._refuse(path, "is neither an integer nor a float array")
        dtype: np.dtype[Any] = kind.dtype
        return dtype

    def _check_storage(self, path: str, dataset: Any, size: int) -> None:
        """The bytes must lie in this file, plainly, and as many as the shape says."""
        from h5py import h5d

        create = dataset.get_create_plist()
        layout = create.get_layout()
        if layout not in (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED):
            raise self._refuse(path, "is a virtual dataset")
        if create.get_external_count():
            raise self._refuse(path, "is stored in another file")
        if layout == h5d.CHUNKED:
            self._check_chunks(path, create, dataset)
        elif size and dataset.get_storage_size() != size:
            raise self._refuse(path, "does not hold the bytes that its shape needs")
        if size > self.size and not create.get_nfilters():
            raise self._refuse(path, "claims more bytes than the file has")

    def _check_chunks(self, path: str, create: Any, dataset: Any) -> None:
        from h5py import h5z

        known = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}
        if not self.filters:
            raise self._refuse(path, "is chunked; nnctl writes contiguous arrays")
        if any(create.get_filter(i)[0] not in known for i in range(create.get_nfilters())):
            raise self._refuse(path, "is compressed by a filter that nnctl does not read")
        size, chunk = dataset.get_type().get_size(), create.get_chunk()
        if math.prod(chunk) * size > MAX_CHUNK:
            raise self._refuse(path, "has chunks that are too large")
        count = math.prod(-(-n // c) for n, c in zip(dataset.shape, chunk, strict=True))
        if dataset.get_num_chunks() != count:
            raise self._refuse(path, "lacks some of its chunks")
        # Chunks at the edges are unpacked whole.
        self._unpacked += count * math.prod(chunk) * size
        if self._unpacked > max(MAX_UNPACKED, MAX_RATIO * self.size):
            raise self._refuse(path, "unpacks to more than nnctl reads of a file of this size")

    def _refuse(self, path: str, why: str) -> FileRefused:
        return FileRefused(f"{self.path}: '{path}' {why}")

    @contextmanager
    def _translated(self, path: str) -> Iterator[None]:
        """Whatever the HDF5 library says about a broken file becomes FileRefused."""
        try:
            yield
        except (OSError, RuntimeError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
            raise FileRefused(f"{self.path}: '{path}' cannot be read: {_first_line(error)}") from error


def _all() -> Any:
    from h5py import h5s

    return h5s.ALL


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

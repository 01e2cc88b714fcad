"""Pictures in a folder, with a folder for each class, or named by a table of their paths."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import DataError
from nnctl.core.records import record
from nnctl.data.base import Hint, Length, Source, Verbatim, no_hint, register
from nnctl.data.paths import DataPaths, files_of, find, is_pattern, named
from nnctl.data.reading.classes import by_folder
from nnctl.data.reading.extra import extra
from nnctl.data.reading.kept_rows import find_rows, keep_rows
from nnctl.data.reading.pictures import ENDINGS, Pixels, Wanted
from nnctl.data.sources.text import CSV
from nnctl.data.table import Column, Numbers, Origin, Pick, Table, Values, Words, take

TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
_TOGETHER = 64
"""Pictures that are decoded before the next ones are begun."""
_TOLD = 3


@record
class _Listed:
    """The pictures of a source: their files, and what is known of each besides.

    Attributes:
        beside: Columns of a label, or of the table that names the pictures.
        table: That table.
    """

    files: list[str]
    beside: dict[str, Column]
    table: Table | None = None


@record
class _Decoded:
    """Pictures as an array; `kept` says which files they are, `broken` what is wrong with the rest."""

    values: Values
    kept: list[int]
    broken: dict[str, str]


@register
class Images(Source):
    """Pictures as a column `image` (height, width, channels) of 0 to 255; turned as EXIF says.

    A folder with a folder for each class has a column `label`, too; a CSV has all its columns, that of paths
    become `image`. Decoded pictures are kept in the cache, by content. Needs `nnctl[images]`.
    """

    path: DataPaths
    """A folder, a CSV file, a pattern, or a list of pictures."""
    column: str = "path"
    """The column of a CSV that names the pictures, relative to the CSV."""
    image_size: tuple[Length, Length] | None = None
    """Height and width that pictures are resized to; default: all have the first one's."""
    color_mode: Literal["grayscale", "rgb"] = "rgb"
    """One channel, or three."""
    crop_to_aspect_ratio: bool = False
    """Cut from the middle what is too long, rather than stretch pictures of another form."""
    pad_to_aspect_ratio: bool = False
    """Add black bars, rather than stretch pictures of another form."""
    broken: Literal["error", "skip"] = "error"
    """Files that are no pictures, or damaged: an error, or passed over; `check` and `train` say which."""

    of_folder: ClassVar[bool] = True

    @classmethod
    def reads(cls, path: Path) -> bool:
        return True

    @model_validator(mode="after")
    def _agree(self) -> Images:
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            message = "'crop_to_aspect_ratio' and 'pad_to_aspect_ratio' contradict each other"
            raise PydanticCustomError("fit", message)
        if self.image_size is None and (self.crop_to_aspect_ratio or self.pad_to_aspect_ratio):
            raise PydanticCustomError("fit", "needs 'image_size' to crop or pad to")
        return self

    def files(self) -> dict[str, str]:
        return named("path", self.path)

    def contents(self, base: Path) -> dict[str, list[str]]:
        found = {}
        for name, path in self.files().items():
            pictures = _table_of(base, path, self.column).files if _is_table(path) else []
            found[name] = [path, *pictures] if _is_table(path) else _pictures(base, path)
        return found

    def read(self, base: Path, hint: Hint = no_hint, rows: int | None = None) -> Table:
        extra("PIL.Image", "pillow", "images", "images")
        listed = self._listed(base, hint)
        total = len(listed.files)
        if rows is not None and rows < total:
            decoded = self._decoded(base, listed.files, rows)
            return replace(self._table(listed, decoded), total=None if decoded.broken else total)
        digests = self.digests(base)
        key = (
            f"{sorted((n, c.sha256) for n, c in digests.items())} {listed.files} {self._wanted} {_version()}"
        )
        found = find_rows(key)
        if found is not None:
            decoded = _Decoded(found[0], list(found[1]["kept"]), dict(found[1]["broken"]))
        else:
            decoded = self._kept(base, listed.files, key)
        if decoded.broken and self.broken == "error":
            file, said = next(iter(decoded.broken.items()))
            raise DataError(said, file=file, hint="broken: skip passes over such files")
        return replace(self._table(listed, decoded), content=digests)

    def blocks(self, base: Path, hint: Hint, pick: Pick, texts: Verbatim) -> Iterator[Table]:
        extra("PIL.Image", "pillow", "images", "images")
        listed = self._listed(base, hint)
        label = Origin(next(iter(self.files().values())))
        wanted = pick(["image", *listed.beside], label)
        kept: list[int] = []
        for numbers, pixels, _ in self._pieces(base, listed.files):
            kept = numbers
            yield self._table(listed, _Decoded(pixels, kept, {})).only(wanted)

    @property
    def _wanted(self) -> Wanted:
        fit: Literal["stretch", "crop", "pad"] = "crop" if self.crop_to_aspect_ratio else "stretch"
        mode: Literal["L", "RGB"] = "L" if self.color_mode == "grayscale" else "RGB"
        return Wanted(self.image_size, mode, "pad" if self.pad_to_aspect_ratio else fit)

    def _listed(self, base: Path, hint: Hint) -> _Listed:
        paths = list(self.files().values())
        if _is_table(paths[0]):
            if len(paths) > 1 or is_pattern(base, paths[0]):
                raise DataError("one table names all pictures", file=paths[0])
            return _table_of(base, paths[0], self.column, hint)
        files = [file for path in paths for file in _pictures(base, path)]
        roots = [path for path in paths if (base / path).is_dir()]
        if len(roots) != len(paths) or len(roots) != 1:
            return _Listed(files, {})
        label = by_folder(roots[0], files)
        return _Listed(files, {} if label is None else {"label": label})

    def _table(self, listed: _Listed, decoded: _Decoded) -> Table:
        kept = decoded.kept
        own = Origin(next(iter(self.files().values())), parts=lambda i: (Origin(listed.files[kept[i]]), None))
        columns: dict[str, Column] = {"image": Numbers(decoded.values)}
        chosen = np.array(kept, dtype=np.int64)
        origins = {}
        for name, column in listed.beside.items():
            columns[name] = _of_rows(column, chosen)
            if listed.table is not None:
                origins[name] = listed.table.origin.through(lambda i: kept[i])
        notes = []
        if decoded.broken:
            some = "; ".join(f"{file} {said}" for file, said in list(decoded.broken.items())[:_TOLD])
            more = f"; and {len(decoded.broken) - _TOLD} more" if len(decoded.broken) > _TOLD else ""
            notes.append(f"{len(decoded.broken)} files were passed over: {some}{more}")
        options = self.model_dump(exclude={"path", "target"}, mode="json")
        if self.image_size is None:
            # What is predicted later has the size of training.
            options["image_size"] = list(decoded.values.shape[1:3])
        options = {"type": "images", **options}
        doubts = listed.table.doubts if listed.table is not None else {}
        return Table(columns, own, len(kept), options, doubts, origins=origins, notes=tuple(notes))

    def _decoded(self, base: Path, files: Sequence[str], rows: int) -> _Decoded:
        """The first pictures."""
        pieces = list(self._pieces(base, files[:rows]))
        broken = {file: said for _, _, faults in pieces for file, said in faults.items()}
        if not any(len(pixels) for _, pixels, _ in pieces):
            raise _nothing_left(broken, files[0])
        values = np.concatenate([pixels for _, pixels, _ in pieces if len(pixels)])
        return _Decoded(values, [i for numbers, _, _ in pieces for i in numbers], broken)

    def _kept(self, base: Path, files: Sequence[str], key: str) -> _Decoded:
        """All pictures, written to the cache as they are decoded."""
        notes: dict[str, Any] = {"kept": [], "broken": {}}
        pieces = self._pieces(base, files)
        first = next((piece for piece in _noted(pieces, notes) if len(piece)), None)
        if first is None:
            raise _nothing_left(notes["broken"], files[0])

        def all_pieces() -> Iterator[Pixels]:
            yield first
            yield from (piece for piece in _noted(pieces, notes) if len(piece))

        values, _ = keep_rows(key, first.shape[1:], "u1", all_pieces(), notes)
        return _Decoded(values, notes["kept"], notes["broken"])

    def _pieces(self, base: Path, files: Sequence[str]) -> Iterator[tuple[list[int], Pixels, dict[str, str]]]:
        """Pictures side by side, their numbers, and what was wrong with others; on all cores.

        Raises:
            DataError: one is broken, if that is an error; or two have different sizes.
        """
        wanted = self._wanted

        def one(file: str) -> Pixels | DataError:
            try:
                return wanted.decoded(find(base, file), file)
            except DataError as error:
                return error

        size: tuple[int, ...] | None = None
        with ThreadPoolExecutor(os.cpu_count() or 1, "nnctl-decoder") as pool:
            for start in range(0, len(files), _TOGETHER):
                part = files[start : start + _TOGETHER]
                numbers, pixels, broken = [], [], {}
                for i, (file, found) in enumerate(zip(part, pool.map(one, part), strict=True), start):
                    if isinstance(found, DataError):
                        if self.broken == "error":
                            found.hint = "broken: skip passes over such files"
                            raise found
                        broken[file] = found.message
                        continue
                    if size is not None and found.shape != size:
                        said = f"has {found.shape[0]} x {found.shape[1]} pixels, others {size[0]} x {size[1]}"
                        hint = f"image_size: [{size[0]}, {size[1]}] of the source resizes them"
                        raise DataError(said, file=file, hint=hint)
                    size = found.shape
                    numbers.append(i)
                    pixels.append(found)
                yield numbers, np.stack(pixels) if pixels else np.empty(0, np.uint8), broken


def _noted(
    pieces: Iterator[tuple[list[int], Pixels, dict[str, str]]], notes: dict[str, Any]
) -> Iterator[Pixels]:
    for numbers, pixels, broken in pieces:
        notes["kept"] += numbers
        notes["broken"] |= broken
        yield pixels


def _nothing_left(broken: dict[str, str], first: str) -> DataError:
    file, said = next(iter(broken.items()), (first, "is no picture"))
    return DataError(f"{said}, and no other file is a picture", file=file)


def _is_table(path: str) -> bool:
    return path.lower().endswith(TABLES)


def _pictures(base: Path, path: str) -> list[str]:
    """The pictures that a path stands for. Raises DataError where there is none."""
    return files_of(base, path, ENDINGS, f"holds no picture ({', '.join(ENDINGS)})")


def _table_of(base: Path, path: str, column: str, hint: Hint = no_hint) -> _Listed:
    """The pictures that a table names; paths start from its folder."""
    table = CSV(path=path).read(base, lambda name: "category" if name == column else hint(name))
    found = table.columns.get(column)
    if not isinstance(found, Words):
        known = ", ".join(table.columns)
        raise table.origin.error(
            f"has no column '{column}' of paths", hint=f"column: names it; it has {known}"
        )
    if (found.codes < 0).any():
        raise table.origin.error("the path is missing", int(np.argmax(found.codes < 0)), column)
    parent = PurePath(path).parent
    files = [str(parent / found.vocabulary[code]) for code in found.codes.tolist()]
    for i, file in enumerate(files):
        if not (base / file).is_file():
            raise table.origin.error(f"there is no picture '{file}'", i, column)
    beside = {name: held for name, held in table.columns.items() if name != column}
    if "image" in beside:
        raise table.origin.error(
            "is the name of the pictures", column="image", hint="call this column otherwise"
        )
    return _Listed(files, beside, table)


def _of_rows(column: Column, rows: npt.NDArray[np.int64]) -> Column:
    if isinstance(column, Words):
        return Words(column.codes[rows], column.vocabulary)
    names = column.names and Words(column.names.codes[rows], column.names.vocabulary)
    return Numbers(take(column.values, rows), names)


def _version() -> str:
    from importlib.metadata import version

    return f"pillow {version('pillow')}, 1"

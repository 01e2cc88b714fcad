"""The files that training read: recorded with the model, and held against what is there now.

A split is a function of the rows. Where the rows have changed, the same rule deals them out anew, and rows
that were trained on are scored as test: silently a wrong number. So the content of every file is hashed, not
its time or size; that costs less than reading the file, which comes next anyway.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePath

import numpy as np

from nnctl.core.errors import DataError
from nnctl.core.spec import Spec
from nnctl.data.paths import find, is_pattern
from nnctl.data.spec import DataSpec
from nnctl.data.splitting.splits import SplitRows
from nnctl.data.table import Table


class DataFile(Spec):
    """One file as training read it."""

    path: str
    """As the config wrote it."""
    sha256: str
    bytes: int
    rows: int | None = None
    """The rows of its table, where they were counted."""


DataFiles = Mapping[str, DataFile]
"""By the part of the config that names the file, e.g. `source.path`."""


class TrainedOn(Spec):
    """What a split depends on: the files' content and the rows that each split took."""

    files: dict[str, DataFile] = {}
    split_sha256: str = ""
    """Over the rows of the main file that went to training, validation and test."""


def data_files(spec: DataSpec, base: Path, tables: Mapping[str, Table]) -> dict[str, DataFile]:
    """Every file that the config names, as it is now.

    Raises:
        DataError: one is missing.
    """
    found = {}
    for part, source in spec.parts().items():
        rows = tables[part].total if part in tables else None
        known = tables[part].content if part in tables else None
        for name, now in (known or source.digests(base)).items():
            found[f"{part}.{name}"] = DataFile(path=now.path, sha256=now.sha256, bytes=now.bytes, rows=rows)
    return found


def data_sha256(files: DataFiles) -> str:
    """The file's SHA-256; of several files, the hash of a list of their roles and hashes."""
    if len(files) == 1:
        return next(iter(files.values())).sha256
    listing = "".join(f"{name} {file.sha256}\n" for name, file in sorted(files.items()))
    return hashlib.sha256(listing.encode()).hexdigest()


def split_sha256(split: SplitRows) -> str:
    """A hash of which rows went where."""
    digest = hashlib.sha256()
    for rows in split:
        digest.update(f"{len(rows)}\0".encode())
        digest.update(np.ascontiguousarray(rows, dtype="<i8").tobytes())
    return digest.hexdigest()


def require_same(recorded: DataFiles, now: DataFiles, way_out: str) -> None:
    """Refuse files that have changed since they were recorded.

    Raises:
        DataError: says what changed in the first of them, and `way_out`.
    """
    for name, before in recorded.items():
        after = now.get(name)
        if after is None or after.sha256 != before.sha256:
            raise DataError(changed(before, after), file=(after or before).path, hint=way_out)


def require_same_split(recorded: TrainedOn, now: str, file: str) -> None:
    """Refuse a split that is not training's: another version of nnctl may deal the same rows otherwise.

    Raises:
        DataError: the rows of training, validation and test are others.
    """
    if recorded.split_sha256 and recorded.split_sha256 != now:
        raise DataError(
            "this version of nnctl splits the file otherwise than the one that trained",
            file=file,
            hint="--data FILE scores a file whole; or use the version that `manifest.json` names",
        )


def changed(before: DataFile, after: DataFile | None) -> str:
    """What is different about a file, in words."""
    if after is None:
        return "the run was trained on this file too"
    was, now = f"{before.bytes:,} bytes", f"{after.bytes:,}"
    if before.rows is not None and after.rows is not None and before.rows != after.rows:
        was, now = f"{before.rows:,} rows ({was})", f"{after.rows:,} ({now})"
    elif before.bytes == after.bytes:
        return f"has changed since the run was trained: as long as before ({was}), but other content"
    return f"has changed since the run was trained: it had {was}, now {now}"


def counted(spec: DataSpec, base: Path, recorded: DataFiles) -> dict[str, DataFile]:
    """`data_files`; of files that are not the recorded ones the rows are counted, for the error."""
    now = data_files(spec, base, {})
    for name, file in now.items():
        before = recorded.get(name)
        if before is not None and before.sha256 != file.sha256 and before.rows is not None:
            with suppress(DataError):
                rows = spec.parts()[name.partition(".")[0]].read(base).total
                now[name] = file.model_copy(update={"rows": rows})
    return now


def moved(spec: DataSpec, place: Path) -> DataSpec:
    """The same `data` section with its files at `place`: the file itself (of one), or a directory.

    Raises:
        DataError: there are several files, but `place` is none's directory; or one of them is not there.
    """
    folders = {p for s in spec.parts().values() if s.of_folder for p in s.files().values()}
    paths = {path for source in spec.parts().values() for path in source.files().values()}
    if place.is_dir():
        places = {path: _below(place, path, folder=path in folders) for path in paths}
    elif len(paths) == 1:
        places = {path: find(Path(), str(place)) for path in paths}
    else:
        raise DataError(
            f"stands for {len(paths)} files that the run was trained on",
            file=str(place),
            hint="name the directory that they are in",
        )
    update = {
        part: source.moved({name: str(places[source.files()[name]].resolve()) for name in source.files()})
        for part, source in spec.parts().items()
    }
    return spec.model_copy(update=update)


def _below(directory: Path, path: str, *, folder: bool) -> Path:
    """What is under the longest end of its path that there is: `a/b.csv` before `b.csv`."""
    parts = [part for part in PurePath(path).parts if part not in ("..", PurePath(path).anchor)]
    for first in range(len(parts)):
        candidate = directory.joinpath(*parts[first:])
        if candidate.is_file() or (folder and candidate.is_dir()):
            return candidate
        if is_pattern(directory, path) and glob.glob(str(candidate), recursive=True):
            return candidate
    return directory if folder else find(directory, parts[-1])

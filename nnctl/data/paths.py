"""Paths as a config gives them: a file, a pattern that several match, a list of them; never an address."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import SerializationInfo

from nnctl.core.errors import DataError, nearest
from nnctl.core.records import record
from nnctl.core.spec import rebased

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")


def no_address(path: str) -> str:
    """The path. Raises PydanticCustomError `address` for one on a network."""
    found = _ADDRESS.match(path)
    if found is not None:
        message = "{scheme}: is an address; data is read from files: fetch it first, and name the file"
        raise PydanticCustomError("address", message, {"scheme": found[1]})
    return path


DataPath = Annotated[str, AfterValidator(no_address), PlainSerializer(rebased, return_type=str)]
"""A file's path, or a pattern, relative to the config's directory or absolute."""


def _paths(value: Any) -> Any:
    listed = isinstance(value, list | tuple)
    if isinstance(value, str):
        return no_address(value)
    if not listed or not value or not all(isinstance(path, str) for path in value):
        raise PydanticCustomError("paths", "expected a path, or a list of paths")
    return tuple(no_address(path) for path in value)


def _rebased(value: str | tuple[str, ...], info: SerializationInfo) -> str | list[str]:
    return rebased(value, info) if isinstance(value, str) else [rebased(path, info) for path in value]


DataPaths = Annotated[
    str | tuple[str, ...],
    BeforeValidator(_paths),
    PlainSerializer(_rebased),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]
"""A path or pattern, or a list of them."""


@record
class Content:
    """What stands under a path of a config now.

    Attributes:
        path: As the config wrote it.
        sha256: The file's; of several, that of a list of their names and hashes.
        bytes: The size of all of them.
    """

    path: str
    sha256: str
    bytes: int


def named(field: str, paths: str | tuple[str, ...]) -> dict[str, str]:
    """The paths of a field by the names that `Source.files` gives them."""
    if isinstance(paths, str):
        return {field: paths}
    return {f"{field}.{i}": path for i, path in enumerate(paths)}


def find(base: Path, path: str) -> Path:
    """The file that `path` names, relative to `base`.

    Raises:
        DataError: there is no such file; it suggests a neighbour with a similar name.
    """
    full = base / path
    if full.is_file():
        return full
    if full.is_dir():
        raise DataError("is a directory, not a file", file=path, hint=_within(full, path))
    raise DataError("no such file", file=path, hint=_neighbour(full))


def is_pattern(base: Path, path: str) -> bool:
    """Whether `path` stands for the files that match it: a file may have such a name."""
    return glob.has_magic(path) and not (base / path).exists()


def expanded(base: Path, path: str) -> list[str]:
    """The files that `path` stands for, in the order of their names.

    Raises:
        DataError: there is none.
    """
    if not is_pattern(base, path):
        find(base, path)
        return [path]
    found = sorted(glob.glob(path, root_dir=base, recursive=True))
    files = [name for name in found if (base / name).is_file()]
    if not files:
        raise DataError("no file matches this pattern", file=path, hint=_neighbour(base / fixed(path) / "x"))
    return files


def files_of(
    base: Path, path: str, endings: tuple[str, ...] = ("",), none: str = "holds no file"
) -> list[str]:
    """The files that `path` stands for, which may be a folder: then those in it and below that end so.

    Raises:
        DataError: there is none; `none` is what is said of a folder.
    """
    if not (base / path).is_dir():
        return expanded(base, path)
    found = below(base, path, endings)
    if not found:
        raise DataError(none, file=path)
    return found


def below(base: Path, folder: str, endings: tuple[str, ...] = ("",)) -> list[str]:
    """The files in a folder and those below it that end so, in the order of their names.

    What begins with a dot or an underscore is passed over, folders included: what tools leave beside data.
    """
    found = []
    for parent, folders, files in os.walk(base / folder):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        at = PurePath(folder) / PurePath(parent).relative_to(base / folder)
        found += [str(at / name) for name in files if name[0] not in "._" and name.lower().endswith(endings)]
    return sorted(found)


def fixed(path: str) -> str:
    """What a pattern says before it leaves anything open: a folder."""
    parts = []
    for part in PurePath(path).parts:
        if glob.has_magic(part):
            break
        parts.append(part)
    return str(PurePath(*parts))


def content(base: Path, path: str, files: Iterable[str]) -> Content:
    """What the `files` hold that a path stands for: hashed in one pass."""
    hashed = {name: file_sha256(base / name) for name in files}
    if list(hashed) == [path]:
        return Content(path, *hashed[path])
    root = fixed(path)
    digest = hashlib.sha256()
    for name, (sha256, _) in sorted(hashed.items()):
        digest.update(f"{os.path.relpath(name, root)}\0{sha256}\n".encode("utf-8", "surrogateescape"))
    return Content(path, digest.hexdigest(), sum(size for _, size in hashed.values()))


def file_sha256(full: Path) -> tuple[str, int]:
    """A file's SHA-256 and size. Raises DataError where it cannot be read."""
    try:
        with open(full, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return digest, os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=str(full)) from error


def moved(paths: Mapping[str, str], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a source with other paths, by the names that `Source.files` gives them."""
    update: dict[str, Any] = {}
    for name, path in paths.items():
        field, _, entry = name.partition(".")
        held = update.get(field, fields[field])
        if isinstance(held, tuple):
            update[field] = (*held[: int(entry)], path, *held[int(entry) + 1 :])
        else:
            update[field] = {**held, entry: path} if entry else path
    return update


def _within(full: Path, path: str) -> str | None:
    """How to say that the files in a folder are meant."""
    endings = sorted({file.suffix for file in full.iterdir() if file.is_file() and file.suffix})
    return f"for the files in it: {path.rstrip('/')}/*{endings[0]}" if endings else None


def _neighbour(full: Path) -> str | None:
    if not full.parent.is_dir():
        return f"the directory '{full.parent}' does not exist"
    near = nearest(full.name, [p.name for p in full.parent.iterdir() if p.is_file()])
    return f"did you mean '{near}'?" if near else None

"""A model's file of another tool, opened: which format it is, and what it holds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nnctl.core import below
from nnctl.core.errors import ConfigError, Problem, RunError
from nnctl.formats.imports.base import HEAD, Imported, ImportFormat, Opened, imports
from nnctl.formats.keras.reading.found import Findings

_ELSEWHERE = {
    b"\x80": "a pickle, which can run any code when it is opened: save safetensors where it was made",
    b"\x1f\x8b": "packed by gzip: unpack it first",
}
"""What files that begin so are, and what to do instead."""


@contextmanager
def opened_model(path: Path) -> Iterator[tuple[ImportFormat, Opened]]:
    """The file, open, and its format.

    Raises:
        RunError: there is no such file, it is of no format that is read, or a package is missing.
    """
    if path.is_dir():
        saved = (path / "saved_model.pb").exists()
        what = (
            "a SavedModel of TensorFlow, whose functions only TensorFlow can run" if saved else "a directory"
        )
        raise ConfigError(
            Problem(
                f"{path} is {what}",
                expected="a file that Keras, ONNX or nnctl wrote: `model.save('m.keras')`",
            )
        )
    try:
        descriptor = below.open_regular(path)
    except FileNotFoundError:
        raise RunError(f"cannot read {path}: there is no such file") from None
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file, ExitStack() as stack:
        head = file.read(HEAD)
        opened = Opened(path, file, head, os.fstat(file.fileno()).st_size, stack)
        yield _format(opened), opened


def _format(opened: Opened) -> ImportFormat:
    for cls in imports.classes():
        made: ImportFormat = cls()
        if made.recognises(opened):
            if made.package is not None and find_spec(made.package) is None:
                message = (
                    f"{opened.path} is of the format {cls.__name__}, which needs the package {made.package}"
                )
                raise ConfigError(Problem(message, expected=f"pip install 'nnctl[{made.package}]'"))
            return made
    raise ConfigError(
        Problem(
            f"{opened.path} is {_what(opened)}",
            expected=f"a file of one of these: {', '.join(imports.names())}",
        )
    )


def _what(opened: Opened) -> str:
    if not opened.head:
        return "empty"
    for start, what in _ELSEWHERE.items():
        if opened.head.startswith(start):
            return what
    if opened.head.startswith(b"PK"):
        return (
            "an archive of none of the formats that nnctl reads (PyTorch's hold pickles: save as safetensors)"
        )
    return "of no format that nnctl reads"


def read_model(
    format: ImportFormat, opened: Opened, findings: Findings, layers: Mapping[str, Any] | None = None
) -> Imported:
    """What the file holds; arguments and errors as of `ImportFormat.read`."""
    return format.read(opened, findings, layers or {})

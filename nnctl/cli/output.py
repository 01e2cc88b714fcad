"""stdout holds only a command's result."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from typing import Any

import typer

from nnctl.core.errors import StorageError
from nnctl.core.visible import visible_lines


def write_json(value: Any) -> None:
    """One JSON object on stdout; what JSON cannot hold (NaN, infinities) becomes null."""
    write(json.dumps(_plain(value), allow_nan=False))


def write_lines(lines: Iterable[str]) -> None:
    """A result in lines, on stdout."""
    write("\n".join(lines))


def write(text: str) -> None:
    """A result as text, on stdout.

    Raises:
        StorageError: stdout cannot be written (a full disk; a reader that is gone ends the process quietly).
    """
    if sys.stdout is None:
        raise StorageError("cannot write to stdout: it is closed")
    try:
        typer.echo(visible_lines(text))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StorageError(f"cannot write to stdout: {error.strerror}") from error


def say(text: str) -> None:
    """A line for people, on stderr."""
    typer.echo(visible_lines(text), err=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value

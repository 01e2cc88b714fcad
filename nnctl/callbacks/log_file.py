"""Logs that callbacks write: a file that is a function of the epochs so far.

The rows live in the callback's state. So a resumed run writes the file anew from the checkpoint's rows, and
no epoch stands in it twice or is missing, whatever happened to the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from nnctl.callbacks.base import CallbackSpec
from nnctl.callbacks.inner_path import InnerPath
from nnctl.core import below
from nnctl.core.errors import StorageError
from nnctl.core.events import EpochEnded, Event, Request, RunStarted

Row = Mapping[str, Any]


class LogFile(CallbackSpec):
    """A file in the run directory with a line an epoch."""

    filename: InnerPath
    """The file's name, inside the run directory."""
    append: bool = False
    """Whether what the file held before the run stays."""

    _root: Path = PrivateAttr(Path())
    _path: Path | None = PrivateAttr(None)
    _rows: int = PrivateAttr(0)
    """How many rows the file holds."""
    _size: int = PrivateAttr(0)
    """The bytes of these rows."""

    def start(self) -> dict[str, Any]:
        return {"rows": [], "before": None}

    def render(self, rows: Sequence[Row], *, header: bool) -> str:
        """The whole file's text for these rows."""
        raise NotImplementedError

    def more(self, row: Row) -> str | None:
        """What `row` adds to the text rendered last; None where all must be rendered anew.

        A log without it costs the square of the epochs.
        """
        return None

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        if isinstance(event, RunStarted) and event.run_dir is not None:
            self._root, self._path = event.run_dir, event.run_dir / self.filename
            if state["before"] is None:
                state["before"] = self._path.stat().st_size if self.append and self._path.exists() else 0
            self._write(state)
        elif isinstance(event, EpochEnded):
            state["rows"].append({"epoch": event.epoch} | {k: float(v) for k, v in event.logs.items()})
            self._write(state)
        return ()

    def _write(self, state: Mapping[str, Any]) -> None:
        """Bring the file to the state's rows; what is right already is not written again."""
        if self._path is None:
            return
        before, rows = int(state["before"]), state["rows"]
        try:
            more = self.more(rows[-1]) if len(rows) == self._rows + 1 else None
            if more is not None and self._append(self._path, before + self._size, more.encode()):
                return
            text = self.render(rows, header=before == 0).encode()
            with below.updating(self._path, self._root) as file:
                file.seek(before)
                written = file.read()
                same = len(written) if text.startswith(written) else 0
                file.seek(before + same)
                file.write(text[same:])
                file.truncate()
            self._rows, self._size = len(rows), len(text)
        except OSError as error:
            raise StorageError(f"cannot write {self._path}: {error.strerror}") from error

    def _append(self, path: Path, end: int, text: bytes) -> bool:
        """Add a row's text where the file ends; False where it does not end there."""
        with below.updating(path, self._root) as file:
            if file.seek(0, os.SEEK_END) != end:
                return False
            file.write(text)
        self._rows, self._size = self._rows + 1, self._size + len(text)
        return True

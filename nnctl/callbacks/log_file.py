"""Logs that callbacks write: a line an epoch, added to a file in the run directory.

A callback asks for lines and writes nothing itself. Whoever keeps the run knows how far each file came at
each checkpoint, and cuts it back to there: no epoch stands in it twice or is missing after a kill.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nnctl.callbacks.base import CallbackSpec
from nnctl.callbacks.inner_path import InnerPath
from nnctl.core.events import EpochEnded, Event, Request, RunStarted, WriteLog

LogRow = Mapping[str, Any]


class LogFile(CallbackSpec):
    """A file in the run directory with a line an epoch."""

    filename: InnerPath
    """The file's name, inside the run directory."""
    append: bool = False
    """Accepted as in Keras, and without effect: the file begins with its run; a resumed run adds to it."""

    def start(self) -> dict[str, Any]:
        return {"names": None}

    def fits(self, state: Any) -> bool:
        if not isinstance(state, dict) or list(state) != ["names"]:
            return False
        names = state["names"]
        return names is None or (isinstance(names, list) and all(isinstance(name, str) for name in names))

    def head(self, names: Sequence[str]) -> str:
        """What stands above the rows of logs with these names."""
        return ""

    def line(self, row: LogRow, names: Sequence[str]) -> str:
        """A row, `epoch` and the logs, as text with its newline."""
        raise NotImplementedError

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        if isinstance(event, RunStarted):
            begins = state["names"] is None
            if begins:
                state["names"] = list(event.log_names)
            if begins or self.filename in event.lost_logs:
                yield WriteLog(self.filename, self._text(() if begins else event.history, state["names"]))
        elif isinstance(event, EpochEnded):
            row = {"epoch": event.epoch} | {k: float(v) for k, v in event.logs.items()}
            yield WriteLog(self.filename, self.line(row, state["names"]))

    def _text(self, rows: Iterable[LogRow], names: Sequence[str]) -> str:
        """The whole file."""
        return self.head(names) + "".join(self.line(row, names) for row in rows)

"""Epochs as rows of a table that fits the terminal: numbers below each other, nothing wraps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnctl.core.events import EpochEnded
from nnctl.core.numbers import duration, log_number

_GAP = 2
_NUMBER = 6
"""The least width of a column of numbers."""
_TIME = 7


class EpochTable:
    """Rows by epoch; a header above the first, and again where the columns change.

    Args:
        width: Columns of the terminal.
        epochs: How many epochs there will be, for the first column's width.
    """

    def __init__(self, width: int, epochs: int) -> None:
        self.width = width
        self.epochs = epochs
        self.names: tuple[str, ...] = ()
        self._given: tuple[str, ...] = ()

    def header(self, logs: Mapping[str, float]) -> str | None:
        """The header, if these logs have other names than the last ones; what was not logged stays blank."""
        if set(logs) <= set(self._given):
            return None
        self._given = tuple(logs)
        self.names = self._fitting(tuple(logs))
        cells = [name.rjust(max(len(name), _NUMBER)) for name in self.names]
        return (" " * _GAP).join(["epoch".rjust(self._first), *cells, "time".rjust(_TIME)])

    def row(self, event: EpochEnded) -> tuple[str, str, str]:
        """An epoch's line in parts: which epoch, its numbers, its time."""
        gap = " " * _GAP
        cells = [
            (log_number(name, event.logs[name]) if name in event.logs else "").rjust(max(len(name), _NUMBER))
            for name in self.names
        ]
        epoch = f"{event.epoch + 1}/{self.epochs}".rjust(self._first)
        return epoch, gap + gap.join(cells) + gap, duration(event.seconds).rjust(_TIME)

    @property
    def _first(self) -> int:
        return max(len("epoch"), 2 * len(str(self.epochs)) + 1)

    def _fitting(self, names: Sequence[str]) -> tuple[str, ...]:
        """As many as the terminal is wide, the more telling ones first, in the order they are logged."""
        room = self.width - self._first - _TIME - _GAP
        chosen = set()
        for name in sorted(names, key=_rank):
            room -= max(len(name), _NUMBER) + _GAP
            if room < 0:
                break
            chosen.add(name)
        return tuple(name for name in names if name in chosen)


def _rank(name: str) -> int:
    """0 for what tells most: the losses, then validated metrics, metrics, each output's loss, the rate."""
    if name in ("loss", "val_loss"):
        return 0
    if name == "learning_rate":
        return 4
    if name.endswith("_loss"):
        return 3
    return 1 if name.startswith("val_") else 2

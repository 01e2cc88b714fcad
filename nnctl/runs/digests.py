"""Digests of a run's epochs: the first in which two runs differ, and the layers, can be told by them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence

import numpy as np

from nnctl.core.events import EpochEnded, Event
from nnctl.core.records import record

MOST = 64
"""How many epochs have digests at the most."""
_LENGTH = 12
"""Hexadecimal digits of a digest."""


def digested_every(epochs: int) -> int:
    """Every how many epochs there are digests: the smallest power of two that makes them at most `MOST`."""
    every = 1
    while epochs > MOST * every:
        every *= 2
    return every


class Digests:
    """Notes an epoch's logs and weights as they are told.

    Args:
        layers: The weights' names by the layer whose they are.
        epochs: How many epochs there will be.
    """

    def __init__(self, layers: Mapping[str, Sequence[str]], epochs: int) -> None:
        self.layers = layers
        self.every = digested_every(epochs)
        self.lines: list[str] = []

    def see(self, event: Event) -> None:
        """Note the end of an epoch; every other event is passed by."""
        if isinstance(event, EpochEnded) and (event.epoch + 1) % self.every == 0:
            logs = logs_digest(event.logs)
            layers = (self._of(names, event.weights) for names in self.layers.values())
            self.lines.append(" ".join([str(event.epoch + 1), logs, *layers]))

    @staticmethod
    def _of(names: Sequence[str], weights: Mapping[str, np.ndarray]) -> str:
        return _digest(*(np.ascontiguousarray(weights[name]).data.cast("B") for name in names))


def logs_digest(logs: Mapping[str, float]) -> str:
    """The digest of an epoch's numbers."""
    return _digest(text_of(logs))


@record
class OtherDigests:
    """The first epoch (from 1) whose digests are not the same.

    Attributes:
        layers: Those whose weights differ; none: only the numbers do.
    """

    epoch: int
    layers: tuple[str, ...]


def other_digests(layers: Sequence[str], before: Sequence[str], now: Sequence[str]) -> OtherDigests | None:
    """The first epoch that both have lines of, and whose lines differ."""
    olds = {line.split()[0]: line.split()[1:] for line in before}
    for epoch, logs, *own in (line.split() for line in now):
        old = olds.get(epoch)
        if old is not None and old != [logs, *own]:
            pairs = zip(layers, old[1:], own, strict=False)
            return OtherDigests(int(epoch), tuple(name for name, a, b in pairs if a != b))
    return None


def text_of(logs: Mapping[str, float]) -> bytes:
    """The logs' names and the bits of their values."""
    return b"".join(name.encode() + b"\0" + struct.pack("<d", value) for name, value in logs.items())


def _digest(*parts: bytes | memoryview) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()[:_LENGTH]

"""What differs between a record and a run: config, data, version, then the first epoch and its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nnctl.runs.digests import other_digests
from nnctl.runs.record import Record

_MOST = 20
"""How many keys of a config, or layers, are named."""


def differences(before: Record, now: Record) -> list[str]:
    """What differs, what may be the cause first; empty where the weights are the same."""
    if before.weights_sha256 == now.weights_sha256:
        return []
    return [*causes(before, now), *_bits(before, now)]


def causes(before: Record, now: Record) -> Iterator[str]:
    """What goes into a training and is not what it was."""
    yield from _named("config: ", _changed(before.settings, now.settings))
    yield from _named("data: ", _data(before.data, now.data))
    for package, version in now.versions.items():
        old = before.versions.get(package)
        if old != version:
            yield f"version: {package} {version}, was {old or 'not named'}"


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*before, *now)):
        if key not in now:
            yield f"{key} is gone, was {before[key]!r}"
        elif key not in before:
            yield f"{key} {now[key]!r}, was not there"
        elif before[key] != now[key]:
            yield f"{key} {now[key]!r}, was {before[key]!r}"


def _data(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for file in dict.fromkeys((*before, *now)):
        if file not in now:
            yield f"{file} is not read any more"
        elif file not in before:
            yield f"{file} was not read before"
        elif before[file] != now[file]:
            yield f"{file} has other content"


def _named(what: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    yield from (f"{what}{line}" for line in found[:_MOST])
    if len(found) > _MOST:
        yield f"{what}{len(found) - _MOST} more"


def _bits(before: Record, now: Record) -> Iterator[str]:
    """The first epoch whose digests differ, and in what."""
    yield f"bits: {now.weights_sha256[:12]}, were {before.weights_sha256[:12]}"
    if before.layers != now.layers:
        yield f"bits: the layers with weights are {', '.join(now.layers[:_MOST])}, were others"
        return
    other = other_digests(now.layers, before.digests, now.digests)
    if other is not None:
        more = len(other.layers) - _MOST
        shown = ", ".join(other.layers[:_MOST]) + (f" and {more} more" if more > 0 else "")
        where = f"the weights of {shown}" if other.layers else "the logs alone"
        yield f"bits: first in epoch {other.epoch}: {where}"
        return
    if before.epochs != now.epochs:
        yield f"bits: {now.epochs} epochs were trained, before {before.epochs}"
    else:
        yield "bits: the epochs that have digests are the same; the difference comes after them"

"""What differs between a record and a run: config, data, version, then the first epoch and its layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnctl.runs.digests import other_digests
from nnctl.runs.record import Record
from nnctl.runs.recorded import Cause, Trained, causes

_MOST = 20
"""How many causes, or layers, are named."""


def differences(before: Record, now: Record) -> list[str]:
    """What differs, what may be the cause first; empty where the weights are the same."""
    if before.weights_sha256 == now.weights_sha256:
        return []
    found = causes(Trained.of_record(before), Trained.of_record(now))
    lines = [_line(cause, now) for cause in found[:_MOST]]
    if len(found) > _MOST:
        lines.append(f"{len(found) - _MOST} more causes")
    return [*lines, *_bits(before, now)]


def _line(cause: Cause, now: Record) -> str:
    was, is_ = cause.a, cause.b
    if cause.kind == "data" and was is not None and is_ is not None:
        return f"data: {now.settings.get(cause.name, cause.name)} has other content"
    if is_ is None:
        return f"{cause.kind}: {cause.name} is gone, was {was}"
    return f"{cause.kind}: {cause.name} {is_}, " + ("was not there" if was is None else f"was {was}")


def _bits(before: Record, now: Record) -> Iterator[str]:
    """The first epoch whose digests differ, and in what."""
    yield f"bits: {now.weights_sha256[:12]}, were {before.weights_sha256[:12]}"
    if before.layers != now.layers:
        yield f"bits: the layers with weights are {_listed(now.layers)}, were others"
        return
    first = other_digests(now.layers, before.digests, now.digests)
    if first is not None:
        where = f"the weights of {_listed(first.layers)}" if first.layers else "the logs alone"
        yield f"bits: first in epoch {first.epoch}: {where}"
    elif before.epochs != now.epochs:
        yield f"bits: {now.epochs} epochs were trained, before {before.epochs}"
    else:
        yield "bits: the epochs that have digests are the same; the difference comes after them"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more

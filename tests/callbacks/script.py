"""Drives callbacks by scripted logs, as the runner would, with a restart after any event."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnctl.callbacks.base import CallbackSpec, callbacks
from nnctl.core.events import (
    EpochEnded,
    EpochStarted,
    KeepWeights,
    Request,
    RestoreWeights,
    RunEnded,
    RunStarted,
    Save,
    SetLearningRate,
    StepEnded,
    Stop,
    Stopped,
    WriteLog,
)


def make(type_name: str, **fields: Any) -> CallbackSpec:
    """A callback as a config would make it."""
    cls = callbacks.get(type_name)
    assert cls is not None
    return cls.model_validate(fields)


@dataclass
class Outcome:
    """What a scripted run came to."""

    epochs: int = 0
    rates: list[float] = field(default_factory=list)
    """The learning rate that each epoch used."""
    kept: int | None = None
    """The epoch whose weights were kept last."""
    restored: int | None = None
    """The epoch whose weights were put back."""
    saves: list[tuple[int, Save]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """The log files by name."""
    stopped: str | None = None
    state: dict[str, Any] = field(default_factory=dict)


def run(
    callback: CallbackSpec,
    logs: Sequence[Mapping[str, float]],
    *,
    run_dir: Path | None = None,
    learning_rate: float = 0.1,
    steps: int = 2,
    restart: Sequence[int] = (),
) -> Outcome:
    """Train `len(logs)` epochs whose logs are given; `restart`: epochs before which the process is new."""
    out, state, rate = Outcome(), callback.start(), learning_rate

    def apply(requests: Sequence[Request], epoch: int) -> None:
        nonlocal rate
        for request in requests:
            if isinstance(request, Stop):
                out.stopped = request.reason
            elif isinstance(request, SetLearningRate):
                rate = request.value
            elif isinstance(request, KeepWeights):
                out.kept = epoch
            elif isinstance(request, RestoreWeights):
                assert out.restored is None
                out.restored = out.kept
            elif isinstance(request, Save):
                out.saves.append((epoch, request))
            elif isinstance(request, WriteLog):
                out.texts[request.name] = out.texts.get(request.name, "") + request.text

    names = tuple(dict.fromkeys([name for row in logs for name in row] + ["learning_rate"]))

    def begin(epoch: int) -> None:
        event = RunStarted("r", run_dir, len(logs), steps, epoch, epoch * steps, 9, {"seed": 1}, names)
        apply(list(callback.handle(event, state)), epoch)

    begin(0)
    for epoch, row in enumerate(logs):
        if epoch in restart:
            state = json.loads(json.dumps(state))
            callback = type(callback).model_validate(callback.config())
            begin(epoch)
        apply(list(callback.handle(EpochStarted(epoch), state)), epoch)
        out.rates.append(rate)
        for step in range(1, steps + 1):
            event = StepEnded(epoch, epoch * steps + step, step, steps, {"loss": row.get("loss", 0.0)})
            apply(list(callback.handle(event, state)), epoch)
        ended = EpochEnded(epoch, (epoch + 1) * steps, {**row, "learning_rate": rate}, 0.1)
        apply(list(callback.handle(ended, state)), epoch)
        out.epochs = epoch + 1
        if out.stopped:
            apply(list(callback.handle(Stopped(epoch, (epoch + 1) * steps, out.stopped), state)), epoch)
            break
    apply(list(callback.handle(RunEnded(out.epochs, out.epochs * steps, {}, 1.0), state)), out.epochs)
    out.state = state
    return out


def losses(*values: float, name: str = "val_loss") -> list[dict[str, float]]:
    """One row an epoch."""
    return [{name: v} for v in values]

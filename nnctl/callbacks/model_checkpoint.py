"""Saving the best, or every so many steps, or under names of the user's."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, PositiveInt

from nnctl.callbacks.base import register
from nnctl.callbacks.inner_path import InnerPath
from nnctl.callbacks.monitor import Monitor
from nnctl.core.errors import Problem, nearest
from nnctl.core.events import EpochEnded, Event, Logs, Request, Save, StepEnded


def _template(text: str) -> str:
    """A file name whose placeholders are plain names: `{epoch:02d}-{val_loss:.2f}.h5`."""
    for _, name, spec, conversion in Formatter().parse(text):
        if name is not None and (not name.isidentifier() or conversion or "{" in (spec or "")):
            raise ValueError(f"'{{{name}}}' is not a placeholder; use {{epoch}} and names of the logs")
        if any(len(digits) > 2 for digits in re.findall(r"\d+", spec or "")):
            raise ValueError(f"'{{{name}:{spec}}}' is too wide for a name")
    if not text.endswith(".h5"):
        raise ValueError("a checkpoint is an HDF5 file: end its name in .h5")
    name = text.rpartition("/")[2]
    if name.startswith("step-") or name in ("best.h5", "latest.h5"):
        raise ValueError("the run's own checkpoints are called step-*, best and latest; use another name")
    return text


_LONGEST = 200
"""Characters of a name with its numbers put in."""


@register
class ModelCheckpoint(Monitor):
    """Save the state after epochs or steps; the best only, if asked.

    Every checkpoint holds all that `eval`, `predict` and `--resume` need. Without `filepath` it goes among
    the run's own (`checkpoints/`, where the newest and the best stay); with it, besides under that name,
    and stays. Source: keras.callbacks.ModelCheckpoint.
    """

    filepath: Annotated[InnerPath, AfterValidator(_template)] | None = None
    """A name below the run's `checkpoints/`, with placeholders as in `{epoch:02d}-{val_loss:.2f}.h5`."""
    verbose: Literal[0, 1] = 0
    """Accepted as in Keras, and without effect."""
    save_best_only: bool = False
    """Save only when `monitor` is better than ever before; otherwise `monitor` is not looked at."""
    save_weights_only: Literal[False] = False
    """nnctl's checkpoints always hold everything."""
    save_freq: Literal["epoch"] | PositiveInt = "epoch"
    """`epoch`, or the number of steps between two saves."""
    initial_value_threshold: float | None = None
    """With `save_best_only`: the value that the first save must beat."""

    def start(self) -> dict[str, Any]:
        return {"best": self.initial_value_threshold, "steps": 0}

    def wants_steps(self) -> bool:
        return self.save_freq != "epoch"

    def monitors(self) -> str | None:
        return self.monitor if self.save_best_only else None

    def problems(self, log_names: Sequence[str]) -> list[Problem]:
        found = super().problems(log_names)
        known = ["epoch", "batch", *log_names]
        for _, name, _, _ in Formatter().parse(self.filepath or ""):
            if name and name not in known:
                text = f"there is no '{name}' to put into the name"
                found.append(Problem(text, ("filepath",), suggestion=nearest(name, known)))
        return found or self._misformed(log_names)

    def _misformed(self, log_names: Sequence[str]) -> list[Problem]:
        """What is wrong with the name once numbers stand in it: found now, not at the first save."""
        if self.filepath is None:
            return []
        batch = None if self.save_freq == "epoch" else 1
        try:
            names = [self._name(0, batch, dict.fromkeys(log_names, value)) or "" for value in (0.5, math.nan)]
        except (ValueError, OverflowError) as error:
            expected = "formats as in {epoch:02d}-{val_loss:.2f}.h5"
            return [Problem(f"'filepath' cannot be put together: {error}", ("filepath",), expected=expected)]
        # Filled up with slashes, a short number would begin a path of its own.
        odd = any("/" in (spec or "") for _, _, spec, _ in Formatter().parse(self.filepath))
        odd = odd or any(len(name) > _LONGEST or "/." in f"/{name}" for name in names)
        return [Problem("'filepath' makes names that no file can have", ("filepath",))] if odd else []

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        if isinstance(event, EpochEnded) and self.save_freq == "epoch":
            yield from self._save(event.epoch, None, event.logs, state)
        elif isinstance(event, StepEnded) and self.save_freq != "epoch":
            state["steps"] += 1
            if state["steps"] >= self.save_freq:
                state["steps"] = 0
                yield from self._save(event.epoch, event.step_in_epoch, event.logs, state)

    def _save(self, epoch: int, batch: int | None, logs: Logs, state: dict[str, Any]) -> Iterable[Request]:
        if self.save_best_only:
            current = logs.get(self.monitor)
            if current is None or not self.improved(current, state["best"]):
                return
            state["best"] = float(current)
        yield Save(best=self.save_best_only, name=self._name(epoch, batch, logs))

    def _name(self, epoch: int, batch: int | None, logs: Logs) -> str | None:
        """The name as Keras forms it: epochs and batches count from 1."""
        if self.filepath is None:
            return None
        values: dict[str, Any] = {"epoch": epoch + 1, "batch": batch, **logs}
        names = {name for _, name, _, _ in Formatter().parse(self.filepath) if name}
        missing = {name: math.nan for name in names if values.get(name) is None}
        return self.filepath.format(**(values | missing))

"""Event files for TensorBoard."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import NonNegativeInt, PositiveInt, PrivateAttr

from nnctl.callbacks.base import CallbackSpec, register
from nnctl.callbacks.inner_path import InnerPath
from nnctl.core import below
from nnctl.core.errors import ConfigError, Problem, StorageError
from nnctl.core.events import (
    EpochEnded,
    Event,
    Failed,
    Interrupted,
    Logs,
    Request,
    RunEnded,
    RunStarted,
    StepEnded,
)

_NEEDED = "the callback TensorBoard needs the package tensorboard: pip install 'nnctl[tensorboard]'"


@register
class TensorBoard(CallbackSpec):
    """Write scalars, weight histograms and the resolved config for TensorBoard.

    The files lie in `log_dir/train` and `log_dir/validation` with Keras's tags (`epoch_loss`, `batch_loss`).
    A resumed run tells TensorBoard to drop what it will write again. Needs `nnctl[tensorboard]`.
    Source: keras.callbacks.TensorBoard.
    """

    wants_weights: ClassVar[bool] = True
    keras_only: ClassVar[tuple[str, ...]] = (
        "write_graph", "write_images", "write_steps_per_second", "profile_batch", "embeddings_freq",
        "embeddings_metadata",
    )  # fmt: skip

    log_dir: InnerPath = "logs"
    """The directory for the event files, inside the run directory."""
    histogram_freq: NonNegativeInt = 0
    """Weight histograms after every so many epochs; 0 for none."""
    update_freq: Literal["epoch", "batch"] | PositiveInt = "epoch"
    """Scalars only after epochs, after each step (`batch`), or after every so many steps."""

    _writers: dict[str, Any] = PrivateAttr(default_factory=dict)
    _root: Path = PrivateAttr(Path())
    _directory: Path | None = PrivateAttr(None)
    _resume: tuple[int, int] = PrivateAttr((0, 0))

    def wants_steps(self) -> bool:
        return self.update_freq != "epoch"

    def problems(self, log_names: Sequence[str]) -> list[Problem]:
        return [] if find_spec("tensorboard") else [Problem(_NEEDED)]

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        try:
            self._write(event)
        except OSError as error:
            raise StorageError(f"cannot write {self._directory}: {error.strerror}") from error
        return ()

    def _write(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._open(event)
        elif self._directory is None:
            return
        elif isinstance(event, StepEnded):
            every = {"epoch": 0, "batch": 1}.get(str(self.update_freq), self.update_freq)
            if isinstance(every, int) and every and event.step % every == 0:
                self._scalars("train", "batch", event.logs, event.step)
        elif isinstance(event, EpochEnded):
            self._epoch(event)
        elif isinstance(event, RunEnded | Interrupted | Failed):
            self.close()

    def _open(self, event: RunStarted) -> None:
        _need_tensorboard()
        if event.run_dir is None:
            return
        self.close()
        self._root, self._directory = event.run_dir, event.run_dir / self.log_dir
        self._resume = (event.epoch, event.step)
        text = json.dumps(dict(event.resolved_config), indent=2)
        from tensorboard.plugins.text import summary_v2

        fenced = "\n".join(f"    {line}" for line in text.splitlines())
        self._add("train", summary_v2.text_pb("config", fenced), event.epoch)

    def close(self) -> None:
        """Finish the event files; a later event opens new ones."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _epoch(self, event: EpochEnded) -> None:
        validation = {k.removeprefix("val_"): v for k, v in event.logs.items() if k.startswith("val_")}
        train = {k: v for k, v in event.logs.items() if not k.startswith("val_")}
        self._scalars("train", "epoch", train, event.epoch)
        self._scalars("validation", "epoch", validation, event.epoch)
        if self.histogram_freq and event.epoch % self.histogram_freq == 0:
            self._histograms(event.weights, event.epoch)
        for writer in self._writers.values():
            writer.flush()

    def _scalars(self, part: str, prefix: str, logs: Logs, step: int) -> None:
        from tensorboard.plugins.scalar import summary_v2

        for name, value in logs.items():
            self._add(part, summary_v2.scalar_pb(f"{prefix}_{name}", float(value)), step)

    def _histograms(self, weights: Mapping[str, Any], step: int) -> None:
        from tensorboard.plugins.histogram import summary_v2

        for name, array in weights.items():
            self._add("train", summary_v2.histogram_pb(f"{name}/histogram", array), step)

    def _add(self, part: str, summary: Any, step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event as Record

        writer = self._writers.get(part) or self._new_writer(part)
        writer.add_event(Record(summary=summary, step=step, wall_time=time.time()))

    def _new_writer(self, part: str) -> Any:
        """A new event file, which says from which step on older files of a resumed run do not count."""
        from tensorboard.compat.proto.event_pb2 import Event as Record
        from tensorboard.compat.proto.event_pb2 import SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        assert self._directory is not None
        below.make_directories(self._directory / part, self._root)
        writer = EventFileWriter(str(self._directory / part))
        epoch, step = self._resume
        start = SessionLog(status=SessionLog.START)
        purge = epoch if self.update_freq == "epoch" else step + 1
        writer.add_event(Record(session_log=start, step=purge, wall_time=time.time()))
        self._writers[part] = writer
        return writer


def _need_tensorboard() -> None:
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        raise ConfigError(_NEEDED) from None

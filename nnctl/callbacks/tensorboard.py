"""Event files for TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Literal

from pydantic import NonNegativeInt, PositiveInt, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from nnctl.callbacks import tensorboard_embeddings as projector
from nnctl.callbacks.base import CallbackSpec, register
from nnctl.callbacks.inner_path import InnerPath
from nnctl.callbacks.tensorboard_files import EventFiles
from nnctl.callbacks.tensorboard_trace import table, trace
from nnctl.core.errors import ConfigError, Problem, StorageError, nearest
from nnctl.core.events import (
    EpochEnded,
    Event,
    Request,
    RunClosed,
    RunStarted,
    StepEnded,
    TimedCall,
    Validated,
)

_NEEDED = "the callback TensorBoard needs the package tensorboard: pip install 'nnctl[tensorboard]'"

Steps = tuple[PositiveInt, PositiveInt]
"""From which step to which, both counted from 1."""


@register
class TensorBoard(CallbackSpec):
    """Write scalars, the model's graph, weights and their pictures, and what kernels cost, for TensorBoard.

    The files lie in `log_dir/train` and `log_dir/validation` with Keras's tags (`epoch_loss`, `batch_loss`,
    `evaluation_loss_vs_iterations`). A resumed run tells TensorBoard to drop what it will write again. Needs
    `nnctl[tensorboard]`. Source: keras.callbacks.TensorBoard.
    """

    log_dir: InnerPath = "logs"
    """The directory for the event files, inside the run directory."""
    histogram_freq: NonNegativeInt = 0
    """Weight histograms after every so many epochs; 0 for none."""
    write_graph: bool = True
    """Whether the model's layers are written, for the page Graphs."""
    write_images: bool = False
    """Whether weights are written as pictures, too, where there are histograms."""
    write_steps_per_second: bool = False
    """Whether steps per second are written: of each epoch, and of each step whose scalars are written."""
    update_freq: Literal["epoch", "batch"] | PositiveInt = "epoch"
    """Scalars only after epochs, after each step (`batch`), or after every so many steps."""
    profile_batch: NonNegativeInt | Steps = 0
    """The step, or the first and the last one (counted from 1), whose kernel calls are timed; 0 for none. A
    trace is in `train/plugins/profile` (for Perfetto or chrome://tracing), and a table on the page Text."""
    embeddings_freq: NonNegativeInt = 0
    """The tables of Embedding layers after every so many epochs, for the projector; 0 for none."""
    embeddings_metadata: str | dict[str, str] | None = None
    """The file that says what the rows of a table mean, inside `log_dir`; or one by layer."""

    _files: EventFiles | None = PrivateAttr(None)
    _tables: list[str] = PrivateAttr(default_factory=list)
    """The layers whose tables are written."""
    _calls: list[TimedCall] = PrivateAttr(default_factory=list)
    """What is profiled and not written yet."""
    _profiled: int = PrivateAttr(0)
    """The epoch of the last step among them."""
    _steps: int = PrivateAttr(0)
    """How many steps were made before this epoch, or before this process."""

    @model_validator(mode="after")
    def _agree(self) -> TensorBoard:
        if isinstance(self.profile_batch, tuple) and self.profile_batch[0] > self.profile_batch[1]:
            raise PydanticCustomError("profile_batch", "'profile_batch' ends before it begins")
        if self.write_images and not self.histogram_freq:
            message = "'write_images' writes where histograms are written; say 'histogram_freq', too"
            raise PydanticCustomError("write_images", message)
        if self.embeddings_metadata is not None and not self.embeddings_freq:
            message = "'embeddings_metadata' is of tables that are not written; say 'embeddings_freq', too"
            raise PydanticCustomError("embeddings_metadata", message)
        return self

    def wants_steps(self) -> bool:
        return self.update_freq != "epoch" or self.profile_batch != 0

    def profiles(self, step: int) -> bool:
        given = self.profile_batch
        first, last = given if isinstance(given, tuple) else (given, given)
        return first <= step <= last

    def problems(self, log_names: Sequence[str]) -> list[Problem]:
        return [] if find_spec("tensorboard") else [Problem(_NEEDED)]

    def model_problems(self, layers: Mapping[str, str]) -> list[Problem]:
        known = projector.tables(layers)
        named = self.embeddings_metadata if isinstance(self.embeddings_metadata, dict) else {}
        return [
            Problem(
                f"the model has no Embedding layer '{name}'",
                ("embeddings_metadata", name),
                expected=f"one of {', '.join(known)}" if known else None,
                suggestion=nearest(name, known),
                at_key=True,
            )
            for name in named
            if name not in known
        ]

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        with self._written():
            self._write(event)
        return ()

    def closed(self, event: RunClosed) -> Iterable[str]:
        if self._files is not None:
            with self._written():
                self._profile(self._files)
                self._files.close()
        return ()

    @contextmanager
    def _written(self) -> Iterator[None]:
        """An error of the disk inside says where it was."""
        try:
            yield
        except OSError as error:
            where = self._files.directory if self._files else self.log_dir
            raise StorageError(f"cannot write {where}: {error.strerror}") from error

    def _write(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._open(event)
        elif self._files is None:
            return
        elif isinstance(event, StepEnded):
            self._step(event, self._files)
        elif isinstance(event, Validated):
            logs = {name.removeprefix("val_"): value for name, value in event.logs.items()}
            self._files.scalars("validation", logs, "evaluation_{}_vs_iterations", event.step)
        elif isinstance(event, EpochEnded):
            self._epoch(event, self._files)

    def _open(self, event: RunStarted) -> None:
        _need_tensorboard()
        if event.run_dir is None:
            return
        if self._files is not None:
            self._files.close()
        # Steps and epochs share a file's purge: where both are there, only steps are dropped, since the
        # epochs that are written again have the numbers that they had.
        purge = {"train": event.epoch if self.update_freq == "epoch" else event.step + 1}
        purge["validation"] = event.step + 1
        files = self._files = EventFiles(event.run_dir / self.log_dir, event.run_dir, purge)
        self._steps = event.step
        text = json.dumps(dict(event.resolved_config), indent=2)
        files.text("train", "config", "\n".join(f"    {line}" for line in text.splitlines()), event.epoch)
        if self.write_graph and event.step == 0:
            files.graph("train", event.inputs, event.layers)
        if self.embeddings_freq:
            self._tables = projector.tables({layer.owner: layer.type for layer in event.layers})
            files.file(projector.CONFIG, [projector.config(self._tables, self.embeddings_metadata)])

    def _step(self, event: StepEnded, files: EventFiles) -> None:
        every = {"epoch": 0, "batch": 1}.get(str(self.update_freq), self.update_freq)
        if isinstance(every, int) and every and event.step % every == 0:
            speed = {"steps_per_second": 1 / event.seconds} if event.seconds else {}
            logs = {**event.logs, **(speed if self.write_steps_per_second else {})}
            files.scalars("train", logs, "batch_{}", event.step)
        if event.calls:
            self._calls += event.calls
            self._profiled = event.epoch
        if self._calls and not self.profiles(event.step + 1):
            self._profile(files)

    def _profile(self, files: EventFiles) -> None:
        """Write the times of the calls that were collected."""
        calls, self._calls = self._calls, []
        if calls:
            path = f"train/plugins/profile/batch_{calls[-1].step}/nnctl.trace.json.gz"
            files.file(path, [trace(calls)])
            files.text("train", "profile", table(calls), self._profiled)

    def _epoch(self, event: EpochEnded, files: EventFiles) -> None:
        validation = {k.removeprefix("val_"): v for k, v in event.logs.items() if k.startswith("val_")}
        train = {k: v for k, v in event.logs.items() if not k.startswith("val_")}
        if self.write_steps_per_second and event.seconds:
            train["steps_per_second"] = (event.step - self._steps) / event.seconds
        self._steps = event.step
        files.scalars("train", train, "epoch_{}", event.epoch)
        files.scalars("validation", validation, "epoch_{}", event.epoch)
        if self.histogram_freq and event.epoch % self.histogram_freq == 0:
            for name, array in event.weights.items():
                files.histogram("train", f"{name}/histogram", array, event.epoch)
                if self.write_images:
                    files.images("train", f"{name}/image", array, event.epoch)
        if self.embeddings_freq and event.epoch % self.embeddings_freq == 0:
            for layer in self._tables:
                weights = event.weights[f"{layer}/embeddings"]
                files.file(projector.tensor_path(layer), [projector.rows(weights)])
        files.flush()


def _need_tensorboard() -> None:
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        raise ConfigError(_NEEDED) from None

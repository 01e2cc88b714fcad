"""A training gone through again in pieces, as one that looks for a difference asks for them."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nnctl.core import events
from nnctl.core.arrays import Array
from nnctl.core.events import Event
from nnctl.kernels.trail import LANES, follow
from nnctl.program.written import Written, WrittenValues
from nnctl.runner.train import Job, train
from nnctl.runs.digests import Digests
from nnctl.runs.manifest import finite
from nnctl.runs.model_file import read_model
from nnctl.runs.state import TrainingState, weights_sha256
from nnctl.runs.state_parts import array_sha256, copied, part_digests, parts, state_sha256
from nnctl.workflow.initial import expected_weights
from nnctl.workflow.pieces import TAKEN, Mark, Piece
from nnctl.workflow.resumable import check_state


class Replayer:
    """One training. Every method that trains first keeps the state that it starts from, for `back`.

    It stops where a signal would stop a run, and goes on as a run that is resumed: from there a training
    comes to the same bits, whatever its callbacks are.

    Args:
        job: Before its first step.
        folder: Where an array is written that is asked for, as `TAKEN`.
    """

    def __init__(self, job: Job, folder: Path) -> None:
        self.job, self.session, self.folder = job, job.session, folder
        # Which checkpoint is the best, and when one is due, changes nothing in what is trained.
        job.mark_best, job.clock, job.stop = None, lambda: 0.0, self._signal
        self.state = TrainingState(weights=self.session.weights.arrays, optimizer=self.session.slot_views())
        self.ended = ""
        self._kept = self.state
        self._step = self._to = 0
        self._trail = np.zeros(LANES, np.uint32)
        arrays = [self.session.weights.flat, *self.session.slots.values(), *self.session.states.values()]
        fixed = self.session.weights.arrays.keys() - set(self.session.weights.trainable)
        arrays += [self.session.weights.arrays[name] for name in sorted(fixed)]
        self._followed = [array.reshape(-1).view(np.uint32) for array in arrays]

    def load(self, checkpoint: Path, root: Path) -> None:
        """Go on from a checkpoint of the run directory `root`.

        Raises:
            RunError: it is damaged, or training cannot go on from it.
        """
        expected = expected_weights(self.session.model, self.session.dtype)
        state = read_model(checkpoint, expected, root).state
        check_state(self.job, state, checkpoint)
        self.state = state

    def mark(self) -> Mark:
        """Where it stands."""
        state = self.state
        trained = weights_sha256(state.weights) if self.ended == "completed" else ""
        place = (state.step, state.epoch, state.step_in_epoch)
        return Mark(*place, state_sha256(state), self.ended, trained)

    def go(self, to: int) -> Piece:
        """Train up to step `to`, or to the end of its epoch where it is the last of one."""
        began = time.perf_counter()
        self.job.checkpoint_every = "auto"
        rows, times = [], []
        digests = Digests(self.session.model.weights_by_layer(), self.job.epochs)
        self._trail[...] = 0
        for event in self._trained(to):
            if isinstance(event, events.StepEnded):
                for words in self._followed:
                    follow(words, self._trail)
                times.append(time.perf_counter())
            elif isinstance(event, events.EpochEnded):
                rows.append({"epoch": event.epoch, "step": event.step, **finite(event.logs)})
                digests.see(event)
        mark, steps = self.mark(), max(len(times) - 1, 0)
        stepping = times[-1] - times[0] if times else 0.0
        return Piece(
            mark,
            self._trail.tobytes().hex(),
            tuple(rows),
            tuple(digests.lines),
            time.perf_counter() - began,
            steps,
            stepping,
        )

    def each(self, to: int) -> list[Mark]:
        """Train as `go`; the mark after every step."""
        self.job.checkpoint_every = 1
        marks: dict[tuple[int, int], Mark] = {}
        for event in self._trained(to):
            if isinstance(event, events.CheckpointDue) and self.state.step > self._kept.step:
                # Of several at one place the last holds: callbacks may have changed something in between.
                marks[self.state.epoch, self.state.step] = self.mark()
        if self.ended:
            marks[self.state.epoch, self.state.step + 1] = self.mark()
        return list(marks.values())

    def trace(self, take: int | None = None) -> list[tuple[Written, str]]:
        """Train one step, call by call: each value that was written and its hash.

        Args:
            take: The number of a value that is written to a file.
        """
        found: list[tuple[Written, str]] = []

        def see(written: Written, array: Array) -> None:
            if len(found) == take:
                self._write(array)
            found.append((written, array_sha256(array)))

        self.job.checkpoint_every = "auto"
        (self.folder / TAKEN).unlink(missing_ok=True)
        self.session.watch_calls(WrittenValues(self.session, see))
        try:
            for _ in self._trained(self.state.step + 1):
                pass
        finally:
            self.session.watch_calls(None)
        return found

    def back(self) -> None:
        """Return to the state that the last piece began with."""
        self.state, self.ended = self._kept, ""

    def parts(self) -> dict[str, str]:
        """The hash of each part of the state, by name."""
        return part_digests(self.state)

    def take_part(self, name: str) -> None:
        """Write a part of the state to a file."""
        self._write(dict(parts(self.state))[name])

    def _write(self, array: Array) -> None:
        np.save(self.folder / TAKEN, array, allow_pickle=False)

    def _signal(self) -> int | None:
        return int(signal.SIGTERM) if self._step >= self._to else None

    def _trained(self, to: int) -> Iterator[Event]:
        """Train up to step `to`; `state` is where it stands when an event tells of a checkpoint, or ends."""
        self._kept = copied(self.state)
        self._step, self._to = self.state.step, to
        for event in train(self.job, self.state):
            if isinstance(event, events.StepEnded):
                self._step = event.step
            elif isinstance(event, events.CheckpointDue):
                self.state = event.state
            elif isinstance(event, events.RunEnded):
                self.ended = "completed"
            elif isinstance(event, events.Failed):
                where = f" in {event.layer}" if event.layer else ""
                self.ended = f"{event.what} is not finite{where} at step {event.step + 1}"
            yield event

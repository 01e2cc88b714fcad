"""The training loop: a generator of events. It prints nothing and opens nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nnctl.callbacks.base import CallbackSpec
from nnctl.core import events
from nnctl.core.arrays import Array
from nnctl.core.events import Event, Request
from nnctl.data.feeding.order import Shuffle, order
from nnctl.graph.model import CallNode
from nnctl.program.bind import Bound
from nnctl.program.programs import TrainingProgram
from nnctl.program.session import Session
from nnctl.program.whole_step import WholeStep
from nnctl.ranks.base import Ranks
from nnctl.runner.batches import Batches, Examples, Kind, feed
from nnctl.runner.evaluate import evaluate
from nnctl.runner.rhythm import Every, Rhythm
from nnctl.runner.sharded import Sharded
from nnctl.runs.state import TrainingState

_DISPLAY_EVERY = 0.05
"""Seconds between steps whose running means are worked out for display; no step depends on it."""


class _SetAside(Request):
    """Let the present weights, whichever callbacks have put in place, wait as the best model."""


@dataclass
class Job:
    """Everything a run needs; the loop changes only `session`.

    Attributes:
        stop: Asked after each step; a signal number ends the run after a checkpoint.
        checkpoint_every: Commit at each epoch's end (`epoch`), every so many steps besides (a number), or as
            often as costs little time (`auto`); when a signal comes and at the end in any case.
        mark_best: The log whose smallest value marks a checkpoint as the best; None if a callback does that.
        log_names: Every name that an epoch's logs may have.
        validation_batch: Examples that are evaluated together.
        lost_logs, history: As `RunStarted`'s.
        clock: What `auto` goes by.
        sharded: How batches are cut, and among whom; None: each is computed as one.
    """

    name: str
    session: Session
    train: Examples
    validation: Examples | None
    validation_batch: int
    batches: Batches
    epochs: int
    seed: int
    shuffle: Shuffle
    callbacks: Sequence[CallbackSpec]
    validation_every: int
    checkpoint_every: Every
    mark_best: str | None
    log_names: Sequence[str]
    stop: Callable[[], int | None]
    resolved_config: Mapping[str, Any]
    lost_logs: frozenset[str] = frozenset()
    history: Sequence[Mapping[str, Any]] = ()
    run_dir: Path | None = None
    clock: Callable[[], float] = time.perf_counter
    sharded: Sharded | None = None

    def training_kinds(self) -> list[Kind]:
        """The sizes and buckets of what is computed at once in a step, the largest first."""
        return self.batches.kinds() if self.sharded is None else self.sharded.kinds(self.batches)


def _call(node: CallNode) -> events.LayerCall:
    reads = [ref.name for ref in node.inputs]
    return events.LayerCall(node.name, type(node.layer).__name__, node.owner, reads, node.output_shapes)


def train(job: Job, state: TrainingState | None = None) -> Iterator[Event]:
    """Train, from the start or from `state`. The last event is RunEnded, Interrupted or Failed."""
    return _Loop(job, state).run()


class _Loop:
    def __init__(self, job: Job, state: TrainingState | None) -> None:
        self.job = job
        self.session = job.session
        self.ranks = job.sharded.ranks if job.sharded is not None else Ranks()
        self.epoch = self.step = self.step_in_epoch = 0
        self.rate: float | None = None
        self.best: float | None = None
        self.logs: dict[str, float] = {}
        self.kept: dict[str, dict[str, Array]] = {}
        self.kept_logs: dict[str, dict[str, float]] = {}
        self.restored: dict[str, float] | None = None
        self.waiting: TrainingState | None = None
        self.committed: tuple[int, int] | None = None
        self.callback_states = [callback.start() for callback in job.callbacks]
        self.stopped: str | None = None
        self.averaged = False
        """Whether the average of the weights is in their place."""
        self.programs: dict[Kind, TrainingProgram] = {}
        self.signal = 0
        """The signal that one of several processes had got by the last step."""
        self.parts: Iterator[Array] = iter(())
        """The examples of this process's shards that are still to come in this epoch."""
        self.timed: list[events.TimedCall] | None = None
        """The kernel calls of this step, where a callback wants them timed."""
        self.began = time.perf_counter()
        if state is not None:
            self._load(state)
        assert self.session.optimizer is not None
        self.optimizer = self.session.optimizer
        arrays = [*self.session.weights.arrays.values(), *self.session.slot_views().values()]
        self.rhythm = Rhythm(job.checkpoint_every, sum(a.nbytes for a in arrays), job.clock)

    def run(self) -> Iterator[Event]:
        job = self.job
        yield from self._tell(
            events.RunStarted(
                job.name,
                job.run_dir,
                job.epochs,
                job.batches.steps,
                self.epoch,
                self.step,
                sum(job.session.model.parameters()),
                job.resolved_config,
                job.log_names,
                job.lost_logs,
                job.history,
                tuple(job.session.model.inputs),
                tuple(map(_call, job.session.model.nodes)),
            )
        )
        try:
            while self.epoch < job.epochs and self.stopped is None:
                for event in self._epoch():
                    if isinstance(event, events.Failed):
                        yield from self._commit_waiting()
                    yield event
                    if isinstance(event, events.Interrupted | events.Failed):
                        return
            yield from self._end()
        except Exception:
            # What ends the run here may end it there again, before the best model has another chance.
            yield from self._commit_waiting()
            raise

    def _end(self) -> Iterator[Event]:
        # From its last state a run goes on that shall have more epochs.
        yield from self._commit_waiting() if self.committed == self._place() else self._commit("last")
        self._use_average(False)
        self.session.finish()
        if self.stopped is not None:
            yield from self._tell(events.Stopped(self.epoch, self.step, self.stopped))
        ended = events.RunEnded(self.epoch, self.step, self.logs, time.perf_counter() - self.began)
        # Callbacks hear of the end before the final state is committed: one may put the best weights back.
        yield from self._answer(self._hear(ended))
        yield events.CheckpointDue(self.epoch, self.step, self.state(), reason="end")
        if self.restored is not None:
            logs = dict(self.restored)
            epoch = int(logs.pop("epoch"))
            ended = replace(ended, logs=logs, restored_epoch=epoch if epoch + 1 != self.epoch else None)
        yield ended

    def state(self) -> TrainingState:
        """The whole state, as views; valid until the next step."""
        session = self.session
        return TrainingState(
            step=self.step,
            epoch=self.epoch,
            step_in_epoch=self.step_in_epoch,
            weights=dict(session.weights.arrays),
            trainable={name: name in session.weights.gradient_views for name in session.weights.arrays},
            optimizer=session.slot_views(),
            scalars=self._scalars(),
            callback_states=self.callback_states,
            metric_states=dict(session.states),
            logs=self.logs,
            kept=self.kept,
            kept_logs=self.kept_logs,
        )

    def _commit(self, reason: str = "epoch", best: bool = False, name: str | None = None) -> Iterator[Event]:
        """Have the present state committed, and before it the best model that waits: the state names it."""
        began = self.rhythm.clock()
        if not best:
            yield from self._commit_waiting()
        self.waiting = None
        yield events.CheckpointDue(self.epoch, self.step, self.state(), best=best, name=name, reason=reason)
        self.committed = self._place()
        self.rhythm.committed(began)

    def _place(self) -> tuple[int, int]:
        """Where in the run it is: a step may end an epoch and be seen before that and after."""
        return self.epoch, self.step

    def _commit_waiting(self) -> Iterator[Event]:
        """Have the best model that waits committed, if there is one."""
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            yield events.CheckpointDue(waiting.epoch, waiting.step, waiting, best=True, reason="best")

    def _model(self) -> TrainingState:
        """Only the present weights: the best model, which waits until a checkpoint is due.

        They are copied, but for the last epoch's, which no step changes any more.
        """
        weights = self.session.weights
        last = self.epoch == self.job.epochs
        return TrainingState(
            step=self.step,
            epoch=self.epoch,
            weights=dict(weights.arrays) if last else weights.snapshot(),
            trainable={name: name in weights.gradient_views for name in weights.arrays},
            logs=self.logs,
            complete=False,
        )

    def _scalars(self) -> dict[str, float]:
        """The loop's own numbers, where they are not what the config says."""
        known = {"learning_rate": self.rate, "best": self.best, "stopped": 1.0 if self.stopped else None}
        known["averaged"] = 1.0 if self.averaged else None
        return {name: value for name, value in known.items() if value is not None}

    def _load(self, state: TrainingState) -> None:
        session = self.session
        self.step, self.epoch, self.step_in_epoch = state.step, state.epoch, state.step_in_epoch
        session.weights.load(state.weights)
        for name, view in session.slot_views().items():
            view[...] = state.optimizer[name]
        for name, array in state.metric_states.items():
            session.states[name][...] = array
        self.rate = state.scalars.get("learning_rate")
        self.best = state.scalars.get("best")
        self.stopped = "it had stopped before it was interrupted" if "stopped" in state.scalars else None
        self.averaged = "averaged" in state.scalars
        self.committed = self._place()
        self.logs = dict(state.logs)
        self.kept_logs = {slot: dict(logs) for slot, logs in state.kept_logs.items()}
        self.kept = {slot: {k: np.array(v) for k, v in w.items()} for slot, w in state.kept.items()}
        if len(state.callback_states) == len(self.callback_states):
            self.callback_states = [dict(s) for s in state.callback_states]

    def _tell(self, event: Event) -> Iterator[Event]:
        """An event, and what callbacks made of it."""
        requests = self._hear(event)
        yield event
        yield from self._answer(requests)

    def _hear(self, event: Event) -> list[Request]:
        """Hand an event to every callback; what they ask for. Only one of several processes has them."""
        if not self.job.callbacks:
            return []
        requests = self._asked(event) if self.ranks.first else []
        shared: list[Request] = self.ranks.share(requests)
        return shared

    def _asked(self, event: Event) -> list[Request]:
        steps = isinstance(event, events.StepEnded)
        requests: list[Request] = []
        for callback, state in zip(self.job.callbacks, self.callback_states, strict=True):
            if not steps or callback.wants_steps():
                try:
                    requests.extend(callback.handle(event, state))
                except Exception as error:
                    error.add_note(f"in the callback {type(callback).__name__}")
                    raise
        return requests

    def _answer(self, requests: list[Request]) -> Iterator[Event]:
        """Do what callbacks ask, in an order that loses nothing.

        What changes the state comes first, so that a saved state has it and a run resumed from it goes on as
        this one; then the saves; then weights are put back, which a save must not see.
        """
        if not requests:
            return
        for request in requests:
            yield from self._obey(request)
        for request in requests:
            if isinstance(request, events.Save):
                yield from self._commit("callback", request.best, request.name)
        for request in requests:
            if isinstance(request, events.RestoreWeights) and request.slot in self.kept:
                self.session.weights.load(self.kept[request.slot])
                self.restored = self.kept_logs.get(request.slot)

    def _obey(self, request: Request) -> Iterator[Event]:
        match request:
            case events.Stop(reason):
                self.stopped = self.stopped or reason
            case events.SetLearningRate(value, reason):
                self.rate = float(np.float32(value)) if self.session.dtype == "float32" else value
                yield events.LearningRateChanged(self.step, self.rate, reason)
            case events.KeepWeights(slot):
                self.kept[slot] = self.session.weights.snapshot()
                # What was kept in the middle of an epoch has no numbers.
                self.kept_logs.pop(slot, None)
                if self.step_in_epoch == 0 and self.logs:
                    self.kept_logs[slot] = {"epoch": self.epoch - 1, **self.logs}
            case events.UseAverage(on):
                self._use_average(on)
            case _SetAside():
                self.waiting = self._model()
            case events.Tell(text):
                yield events.Notice(text)
            case events.WriteLog(name, text):
                yield events.LogDue(name, text)

    def _use_average(self, on: bool) -> None:
        """Have the average of the weights in their place, or the weights."""
        if self.averaged != on:
            self.session.swap_average()
            self.averaged = on

    def _epoch(self) -> Iterator[Event]:
        job, session = self.job, self.session
        began = time.perf_counter()
        started = events.EpochStarted(self.epoch)
        if self.step_in_epoch == 0:
            # Whatever a checkpoint says that was made between two epochs.
            session.reset_states()
            yield from self._tell(started)
        else:
            # Resumed in the middle: the callbacks heard of this epoch's start before the run stopped.
            yield started
        batches = job.batches
        indices = order(job.seed, self.epoch, batches.examples, shuffle=job.shuffle, batch=batches.size)
        for event in self._steps(indices):
            yield event
            if isinstance(event, events.Interrupted | events.Failed):
                return
        logs = session.logs()
        session.reset_states()
        if job.validation is not None and (self.epoch + 1) % job.validation_every == 0:
            yield from self._tell(events.ValidationStarted(self.epoch, self.step))
            if job.sharded is None:
                validated = evaluate(session, job.validation, job.validation_batch)
            else:
                validated = job.sharded.evaluate(job.validation, job.validation_batch)
            values = {f"val_{name}": value for name, value in validated.items()}
            logs |= values
            yield from self._tell(events.Validated(self.epoch, self.step, values))
        logs["learning_rate"] = self._rate(self.step - 1)
        yield from self._end_epoch(logs, time.perf_counter() - began)

    def _end_epoch(self, logs: dict[str, float], seconds: float) -> Iterator[Event]:
        ended = self.epoch
        self.logs = logs
        self.epoch, self.step_in_epoch = ended + 1, 0
        event = events.EpochEnded(
            ended, self.step, logs, seconds, self.session.weights.arrays, self.optimizer.rate(0)
        )
        best = self._is_best(logs)
        requests = self._hear(event)
        due = self.rhythm.after_epoch()
        if best and due:
            requests.append(events.Save(best=True))
        elif best:
            requests.append(_SetAside())
        yield event
        yield from self._answer(requests)
        signal = self._signal()
        if self.epoch == self.job.epochs or self.stopped is not None:
            return
        if self.committed != self._place() and (due or signal is not None):
            yield from self._commit()
        if signal is not None:
            yield events.Interrupted(self.step, signal)

    def _is_best(self, logs: Mapping[str, float]) -> bool:
        """Whether the epoch is the best so far by `mark_best`; remembered in the state."""
        value = logs.get(self.job.mark_best or "")
        # A NaN (validation may overflow where training does not) is never the best, nor one to beat.
        if value is None or math.isnan(value) or (self.best is not None and not value < self.best):
            return False
        self.best = value
        return True

    def _steps(self, indices: Array) -> Iterator[Event]:
        """The steps of one epoch that are left."""
        job = self.job
        shown = time.perf_counter()
        watched = any(callback.wants_steps() for callback in job.callbacks)
        for examples in self._expected(indices):
            began = time.perf_counter()
            self.timed = [] if any(c.profiles(self.step + 1) for c in job.callbacks) else None
            failed = self._step(examples)
            if failed is not None:
                yield failed
                return
            now = time.perf_counter()
            logs: dict[str, float] = {}
            if watched or now - shown >= _DISPLAY_EVERY:
                shown, logs = now, self.session.logs()
            event = events.StepEnded(
                self.epoch,
                self.step,
                self.step_in_epoch,
                job.batches.steps,
                logs,
                now - began,
                self.timed or (),
            )
            if watched:
                yield from self._tell(event)
            else:
                yield event
            last = self.step_in_epoch == job.batches.steps
            signal = self._signal()
            due = not last and self.rhythm.after_step(self.step)
            if (signal is not None or due) and not last and self.committed != self._place():
                yield from self._commit("signal" if signal is not None else "step")
            if signal is not None and not last:
                yield events.Interrupted(self.step, signal)
                return

    def _expected(self, indices: Array) -> Iterator[Array]:
        """The batches that are left; the split knows that they, or this process's shards, are to be read."""
        job, start = self.job, self.step_in_epoch
        batches = job.batches.cut(indices, start)
        if job.sharded is None:
            return job.train.expect(batches)
        self.parts = job.train.expect(job.sharded.parts(job.batches.cut(indices, start)))
        return batches

    def _signal(self) -> int | None:
        """The signal that ends the run: where several processes train, what they knew of at the last step."""
        return self.job.stop() if self.ranks.size == 1 else self.signal or None

    def _step(self, indices: Array) -> Event | None:
        """One update; an event instead where loss or gradients are not finite."""
        if self.job.sharded is not None:
            return self._sharded_step(self.job.sharded, indices)
        session = self.session
        program = self._program(len(indices), self.job.batches.bucket(indices))
        step = session.step(program, self.optimizer.steps_after(self.step))
        feed(step.training, self.job.train, indices, self.step)
        session.take_hyper(self.step, self.rate)
        try:
            self._run(step)
        except FloatingPointError:
            return self._failed(step, indices)
        self.step += 1
        self.step_in_epoch += 1
        return None

    def _sharded_step(self, sharded: Sharded, indices: Array) -> Event | None:
        job, session, bucket = self.job, self.session, self.job.batches.bucket(indices)
        updates = self.optimizer.steps_after(self.step)

        def program_of(count: int) -> TrainingProgram:
            return self._program(count, bucket)

        here = job.stop() or 0
        self.signal = sharded.train(
            program_of, job.train, self.parts, len(indices), self.step, self._run_one, here
        )
        session.take_hyper(self.step, self.rate)
        try:
            self._run_one("check", session.check())
        except FloatingPointError:
            bad = session.check().outputs["bad"].item()
            place = sharded.first_non_finite(program_of, job.train, indices, self.step)
            return self._not_finite(bad, place)
        self._run_one("update", session.update() if updates else session.gather())
        self.step += 1
        self.step_in_epoch += 1
        return None

    def _program(self, count: int, bucket: int | None) -> TrainingProgram:
        """The program of so many examples of a bucket, the same whenever it is asked for."""
        found = self.programs.get((count, bucket))
        if found is None:
            found = TrainingProgram(self.job.train.sizes(count, bucket))
            self.programs[count, bucket] = found
        return found

    def _run(self, step: WholeStep) -> None:
        """Run a step, its calls timed where a callback wants that."""
        if self.timed is None:
            step.run()
            return
        for what, program in step.programs().items():
            self._run_one(what, program)

    def _run_one(self, what: str, program: Bound) -> None:
        """Run a program of a step, its calls timed where a callback wants that."""
        if self.timed is None:
            program.run()
        else:
            self.timed += [
                events.TimedCall(
                    self.step + 1, what, kernel, type(node.op).__name__, node.origin, start - self.began, took
                )
                for kernel, node, start, took in program.run_timed(time.perf_counter)
            ]

    def _failed(self, step: WholeStep, indices: Array) -> events.Failed:
        """Find where the first non-finite number appeared: the step runs again, call by call."""
        bad = step.check.outputs["bad"].item()
        feed(step.training, self.job.train, indices, self.step)
        node = step.training.first_non_finite()
        return self._not_finite(bad, node.origin if node is not None else None)

    def _not_finite(self, bad: int, origin: str | None) -> events.Failed:
        """What is said of a gradient, or of the loss where that is -1."""
        what = f"the gradient of '{self.session.weights.trainable[bad]}'" if bad >= 0 else "the loss"
        return events.Failed(self.step, what, origin)

    def _rate(self, step: int) -> float:
        """The learning rate of update `step`: the one a callback set, else the config's."""
        return self.rate if self.rate is not None else self.optimizer.rate(step)

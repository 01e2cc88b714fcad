"""Training an experiment: a run directory, a session, the loop, and what is kept of it."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from nnctl.callbacks.log_file import LogFile
from nnctl.callbacks.model_checkpoint import ModelCheckpoint
from nnctl.core import events
from nnctl.core.errors import RunError
from nnctl.core.events import Event
from nnctl.core.memory import give_back_freed
from nnctl.data.feeding.dataset import Dataset
from nnctl.ranks.base import ALONE, Ranks
from nnctl.runs.decision import Decision, decide
from nnctl.runs.directory import MANIFEST, METRICS, RunDirectory, allocate, numbered
from nnctl.runs.manifest import Manifest, new_manifest, resumed_manifest
from nnctl.runs.origin import machine
from nnctl.runs.record import Record
from nnctl.runs.recorder import Recorder
from nnctl.runs.state import TrainingState
from nnctl.spec.output.resolved import config_sha256, resolved_text
from nnctl.spec.output.rewrite import rewritten_text
from nnctl.storage.disk import DISK, Disk
from nnctl.workflow.adapted import adapt
from nnctl.workflow.assemble import Assembled, assemble
from nnctl.workflow.batch_reader import make_reader
from nnctl.workflow.callbacks import better, log_names
from nnctl.workflow.expectable import record_path
from nnctl.workflow.expected import Found, Outcome, held, outcomes
from nnctl.workflow.final import evaluation_programs, final_programs, score_final
from nnctl.workflow.initial import Initial, expected_weights, initial_weights
from nnctl.workflow.kernels import ready_kernels
from nnctl.workflow.output import files_read, keep_run_apart
from nnctl.workflow.placed import placed, refuse_warnings
from nnctl.workflow.planned import planned_memory
from nnctl.workflow.read_ahead import ahead
from nnctl.workflow.resumable import check_state
from nnctl.workflow.scored import Scored
from nnctl.workflow.together import agreed, refuse_idle, refuse_others, threads_of, with_shards

if TYPE_CHECKING:
    from nnctl.program.programs import Program
    from nnctl.program.session import Session
    from nnctl.runner.train import Job

RUNS = Path("runs")

Watch = Callable[[Event], None]


def start(
    config: Path,
    *,
    run_dir: Path | None = None,
    resume: bool = False,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    threads: int | None = None,
    allow_plugins: bool = False,
    strict: bool = False,
    recording: bool = False,
    page: Callable[[Path], str] | None = None,
    watch: Watch = lambda event: None,
    disk: Disk = DISK,
    ranks: Ranks = ALONE,
) -> Training:
    """Make ready to train: everything is checked before anything is written.

    Args:
        ranks: The processes that train it together; only the first one keeps the run.
        recording: As for `assemble`.
        page: Makes the report of the run's directory (`events.RunClosed.page`).
        disk: What changes the disk.

    Raises:
        ConfigError: the config is wrong; nothing was written. With `strict`, warnings are wrong, too.
        DataError: the data is wrong; nothing was written.
        RunError: the run directory holds another run, is in use, or wants --resume.
    """
    give_back_freed()
    with agreed(ranks):
        count = threads_of(threads, ranks)
        assembled = assemble(
            config,
            overrides=with_shards(config, overrides, ranks),
            seed=seed,
            allow_plugins=allow_plugins,
            recording=recording,
        )
        with placed(assembled.loaded):
            refuse_idle(assembled.loaded.experiment, ranks.size)
    refuse_others(assembled, ranks)
    with agreed(ranks):
        path, initial, decision = None, None, Decision("start", RUNS)
        if ranks.first:
            assembled, decision, path, initial = _decided(assembled, run_dir, resume, strict, watch)
    return Training(assembled, decision, path, count, initial, watch, disk, page, ranks)


def _decided(
    assembled: Assembled, run_dir: Path | None, resume: bool, strict: bool, watch: Watch
) -> tuple[Assembled, Decision, Path | None, Initial | None]:
    """What is trained, what is done with the run's directory and which that is, and the first weights."""
    initial = initial_weights(assembled.loaded, assembled.model)
    if strict:
        refuse_warnings(assembled.warnings)
    path = run_dir or _default_directory(assembled, resume)
    if path is None:
        decision = Decision("start", RUNS / assembled.loaded.experiment.name)
    else:
        resolved = resolved_text(assembled.loaded, path)
        data, named = assembled.data, assembled.loaded.document.written(("name",))
        decision = decide(
            path, resolved, resume=resume, data_sha256=data.data_sha256, files=data.files, named=named
        )
        if decision.manifest is not None and not named:
            assembled = _called(assembled, decision.manifest.name)
    with placed(assembled.loaded):
        decision.raise_refusal()
    if path is not None and decision.action == "start":
        keep_run_apart(path, files_read(assembled.loaded, assembled.loaded.directory))
    if decision.action != "completed":
        for note in assembled.data.notes:
            watch(events.Notice(note))
    if assembled.warnings and decision.action != "completed":
        watch(events.Warned(assembled.warnings))
    return assembled, decision, path, initial


def _called(assembled: Assembled, name: str) -> Assembled:
    """The same experiment under another name: that of the run which it goes on with."""
    loaded = assembled.loaded
    experiment = loaded.experiment.model_copy(update={"name": name})
    return replace(assembled, loaded=replace(loaded, experiment=experiment))


def _default_directory(assembled: Assembled, resume: bool) -> Path | None:
    """The newest run of this name to resume, or None: a new one is made when training starts."""
    if not resume:
        return None
    name = assembled.loaded.experiment.name
    # A process that was killed at once leaves an empty directory: there is nothing in it to go on with.
    newest = [path for path in numbered(RUNS / name) if any(path.iterdir())]
    if not newest:
        raise RunError(f"there is no run of '{name}' under {RUNS}/ to resume")
    return newest[0]


def first_weights(
    session: Session, initial: Initial | None, train: Dataset, watch: Watch = lambda event: None
) -> None:
    """Fill the weights: from initializers, then `initial_weights`, then what is found in the training split.

    Raises:
        DataError: a value of the split is missing, infinite or unknown.
    """
    session.initialize()
    given = initial.weights if initial is not None else {}
    for name, values in given.items():
        session.weights.arrays[name][...] = values
    adapt(session, train, given, watch)


class Training:
    """A run that is about to be trained. `events()` trains; then `exit_code` and `result()` hold."""

    def __init__(
        self,
        assembled: Assembled,
        decision: Decision,
        path: Path | None,
        threads: int,
        initial: Initial | None,
        watch: Watch,
        disk: Disk = DISK,
        page: Callable[[Path], str] | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.assembled = assembled
        self.decision = decision
        self.threads = threads
        self.initial = initial
        self.watch = watch
        self.disk = disk
        self.page = page
        self.experiment = assembled.loaded.experiment
        self.path = path
        self.exit_code = 0
        self.manifest = decision.manifest or Manifest(self.experiment.name)
        self.where = machine()
        self.scores: dict[str, Scored] = {}
        """What the trained model is worth on the splits that it was not trained on."""
        self.outcomes: list[Outcome] = []
        """What came of what was expected of it."""
        self.planned = 0
        """The bytes that its plan counts."""
        self.ranks = ranks
        self._signal: int | None = None

    def result(self) -> dict[str, Any]:
        """What `--json` prints."""
        manifest = self.manifest
        return {
            "run": str(self.path),
            "status": manifest.status,
            "epochs": manifest.epochs,
            "steps": manifest.steps,
            "metrics": manifest.metrics,
            "weights_sha256": manifest.weights_sha256,
            "expectations": manifest.expectations,
            "problems": [warning.as_json() for warning in self.assembled.warnings],
        }

    def stop(self) -> None:
        """End it after the step that is under way, with a checkpoint, as SIGTERM would."""
        self._signal = int(signal.SIGTERM)

    def events(self) -> Iterator[Event]:
        """Train and keep the run; every event after it was dealt with.

        Raises:
            StorageError: the disk failed; older checkpoints are intact.
        """
        completed = self.ranks.share(self.decision.action == "completed")
        if not self.ranks.first:
            if not completed:
                yield from self._follow()
            self.exit_code = self.ranks.share(None)
            return
        yield from self._lead()
        self.ranks.share(self.exit_code)

    def _follow(self) -> Iterator[Event]:
        """Train as one of those that do not keep the run: from what the first one has, to where it ends."""
        from nnctl.runner.train import train

        session = self.assembled.session(self.threads)
        job = make_job(self.assembled, session, lambda: self._signal, self.ranks)
        session.prepare(programs_of(job))
        # By now the first one has compiled the kernels, and may have put them where this one looks.
        self.ranks.share(None)
        ready_kernels(session)
        begun: TrainingState | Mapping[str, Any] = self.ranks.share(None)
        state = begun if isinstance(begun, TrainingState) else None
        if not isinstance(begun, TrainingState):
            session.weights.load(begun)
        with self._signals_noted():
            yield from train(job, state)

    def _lead(self) -> Iterator[Event]:
        if self.decision.action == "completed":
            self.path = self.decision.path
            yield events.Notice(self.decision.message)
            if not all(outcome.get("holds") for outcome in self.manifest.expectations):
                self.exit_code = 4
            return
        session = self.assembled.session(self.threads)
        job = make_job(self.assembled, session, lambda: self._signal, self.ranks)
        with placed(self.assembled.loaded):
            self._fits(job)
            session.prepare([*programs_of(job), *final_programs(self.assembled)])
            if self.decision.action == "start":
                # Statistics read the whole split: what cannot be read there shall leave nothing behind.
                first_weights(session, self.initial, self.assembled.data.train, self.watch)
        ready_kernels(session, self.watch)
        self.ranks.share(None)
        if self.path is None:
            self.path = allocate(RUNS, self.experiment.name, self.disk)
        job.run_dir = self.path
        from nnctl.kernels.threads import spread

        run = RunDirectory(self.path, self.experiment.training.checkpoint.keep, self.disk).open()
        try:
            with self._signals_noted():
                self._still_holds(run)
                with spread():
                    yield from self._run(run, job)
        finally:
            run.close()

    def _fits(self, job: Job) -> None:
        """Hold the programs' plans against the machine's memory before any of it is asked for."""
        from nnctl.program.programs import EvaluationProgram

        programs = [*programs_of(job), *final_programs(self.assembled)]
        sizes = {program: job.session.compiled(program).plan.size for program in programs}
        largest = max(sizes, key=sizes.__getitem__)
        self.planned = planned_memory(job, sizes[largest], self.assembled.data.nbytes).total
        count, path = job.training_kinds()[0][0], ("data", "batch_size")
        if isinstance(largest, EvaluationProgram) and job.validation_batch != job.batches.size:
            count = min(job.validation_batch, len(job.validation or ()))
            path = ("training", "validation_batch_size")
        batch, way_out = f"the buffers of a batch of {count:,}", "a smaller batch, or a smaller model"
        self.assembled.need_memory(sizes[largest], batch, path, way_out)

    def _still_holds(self, run: RunDirectory) -> None:
        """What was decided was decided without the lock: another process may have trained here since."""
        found = run.manifest() if (run.path / MANIFEST).exists() else None
        if found != self.decision.manifest:
            raise RunError(f"another process has trained in {run.path} meanwhile; ask again")

    def _run(self, run: RunDirectory, job: Job) -> Iterator[Event]:
        from nnctl.runner.train import train

        recorder = Recorder(
            run,
            self.manifest,
            self.assembled.loaded.resolved((str(self.assembled.loaded.directory), str(self.path))),
            self.assembled.data.preprocessing.config(),
        )
        try:
            state = yield from self._begin(recorder, job)
            self.ranks.share(job.session.weights.arrays if state is None else state)
            yield from self._recorded(recorder, job, train(job, state))
        except BaseException as error:
            recorder.break_off(error)
            raise
        finally:
            recorder.close()
            self._tell_callbacks(job)
        yield events.Notice(self._summary())

    def _tell_callbacks(self, job: Job) -> None:
        """Have callbacks finish what they began, now that all files of the run are written."""
        manifest = self.manifest
        hashes = {
            "config_sha256": manifest.config_sha256,
            "data_sha256": manifest.data_sha256,
            "weights_sha256": manifest.weights_sha256,
        }
        known = {name: value for name, value in hashes.items() if value}
        assert self.path is not None
        page = None if self.page is None else partial(self.page, self.path)
        closed = events.RunClosed(self.path, manifest.status, manifest.reason, known, page)
        for callback in job.callbacks:
            try:
                for text in callback.closed(closed):
                    self.watch(events.Notice(text))
            except Exception as error:
                error.add_note(f"in the callback {type(callback).__name__}")
                raise

    def _recorded(self, recorder: Recorder, job: Job, trained: Iterator[Event]) -> Iterator[Event]:
        final: TrainingState | None = None
        for event in trained:
            if type(event) is events.StepEnded:
                # By far the most: they leave nothing behind.
                yield event
                continue
            if isinstance(event, events.CheckpointDue) and event.reason == "end":
                final = event.state
                continue
            recorder.handle(event)
            if isinstance(event, events.RunEnded):
                assert final is not None
                told: list[Event] = [event]
                self._conclude(recorder, job, final, told.append)
                yield from told
                continue
            elif isinstance(event, events.Interrupted):
                self.exit_code = 128 + event.signal
            elif isinstance(event, events.Failed):
                self.exit_code = 5
            yield event

    def _conclude(self, recorder: Recorder, job: Job, final: TrainingState, watch: Watch) -> None:
        """Score the trained model, keep it, and hold it against what was expected of it."""
        self.scores = score_final(self.assembled, job.session, watch)
        weights = recorder.keep(final, {name: found.as_json() for name, found in self.scores.items()})
        found = Found(
            weights_sha256=weights,
            scores=self.scores,
            history=recorder.run.metrics() if any(e.by_epoch for e in self.experiment.expect) else (),
            seconds=recorder.seconds(),
            memory=max(held(), self.planned),
            file=recorder.run.model_path.stat().st_size,
            parameters=sum(self.assembled.model.parameters()),
        )
        self.outcomes = outcomes(
            self.experiment.expect, self.assembled.objective, found, self._compared_with()
        )
        recorder.complete(weights, [outcome.as_json() for outcome in self.outcomes])
        if not all(outcome.holds for outcome in self.outcomes):
            self.exit_code = 4
        for outcome in self.outcomes:
            watch(events.Expected(outcome.wanted, outcome.found, outcome.holds))

    def _compared_with(self) -> Record | None:
        """The record, where something is compared with it."""
        if not any(expected.needs_record for expected in self.experiment.expect):
            return None
        return Record.read(record_path(self.assembled.loaded))

    def _begin(self, recorder: Recorder, job: Job) -> Generator[Event, None, TrainingState | None]:
        """Write what the run is before its first step, or find the state that it goes on from."""
        run, state = recorder.run, None
        if self.decision.action == "resume":
            loaded = run.checkpoints.load(expected_weights(job.session.model, job.session.dtype))
            for passed in loaded.passed_over:
                yield events.Notice(f"passed over {passed.path.name}: {passed.reason}")
            run.checkpoints.set_aside(loaded)
            state = loaded.model.state if loaded.model else None
            if state is not None and loaded.path is not None:
                check_state(job, state, loaded.path)
            self.manifest = resumed_manifest(self.manifest, threads=self.threads, where=self.where)
            if self.decision.more_epochs is not None:
                yield from self._lengthen(recorder, self.decision.more_epochs, state)
            recorder.begin(self.manifest)
            if state is not None:
                yield from self._restore_logs(recorder, job, state)
        else:
            loaded_config = self.assembled.loaded
            self._write_config(run)
            self.manifest = new_manifest(
                self.experiment.name,
                seed=self.experiment.seed,
                config_sha256=config_sha256(self.experiment),
                data_sha256=self.assembled.data.data_sha256,
                data_files={name: file.config() for name, file in self.assembled.data.files.items()},
                overrides=[override.text for override in loaded_config.overrides],
                threads=self.threads,
                source=loaded_config.directory,
                where=self.where,
            )
            # Before any file of a callback's: by its manifest a directory is a run's, and can be resumed.
            recorder.begin(self.manifest)
        if state is None:
            if self.decision.action == "resume":
                with placed(self.assembled.loaded):
                    first_weights(job.session, self.initial, self.assembled.data.train, self.watch)
            if self.initial is not None:
                yield events.Notice("\n".join(self.initial.lines()))
        return state

    def _write_config(self, run: RunDirectory) -> None:
        loaded = self.assembled.loaded
        config = rewritten_text(loaded.original, loaded.overrides)
        run.write_config(config, resolved_text(loaded, run.path))

    def _restore_logs(self, recorder: Recorder, job: Job, state: TrainingState) -> Iterator[Event]:
        """Bring the files that grow with the epochs back to where they were at `state`."""
        logs = [c.filename for c in self.experiment.training.callbacks if isinstance(c, LogFile)]
        lost = recorder.go_on(state, logs)
        if METRICS in lost:
            yield events.Notice(f"{METRICS} is not what it was at the checkpoint: epochs may be missing")
        job.lost_logs = lost - {METRICS}
        if job.lost_logs:
            job.history = recorder.history()
            names = ", ".join(sorted(job.lost_logs))
            yield events.Notice(f"written anew from {METRICS}: {names}")

    def _lengthen(self, recorder: Recorder, epochs: int, state: TrainingState | None) -> Iterator[Event]:
        """Make a run that was begun for fewer epochs one of `epochs`.

        The manifest first: a process that is killed in between leaves a run that is not completed, to which
        the same command comes back. The final model stays, under the name of how far it came.
        """
        before = self.manifest.epochs
        self.manifest.weights_sha256 = None
        self.manifest.config_sha256 = config_sha256(self.experiment)
        recorder.begin(self.manifest)
        recorder.run.set_model_aside(f"after-{before}-epochs")
        self._write_config(recorder.run)
        if state is not None and "stopped" in state.scalars:
            text = "a callback had stopped it, as it would stop a longer run: nothing is left to train"
        else:
            text = f"goes on from epoch {state.epoch if state else 0} to {epochs}, to the bits of one run"
            if self.experiment.plugins:
                text += "; a plugin that looks at the number of epochs may make it another"
        yield events.Notice(text)

    def _summary(self) -> str:
        """Where the run is and what to type next."""
        status, run = self.manifest.status, shlex.quote(str(self.path))
        lines = [f"{status}: {self.path}"]
        if status == "completed":
            lines.append(f"next: nnctl eval {run}")
            lines.append(f"      nnctl predict {run} INPUT -o OUT.csv")
        elif status == "interrupted":
            loaded = self.assembled.loaded
            said = "".join(f" --set {shlex.quote(override.text)}" for override in loaded.overrides)
            allow = " --allow-plugins" if self.experiment.plugins else ""
            config = shlex.quote(str(loaded.file))
            lines.append(f"next: nnctl train {config} --run-dir {run}{said}{allow} --resume")
        elif status == "failed":
            kept = self.path is not None and RunDirectory(self.path).checkpoints.latest()
            lines.append("next: a smaller learning rate, or clipnorm")
            lines += ["      the last good checkpoint is kept"] if kept else []
        return "\n".join(lines)

    @contextmanager
    def _signals_noted(self) -> Iterator[None]:
        handlers = self._catch_signals()
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _catch_signals(self) -> Mapping[int, Any]:
        """SIGINT, SIGTERM and SIGHUP finish the step; a second SIGINT or SIGTERM ends the process at once.

        A closed terminal sends SIGHUP, and its shell sends it again; under `nohup` it stays ignored.
        """

        def note(number: int, frame: FrameType | None) -> None:
            self._signal = number
            if number != signal.SIGHUP:
                signal.signal(number, signal.SIG_DFL)

        caught = {}
        with suppress(ValueError):  # Not the main thread: whoever runs it there deals with signals.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                    caught[int(number)] = signal.signal(number, note)
        return caught


def make_job(
    assembled: Assembled,
    session: Session,
    stop: Callable[[], int | None] = lambda: None,
    ranks: Ranks = ALONE,
) -> Job:
    """The loop's job for an assembled experiment, of one process or of one of several."""
    from nnctl.runner.batches import Batches
    from nnctl.runner.sharded import Sharded
    from nnctl.runner.train import Job

    experiment, data = assembled.loaded.experiment, assembled.data
    training, batching = experiment.training, experiment.data.batching
    marked_by_callback = any(isinstance(c, ModelCheckpoint) and c.save_best_only for c in training.callbacks)
    watched = "loss" if data.validation is None else "val_loss"
    with placed(assembled.loaded):
        reader = make_reader(data.train, data, assembled.objective, training.class_weight)
        train = ahead(reader, experiment.data.mixed_within)
        validation = (
            ahead(make_reader(data.validation, data, assembled.objective, None)) if data.validation else None
        )
    return Job(
        name=experiment.name,
        session=session,
        train=train,
        validation=validation,
        validation_batch=training.validation_batch_size or experiment.data.batch_size,
        batches=Batches(
            len(train),
            experiment.data.batch_size,
            training.steps_per_epoch,
            train.buckets,
            batching.bucket_batch_sizes if batching is not None else None,
        ),
        epochs=training.epochs,
        seed=experiment.seed,
        shuffle=experiment.data.shuffle,
        callbacks=tuple(callback.beside(better(assembled.objective)) for callback in training.callbacks),
        validation_every=training.validation_frequency,
        checkpoint_every=training.checkpoint.every,
        mark_best=None if marked_by_callback else watched,
        log_names=log_names(assembled.objective, validation is not None),
        stop=stop,
        resolved_config=assembled.loaded.resolved(),
        sharded=Sharded(session, training.shards, ranks) if training.shards is not None else None,
    )


def programs_of(job: Job) -> list[Program]:
    """Every program that the run will need."""
    from nnctl.program.programs import FiniteCheckProgram, GatherProgram, TrainingProgram, UpdateProgram

    programs: list[Program] = [FiniteCheckProgram(), UpdateProgram()]
    optimizer = job.session.optimizer
    assert optimizer is not None
    if not optimizer.steps_after(0):
        programs.append(GatherProgram())
    programs += [TrainingProgram(job.train.sizes(*kind)) for kind in job.training_kinds()]
    if job.validation is not None:
        programs += evaluation_programs(job.validation, job.validation_batch)
    return programs


def prepare(job: Job) -> None:
    """Bind every program of the run, in one arena."""
    job.session.prepare(programs_of(job))

"""One workload after another: fresh workers, the same computation checked, then steps and passes in turns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import summary
from benchmarks.folder import FOLDER
from benchmarks.libraries import LIBRARIES, NNCTL, Library
from benchmarks.processes import ROOT, Busy, Worker, environment, run_whole
from benchmarks.timing import (
    AGREEMENT,
    SAME_OUTPUTS,
    Say,
    agreement,
    answers,
    in_turns,
    loss_difference,
    output_difference,
    summaries,
)
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import PASSES, Workload

STEPS = 5
"""Whose losses are compared."""
BUSY = ("mlp", "cnn", "vgg", "lstm", "transformer")
"""Measured beside a busy process, and on one thread, too."""

OF_TRAINING = ("steps", "busy", "threads", "calls")
"""The parts that train; peers have the first two."""


@dataclass(frozen=True)
class Settings:
    """How a run measures.

    Attributes:
        nnctl: A Python with nnctl.
        peers: A Python with the peers, or None.
        libraries: The peers that are asked.
        folder: Where processes leave files for each other.
        parts: What is measured of a workload: `steps`, `inference`, `busy`, `threads`, `calls`.
    """

    nnctl: str
    peers: str | None
    threads: int
    rounds: int
    seconds: float
    libraries: Sequence[str]
    folder: Path
    parts: Sequence[str]
    say: Say

    def start(self, library: Library, threads: int | None = None) -> Worker:
        """A library's worker, on so many threads or on the run's."""
        python = self.nnctl if library.name == NNCTL else self.peers
        assert python is not None
        command = [python, "-m", f"benchmarks.workers.{library.module}", *library.arguments]
        name = library.name if threads is None else f"{library.name} on {threads}"
        more = {FOLDER: str(self.folder), **library.env}
        return Worker(name, command, environment(threads or self.threads, more))

    def able(self) -> list[Library]:
        """The libraries that there are."""
        names = () if self.peers is None else self.libraries
        return [one for one in LIBRARIES if one.name == NNCTL or one.name in names]


def write_files(settings: Settings, names: Sequence[str]) -> None:
    """Have nnctl write what all processes read: configs, examples, first weights; and compile its kernels.

    Raises SystemExit: it cannot.
    """
    settings.say("first weights")
    env = environment(settings.threads, {FOLDER: str(settings.folder)})
    command = [settings.nnctl, "-m", "benchmarks.workers.nnctl_files", *names]
    if run_whole(command, env, ROOT).code:
        raise SystemExit("the first weights could not be written: " + " ".join(command))
    if settings.peers is not None and "inference" in settings.parts:
        settings.say("ONNX files")
        run_whole([settings.peers, "-m", "benchmarks.workers.onnx_export", *names], env, ROOT)
    for name in names:
        settings.say(f"  {name}: kernels")
        run_whole([settings.nnctl, "-m", "nnctl", "warm", str(settings.folder / f"{name}.yaml")], env, ROOT)


def workload(settings: Settings, name: str, busy: Busy) -> dict[str, Any]:
    """Everything that is measured of one workload. Raises RuntimeError: it cannot be."""
    what = WORKLOADS[name]
    found: dict[str, Any] = {"title": what.title, "batch": what.batch, **_flops(settings, name)}
    left_out = {one.name: why for one in settings.able() if (why := _why_not(one, what, settings.parts))}
    workers = [settings.start(one) for one in settings.able() if one.name not in left_out]
    try:
        found["versions"] = answers(workers, left_out, do="about")
        workers = [worker for worker in workers if worker.name not in left_out]
        if "steps" in settings.parts or "busy" in settings.parts:
            found |= _training(settings, what, workers, busy)
        if "inference" in settings.parts:
            found["inference"] = {str(batch): _inference(settings, what, workers, batch) for batch in PASSES}
        if "threads" in settings.parts and name in BUSY:
            found["threads"] = _on_one_thread(settings, what, workers[0])
        if "calls" in settings.parts:
            settings.say(f"  {name}: calls")
            found["calls"] = workers[0].ask(do="calls", job=name)
    finally:
        for worker in workers:
            worker.close()
    unmeasured = {name: why for name, why in left_out.items() if "could not be started" in why}
    found["left_out"] = {**found.get("left_out", {}), **unmeasured}
    return found


def _why_not(library: Library, what: Workload, parts: Sequence[str]) -> str | None:
    """Why a library has nothing to do in a workload, or None."""
    training = OF_TRAINING if library.name == NNCTL else OF_TRAINING[:2]
    trains = library.trains(what) if {*training} & {*parts} else "is not asked to train"
    asks = library.asks(what) if "inference" in parts else "is not asked"
    return trains if trains and asks else None


def _flops(settings: Settings, name: str) -> dict[str, Any]:
    """What `nnctl plan` counts: of a step, of a forward pass of one example, and the memory planned.

    Raises RuntimeError: it fails.
    """
    command = [settings.nnctl, "-m", "nnctl", "plan", str(settings.folder / f"{name}.yaml"), "--json"]
    made = run_whole(command, environment(settings.threads), ROOT)
    if made.code:
        raise RuntimeError(f"nnctl plan ends with {made.code}")
    planned = json.loads(made.output)
    return {
        "flops": planned["flops"],
        "flops_forward": sum(layer["flops"] for layer in planned["layers"]),
        "planned_megabytes": round(planned["memory"]["total"] / 1e6, 1),
    }


def _can(workers: Sequence[Worker], ability: str, what: Workload) -> list[Worker]:
    able = {one.name for one in LIBRARIES if getattr(one, ability)(what) is None}
    return [worker for worker in workers if worker.name in able]


def _training(settings: Settings, what: Workload, workers: Sequence[Worker], busy: Busy) -> dict[str, Any]:
    """Losses compared, then training steps in turns, and the most memory that each process has held."""
    left_out: dict[str, str] = {}
    able = _can(workers, "trains", what)
    settings.say(f"  {what.name}: losses")
    said = answers(able, left_out, do="losses", job=what.name, steps=STEPS)
    found: dict[str, Any] = {"losses": said, "left_out": left_out}
    found |= agreement(said, NNCTL, loss_difference, AGREEMENT)
    able = _agreeing(able, found, left_out)
    if not found["agree"]:
        return found
    request = {"do": "burst", "job": what.name, "seconds": settings.seconds}
    timed = in_turns(able, settings.rounds, settings.say, left_out, **request)
    found["steps"] = summaries(timed, NNCTL)
    for row, one in zip(found["steps"], timed, strict=False):
        row["megabytes"] = round(one.worker.ask(do="memory"), 1)
    if what.drops:
        found["notes"] = {one.name: one.note for one in LIBRARIES if one.note and one.trains(what) is None}
    if "busy" in settings.parts and what.name in BUSY:
        found["busy"] = _beside_busy(settings, [one.worker for one in timed], request, busy)
    return found


def _agreeing(
    workers: Sequence[Worker], compared: Mapping[str, Any], left_out: dict[str, str]
) -> list[Worker]:
    """The workers that compute what nnctl does; the others are left out."""
    for name, value in compared["differences"].items():
        if name not in compared["agreeing"]:
            left_out[name] = f"{name} computes something else: {value:.1e} apart"
    return [worker for worker in workers if worker.name not in left_out]


def _inference(settings: Settings, what: Workload, workers: Sequence[Worker], batch: int) -> dict[str, Any]:
    """Outputs compared, then passes forward in turns."""
    left_out: dict[str, str] = {}
    able = _can(workers, "asks", what)
    settings.say(f"  {what.name}: outputs of {batch}")
    said = answers(able, left_out, do="outputs", job=what.name, batch=batch)
    found: dict[str, Any] = {"left_out": left_out}
    found |= agreement(said, NNCTL, output_difference, SAME_OUTPUTS)
    able = _agreeing(able, found, left_out)
    if not found["agree"]:
        return found
    request = {"do": "passes", "job": what.name, "batch": batch, "seconds": settings.seconds}
    timed = in_turns(able, settings.rounds, settings.say, left_out, **request)
    found["steps"] = summaries(timed, NNCTL)
    return found


def _on_one_thread(settings: Settings, what: Workload, mine: Worker) -> dict[str, float]:
    """nnctl's steps on one thread and on all, in turns, and how many times as fast these are."""
    alone, failed = settings.start(LIBRARIES[0], threads=1), dict[str, str]()
    try:
        request = {"do": "burst", "job": what.name, "seconds": settings.seconds}
        timed = in_turns([mine, alone], settings.rounds, settings.say, failed, **request)
    finally:
        alone.close()
    if failed:
        raise RuntimeError("; ".join(failed.values()))
    all_threads, one = summaries(timed, NNCTL)
    return {"ms": all_threads["ms"], "ms_one": one["ms"], "ratio": one["ratio"]}


def _beside_busy(
    settings: Settings, workers: Sequence[Worker], request: Mapping[str, Any], busy: Busy
) -> list[dict[str, Any]]:
    """The steps without and beside a process that keeps one core busy, in turns."""
    rows: dict[str, dict[str, list[float]]] = {w.name: {"alone": [], "busy": []} for w in workers}
    for turn in range(max(2, settings.rounds // 3)):
        settings.say(f"  {request['job']} beside a busy process: round {turn + 1}")
        for state in ("alone", "busy"):
            with busy.running() if state == "busy" else nullcontext():
                for worker in workers:
                    rows[worker.name][state] += worker.ask(**request)
    return summary.slowdowns(rows)


def product(settings: Settings) -> dict[str, Any]:
    """The large matrix product in turns."""
    left_out: dict[str, str] = {}
    workers = [settings.start(one) for one in settings.able() if one.multiplies]
    try:
        request = {"do": "burst", "job": "product", "seconds": settings.seconds}
        timed = in_turns(workers, settings.rounds, settings.say, left_out, **request)
        return {"steps": summaries(timed, NNCTL), "left_out": left_out}
    finally:
        for worker in workers:
            worker.close()

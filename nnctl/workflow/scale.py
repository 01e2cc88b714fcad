"""`plan --ranks`: what a step would take in many processes, from what one does and what it would send."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from nnctl.core import events
from nnctl.core.errors import ConfigError, NnctlError, Problem, RunError
from nnctl.core.records import record
from nnctl.core.threads import thread_count, usable_cores
from nnctl.ranks.imagined import ImaginedRanks, Network
from nnctl.spec.load import load
from nnctl.workflow.assemble import assemble
from nnctl.workflow.placed import placed
from nnctl.workflow.processes import Lost, each_alone, ended_by_sigterm
from nnctl.workflow.together import SHARDS, refuse_idle, with_shards

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

_STEPS = 12
"""Steps that are timed; the first ones of a process, which are slower, are not."""
_UNTIMED = 3
_UNITS = {"b": 1 / 8, "B": 1.0}
_POWERS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


@record
class Scale:
    """A training in so many processes.

    Attributes:
        shards: How many of a batch the one with the most computes.
        compute: Seconds of a step that a process computes, measured here.
        communicate: Seconds that it waits for others, predicted.
        sent: Bytes that it sends in a step.
        memory: Bytes that it holds.
        steps: Steps of an epoch.
    """

    ranks: int
    shards: int
    compute: float
    communicate: float
    sent: int
    memory: int
    steps: int

    @property
    def step(self) -> float:
        """Seconds of a step."""
        return self.compute + self.communicate

    @property
    def share(self) -> float:
        """The part of a step that is waited for others."""
        return self.communicate / self.step

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "ranks": self.ranks,
            "shards": self.shards,
            "step_seconds": self.step,
            "compute_seconds": self.compute,
            "communicate_seconds": self.communicate,
            "communicate_share": self.share,
            "sent_bytes": self.sent,
            "memory_bytes": self.memory,
            "epoch_seconds": self.step * self.steps,
        }


@record
class _Task:
    """What a process measures, beside others that measure the same."""

    config: Path
    overrides: Sequence[str]
    seed: int | None
    allow_plugins: bool
    threads: int
    ranks: int
    network: Network
    barrier: Barrier


def scales(
    config: Path,
    ranks: int,
    *,
    bandwidth: str,
    latency: str,
    beside: int | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    threads: int | None = None,
    allow_plugins: bool = False,
) -> list[Scale]:
    """What 1, 2, 4, ... up to `ranks` processes would take for a step.

    As many processes as would share a machine compute here at once, each its part of a few batches: caches,
    memory and cores are shared as they would be.

    Args:
        bandwidth, latency: Of the network between processes, with units: 10Gb, 50us.
        beside: How many processes share a machine; default: as many as its cores have room for.

    Raises:
        ConfigError: an argument or the config is wrong.
    """
    network = Network(_bandwidth(bandwidth), _latency(latency))
    imagined = ImaginedRanks(ranks, ranks, network)
    overrides = with_shards(config, overrides, imagined, max(SHARDS, ranks))
    loaded = load(config, overrides)
    with placed(loaded):
        refuse_idle(loaded.experiment, ranks)
    count = thread_count(threads) if threads is not None else 1
    together = beside or max(1, usable_cores() // count)
    found = []
    with ended_by_sigterm():
        for size in _sizes(ranks):
            task = _Task(
                config,
                overrides,
                seed,
                allow_plugins,
                count,
                size,
                network,
                get_context("spawn").Barrier(min(size, together)),
            )
            found.append(_measured(task, min(size, together)))
    return found


def _sizes(ranks: int) -> list[int]:
    powers = [1 << n for n in range(ranks.bit_length()) if 1 << n < ranks]
    return [*powers, ranks]


def _measured(task: _Task, together: int) -> Scale:
    """The slowest of so many processes."""
    results = [result for _, result in each_alone(measure, [task] * together, together)]
    for result in results:
        if isinstance(result, NnctlError):
            raise result
    scales = [result for result in results if isinstance(result, Scale)]
    lost = next((result for result in results if isinstance(result, Lost)), None)
    if lost is not None:
        raise RunError(f"a process that was to be timed is gone: {lost.words()}")
    return max(scales, key=lambda scale: scale.step)


def measure(task: _Task) -> Scale | NnctlError:
    """Some steps of one of the processes, without the others; what is wrong is an error of all of them."""
    from nnctl.runner.train import train
    from nnctl.workflow.kernels import ready_kernels
    from nnctl.workflow.planned import planned_memory
    from nnctl.workflow.train import first_weights, make_job, programs_of

    try:
        assembled = assemble(
            task.config, overrides=task.overrides, seed=task.seed, allow_plugins=task.allow_plugins
        )
        experiment = assembled.loaded.experiment
        ranks = ImaginedRanks(task.ranks, experiment.training.shards or 1, task.network)
        session = assembled.session(task.threads)
        job = make_job(assembled, session, ranks=ranks)
        with placed(assembled.loaded):
            programs = programs_of(job)
            session.prepare(programs)
            first_weights(session, None, assembled.data.train)
    except NnctlError as error:
        task.barrier.abort()
        return error
    ready_kernels(session)
    assert job.sharded is not None
    arena = max(session.compiled(program).plan.size for program in programs)
    memory = planned_memory(job, arena, assembled.data.nbytes).total
    shards = len(job.sharded.own)
    job = replace(job, callbacks=(), validation=None, checkpoint_every="epoch", epochs=1 << 20)
    steps = (event for event in train(job) if isinstance(event, events.StepEnded))
    task.barrier.wait()
    seconds, waits, sent = [], [], []
    for event in islice(steps, _UNTIMED + _STEPS):
        seconds.append(event.seconds)
        waits.append(ranks.seconds)
        sent.append(ranks.sent)
        ranks.seconds, ranks.sent = 0.0, 0
    timed = slice(_UNTIMED, None)
    return Scale(
        task.ranks,
        shards,
        median(seconds[timed]),
        median(waits[timed]),
        int(median(sent[timed])),
        memory,
        job.batches.steps,
    )


def _bandwidth(text: str) -> float:
    """Bytes a second of `10Gb` (bits) or `1.25GB` (bytes)."""
    match = re.fullmatch(r"([0-9.]+) ?([kKMGT]?)([bB])(?:it)?(?:/s|ps)?", text.strip())
    value = _number(match.group(1)) if match else None
    if match is None or value is None:
        message = f"--bandwidth takes a number and a unit, not '{text}'"
        raise ConfigError(Problem(message, expected="10Gb (bits a second) or 1.25GB (bytes)"))
    return value * _POWERS[match.group(2)] * _UNITS[match.group(3)]


def _latency(text: str) -> float:
    match = re.fullmatch(r"([0-9.]+) ?(s|ms|us|ns)", text.strip())
    value = _number(match.group(1)) if match else None
    if match is None or value is None:
        raise ConfigError(
            Problem(f"--latency takes a number and a unit, not '{text}'", expected="50us or 0.1ms")
        )
    return value * _SECONDS[match.group(2)]


def _number(text: str) -> float | None:
    try:
        return float(text) or None
    except ValueError:
        return None

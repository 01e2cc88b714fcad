"""`warm`: kernels compiled into the cache ahead of time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nnctl.core.errors import StorageError
from nnctl.core.events import Event, Notice
from nnctl.core.threads import thread_count
from nnctl.program.programs import EvaluationProgram, PredictionProgram
from nnctl.workflow.assemble import assemble
from nnctl.workflow.final import final_programs
from nnctl.workflow.init import TEMPLATES, template_path
from nnctl.workflow.kernels import cache_faults, ready_kernels
from nnctl.workflow.train import make_job, programs_of


def warm(
    config: Path | None = None,
    *,
    threads: int | None = None,
    allow_plugins: bool = False,
    watch: Callable[[Event], None] | None = None,
) -> dict[str, Any]:
    """Compile what a config needs to train, evaluate and predict; without one, what every template needs.

    Raises:
        ConfigError: the config is wrong.
        StorageError: what was compiled cannot be kept.
    """
    count = thread_count(threads)

    def told(event: Event) -> None:
        # What is wrong with the cache is no notice here: it is the command's error.
        if watch is not None and not isinstance(event, Notice):
            watch(event)

    configs = [config] if config is not None else [template_path(name) for name in TEMPLATES]
    kernels: set[str] = set()
    compiled = 0
    for path in configs:
        assembled = assemble(path, allow_plugins=allow_plugins)
        session = assembled.session(count)
        job = make_job(assembled, session)
        sizes = job.train.sizes(job.batches.size)
        session.prepare(
            [
                *programs_of(job),
                *final_programs(assembled),
                EvaluationProgram(sizes),
                PredictionProgram(sizes),
            ]
        )
        session.initialize()
        compiled += ready_kernels(session, told)
        kernels |= session.kernel_names()
    if faults := cache_faults():
        raise StorageError(faults[0])
    return {"kernels": len(kernels), "compiled": compiled, **place()}


def place() -> dict[str, Any]:
    """Where kernels are kept, and the key of those that this machine and this nnctl would take from there."""
    from nnctl.kernels.cache import folder, key

    root = folder().root
    return {"folder": str(root) if root is not None else None, "key": key()}

"""A run about to be trained again from what it recorded, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nnctl.core.errors import RunError
from nnctl.core.events import Event
from nnctl.core.threads import thread_count
from nnctl.runs.directory import RESOLVED, RunDirectory
from nnctl.spec.yaml.document import parse_document
from nnctl.spec.yaml.reading import decode
from nnctl.workflow.assemble import assemble_loaded, load_experiment
from nnctl.workflow.initial import initial_weights
from nnctl.workflow.kernels import ready_kernels
from nnctl.workflow.own_data import own_data
from nnctl.workflow.placed import placed
from nnctl.workflow.train import first_weights, make_job, prepare

if TYPE_CHECKING:
    from nnctl.runner.train import Job

WAY_OUT = "it needs what the run was trained on; --data PATH says where that is now (a file or a directory)"


def train_again(
    run: RunDirectory,
    *,
    data: Path | None = None,
    threads: int | None = None,
    allow_plugins: bool = False,
    watch: Callable[[Event], None] = lambda event: None,
) -> Job:
    """The run's job, its kernels ready and its weights as they were before its first step.

    Args:
        data: Where the training data is now, if not where the run says.

    Raises:
        RunError: the run's config is not one that nnctl wrote.
        DataError: the data is not what the run was trained on; says what changed.
    """
    manifest = run.manifest()
    _stands_alone(run)
    loaded = load_experiment(run.path / RESOLVED, allow_plugins=allow_plugins)
    experiment = loaded.experiment
    with placed(loaded):
        section = own_data(
            experiment.data, loaded.directory, manifest.files(), manifest.data_sha256, data, WAY_OUT
        )
    assembled = assemble_loaded(
        replace(loaded, experiment=experiment.model_copy(update={"data": section, "expect": ()}))
    )
    session = assembled.session(thread_count(threads))
    initial = initial_weights(assembled.loaded, assembled.model)
    job = make_job(assembled, session)
    prepare(job)
    first_weights(session, initial, assembled.data.train, watch)
    ready_kernels(session, watch)
    return job


def _stands_alone(run: RunDirectory) -> None:
    """Refuse a `resolved.yaml` that nnctl did not write: an error in a file that it names quotes it.

    Raises:
        RunError: it is a link, or takes its model from another file.
    """
    config = parse_document(decode(run.resolved().encode(), str(run.path / RESOLVED))).data
    model = config.get("model")
    if isinstance(model, dict) and model.get("path") is not None:
        raise RunError(
            f"{run.path / RESOLVED} takes its model from another file, which no run's own config does"
        )

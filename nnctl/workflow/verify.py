"""`verify`: a run trained again from what it recorded; its bits compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from nnctl.core import events
from nnctl.core.errors import RunError
from nnctl.core.events import Event
from nnctl.core.records import record
from nnctl.core.threads import thread_count
from nnctl.runs.directory import RESOLVED, RunDirectory
from nnctl.runs.find import find
from nnctl.runs.state import weights_sha256
from nnctl.spec.yaml.document import parse_document
from nnctl.spec.yaml.reading import decode
from nnctl.workflow.assemble import assemble_loaded, load_experiment
from nnctl.workflow.initial import initial_weights
from nnctl.workflow.kernels import ready_kernels
from nnctl.workflow.own_data import own_data
from nnctl.workflow.placed import placed
from nnctl.workflow.train import first_weights, make_job, prepare

WAY_OUT = (
    "`verify` needs what the run was trained on; --data PATH says where that is now (a file or a directory)"
)


@record
class Verified:
    """What `verify` found."""

    run: str
    recorded: str
    found: str
    holds: bool
    message: str

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "run": self.run,
            "holds": self.holds,
            "recorded": self.recorded,
            "found": self.found,
            "message": self.message,
        }


def verify(
    run: str,
    *,
    data: Path | None = None,
    threads: int | None = None,
    allow_plugins: bool = False,
    watch: Callable[[Event], None] = lambda event: None,
) -> Verified:
    """Train the run again, without a directory, and compare `weights_sha256`.

    Args:
        data: Where the training data is now, if not where the run says.

    Raises:
        RunError: RUN is no completed run.
        DataError: the data is not what the run was trained on; says what changed.
    """
    found = find(run)
    if found.run is None:
        raise RunError(f"{run} is a single file; `verify` needs the run directory around it")
    directory = found.run
    manifest = directory.manifest()
    if manifest.weights_sha256 is None:
        raise RunError(
            f"{directory.name} is {directory.status()}, not completed: there is nothing to compare with"
        )
    recorded = manifest.weights_sha256
    _stands_alone(directory)
    loaded = load_experiment(directory.path / RESOLVED, allow_plugins=allow_plugins)
    experiment = loaded.experiment
    with placed(loaded):
        section = own_data(
            experiment.data, loaded.directory, manifest.files(), manifest.data_sha256, data, WAY_OUT
        )
    assembled = assemble_loaded(replace(loaded, experiment=experiment.model_copy(update={"data": section})))
    session = assembled.session(thread_count(threads))
    initial = initial_weights(assembled.loaded, assembled.model)
    job = make_job(assembled, session)
    prepare(job)
    first_weights(session, initial, assembled.data.train, watch)
    ready_kernels(session, watch)
    from nnctl.kernels.threads import spread
    from nnctl.runner.train import train

    with spread():
        for event in train(job):
            if not isinstance(event, events.CheckpointDue):
                watch(event)
    again = weights_sha256(session.weights.arrays)
    holds = again == recorded
    word = "holds" if holds else f"does not hold: recorded {recorded}, found"
    return Verified(directory.name, recorded, again, holds, f"{directory.name}: {word} {again}")


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

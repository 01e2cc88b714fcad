"""`eval`: loss and metrics of a run over a split or a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from nnctl.core.errors import NnctlError
from nnctl.core.events import Event, Notice
from nnctl.core.records import record
from nnctl.data.feeding.from_file import read_examples
from nnctl.data.table import Table
from nnctl.graph.indices import check_indices
from nnctl.graph.lengths import check_file_lengths, check_steps_of_targets
from nnctl.graph.targets import check_labels
from nnctl.workflow.batch_reader import BatchReader
from nnctl.workflow.kernels import ready_kernels
from nnctl.workflow.scored import Scored, score
from nnctl.workflow.stored import StoredModel, open_stored


@record
class Evaluation:
    """What `eval` found."""

    run: str
    split: str
    scored: Scored

    @property
    def examples(self) -> int:
        """How many there were."""
        return self.scored.examples

    @property
    def metrics(self) -> Mapping[str, float]:
        """Loss and metrics, as the logs call them."""
        return self.scored.metrics

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {"run": self.run, "split": self.split, **self.scored.as_json()}


def evaluate(
    run: str,
    *,
    split: Literal["train", "validation", "test"] | None = None,
    data: Path | Table | None = None,
    threads: int | None = None,
    allow_plugins: bool = False,
    watch: Callable[[Event], None] | None = None,
) -> Evaluation:
    """Evaluate a run or checkpoint; by default over its test split.

    Args:
        data: A file or table to evaluate whole; with `split`, where the run's own data is now.

    Raises:
        RunError: RUN cannot be used.
        ConfigError: there is no such split.
        DataError: the data cannot be used, or is not what the run was trained on.
    """
    from nnctl.kernels.threads import spread
    from nnctl.program import programs

    stored = open_stored(run, allow_plugins=allow_plugins)
    if isinstance(data, Table) or (data is not None and split is None):
        examples = read_examples(data, stored.preprocessing, stored.loaded.experiment.dtype)
    else:
        examples = stored.split(split or "test", data)
    check_labels(stored.objective, examples)
    check_indices(stored.model, examples)
    check_file_lengths(stored.model, examples, stored.objective)
    check_steps_of_targets(stored.model, stored.objective, examples)
    session, batch = stored.session(threads), stored.loaded.experiment.data.batch_size
    session.prepare([programs.EvaluationProgram(BatchReader(examples).sizes(min(batch, len(examples))))])
    ready_kernels(session, watch)
    with spread():
        scored = score(session, stored.objective, stored.preprocessing, examples, batch)
    if data is None or split is not None:
        _keep(stored, split or "test", scored, watch)
    what = data.origin.file if isinstance(data, Table) else split or str(data or "test")
    return Evaluation(stored.found.name, what, scored)


def _keep(stored: StoredModel, split: str, scored: Scored, watch: Callable[[Event], None] | None) -> None:
    """Write the scores of a run's own final model beside it, where that can be done.

    A run that another process holds, or that lies where nothing can be written, is evaluated all the same.
    """
    run, digest = stored.found.run, stored.file.weights_sha256
    if run is None or run.manifest().weights_sha256 != digest:
        return
    try:
        with run.lock:
            run.write_scores(run.scores(digest).with_split(split, scored.as_json()))
    except NnctlError as error:
        if watch is not None:
            watch(Notice(f"not kept in the run: {error}"))

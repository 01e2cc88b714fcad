"""The best trial's config as a file beside the runs, with its comments, ready to train."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnctl.core.errors import NnctlError
from nnctl.core.leaves import flatten
from nnctl.spec.language.experiment import trained
from nnctl.spec.load import LoadedExperiment, load
from nnctl.spec.output.resolved import resolved_text
from nnctl.spec.output.rewrite import rewritten_text
from nnctl.spec.yaml.emit import flow
from nnctl.storage.disk import DISK, commit
from nnctl.workflow.sweep.settings import overrides as written

BEST = "best.yaml"


def write_best(
    output: Path,
    loaded: LoadedExperiment,
    config: Path,
    overrides: Sequence[str],
    seed: int | None,
    settings: Mapping[str, Any],
) -> Path:
    """Write the config with the settings in it; its paths lead from `output` to the same files.

    Raises:
        StorageError: it cannot be written.
    """
    best = load(config, [*overrides, *written(settings)], seed)
    here, there = (os.path.abspath(loaded.directory), os.path.abspath(output.parent))
    before, after = dict(flatten(best.experiment.config())), best.experiment.config((here, there))
    moved = [f"{p}={flow(v)}" for p, v in flatten(after) if before.get(p) != v and p != "record"]
    named = [] if best.document.written(("name",)) else [f"name={flow(best.experiment.name)}"]
    try:
        all_in = load(config, [*overrides, *written(settings), *moved, *named], seed)
        text = rewritten_text(all_in.original, all_in.overrides)
        commit(DISK, output, [text.encode()])
        if trained(load(output).experiment.config()) == trained(after):
            return output
    except NnctlError:
        pass
    commit(DISK, output, [resolved_text(best, output.parent).encode()])
    return output

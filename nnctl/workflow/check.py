"""`check`: everything that can be known to be wrong without training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnctl.core.errors import NnctlError, Problem
from nnctl.core.records import record
from nnctl.core.threads import thread_count
from nnctl.data.head import Head
from nnctl.graph.model import LayerGraph
from nnctl.spec.load import LoadedExperiment
from nnctl.workflow.adapted import check_adapting
from nnctl.workflow.assemble import Looked, assemble_loaded, load_experiment, look, need_memory_for
from nnctl.workflow.callbacks import log_names
from nnctl.workflow.dry_run import dry_run
from nnctl.workflow.initial import Initial, initial_weights
from nnctl.workflow.placed import placed, refuse_warnings
from nnctl.workflow.sweep.settings import check_ranges


def check(
    config: Path,
    *,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    allow_plugins: bool = False,
    strict: bool = False,
) -> Checked:
    """Check a config; a summary of what it would train, and its warnings.

    Raises:
        ConfigError: everything that is wrong, placed in the file; with `strict`, warnings as well.
        DataError: the data cannot be used.
    """
    loaded = load_experiment(config, overrides, seed, allow_plugins)
    looked = look(loaded)
    initial: Initial | None = None
    if looked.model is not None:
        initial = initial_weights(loaded, looked.model)
        need_memory_for(loaded, looked.model)
        with placed(loaded):
            inputs = {name: found.shape for name, found in looked.head.inputs.items()}
            dry_run(loaded.experiment, looked.model, looked.objective, inputs)
            if looked.head.exact:
                known = initial.weights if initial is not None else ()
                check_adapting(looked.model, looked.head.data.train, known)
        _check_memory(loaded, looked)
    if loaded.experiment.sweep is not None:
        check_ranges(config, overrides, loaded, log_names(looked.objective, _validated(loaded)))
    if strict:
        refuse_warnings(looked.warnings)
    summary = _summary(loaded, looked.head, looked.model)
    if initial is not None:
        summary["initial_weights"] = initial.as_json()
        summary["notes"] = [*summary["notes"], *initial.lines()]
    return Checked(summary, looked.warnings)


def _validated(loaded: LoadedExperiment) -> bool:
    """Whether there is a validation split."""
    data = loaded.experiment.data
    return data.validation is not None or (
        data.split is not None and bool(data.split.validation or data.split.by)
    )


def check_all(configs: Sequence[Path], **how: Any) -> list[Checked | NnctlError]:
    """Check several configs, each by itself: what `check` gives or raises."""
    found: list[Checked | NnctlError] = []
    for config in configs:
        try:
            found.append(check(config, **how))
        except NnctlError as error:
            found.append(error)
    return found


def _check_memory(loaded: LoadedExperiment, looked: Looked) -> None:
    """Hold what is expected of the memory against the plan, where all rows are known.

    Raises:
        ConfigError: more is planned than may be used.
    """
    bounds = [(i, e.memory_at_most) for i, e in enumerate(loaded.experiment.expect) if e.memory_at_most]
    if not bounds or not looked.head.exact:
        return
    from nnctl.workflow.plan import plan_assembled

    planned = plan_assembled(assemble_loaded(loaded), thread_count(None)).memory.total
    problems = [
        Problem(f"{planned:,} bytes are planned", ("expect", i, "memory_at_most"), f"at most {bound:,} bytes")
        for i, bound in bounds
        if planned > bound
    ]
    if problems:
        raise loaded.fail(problems)


@record
class Checked:
    """A config that has no errors: what it would train, and what is surely a mistake in it."""

    summary: dict[str, Any]
    warnings: tuple[Problem, ...]

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {**self.summary, "problems": [warning.as_json() for warning in self.warnings]}


def _summary(loaded: LoadedExperiment, look: Head, model: LayerGraph | None) -> dict[str, Any]:
    sizes = ", ".join(f"{count} {name}" for name, count in look.sizes.items())
    rows = f"{look.rows} rows" if look.rows is not None else "rows not counted"
    parameters = sum(model.parameters()) if model else None
    shown = f"{parameters:,} parameters" if parameters is not None else "parameters depend on rows not read"
    return {
        "config": str(loaded.file),
        "valid": True,
        "name": loaded.experiment.name,
        "parameters": parameters,
        "rows": look.rows,
        "sizes": look.sizes,
        "inputs": {n: list(s.shape) for n, s in look.inputs.items()},
        "targets": {n: list(s.shape) for n, s in look.targets.items()},
        "patterns": look.patterns,
        "notes": list(look.notes),
        "exact": look.exact,
        "summary": f"ok: {shown}, {sizes or rows}{'' if look.exact else _UNREAD}",
    }


_UNREAD = "; of a large file the first rows were read, what only the others show is said by train"

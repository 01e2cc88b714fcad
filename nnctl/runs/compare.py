"""`nnctl runs`: listing, showing and comparing, as data for `report` to print."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nnctl.core.errors import RunError, nearest
from nnctl.core.leaves import flatten
from nnctl.core.records import record
from nnctl.core.visible import listed
from nnctl.runs.directory import RESOLVED, RunDirectory
from nnctl.runs.find import all_runs
from nnctl.runs.manifest import Manifest, Status
from nnctl.spec.language.experiment import Experiment, trained
from nnctl.spec.yaml.document import parse_document
from nnctl.spec.yaml.reading import decode


@record
class Summary:
    """One line of `nnctl runs`. `manifest` is None where it cannot be read; `problem` says why."""

    name: str
    path: Path
    status: Status | None
    manifest: Manifest | None
    metrics: Mapping[str, float | None]
    problem: str | None = None


@record
class ShownRun:
    """All of one run."""

    summary: Summary
    config: str
    resolved: str
    metrics: Sequence[Mapping[str, Any]]
    checkpoints: Sequence[Mapping[str, Any]]


@record
class Comparison:
    """Runs side by side: only what differs in their configs, and all of their numbers.

    `config`, `data` (the hash of each file that differs) and `metrics` have a row per name; a row has one
    value per run, None where a run has none.
    """

    runs: tuple[str, ...]
    config: Mapping[str, tuple[Any, ...]]
    data: Mapping[str, tuple[str | None, ...]]
    metrics: Mapping[str, tuple[float | None, ...]]
    seconds: tuple[float | None, ...]
    weights_sha256: tuple[str | None, ...]


def summarize(run: RunDirectory) -> Summary:
    """One run's line; a run that cannot be read has a line too."""
    try:
        manifest, status = run.manifest(), run.status()
        rows = run.metrics() if status != "completed" else []
    except RunError as error:
        return Summary(run.name, run.path, None, None, {}, str(error))
    if status == "interrupted" and manifest.status == "running":
        manifest.reason = "its process ended without a word: killed, or without power or disk"
    metrics = manifest.metrics
    if rows:
        metrics = {k: v for k, v in rows[-1].items() if k not in ("epoch", "step", "seconds")}
        manifest.epochs, manifest.steps = len(rows), int(rows[-1].get("step", manifest.steps))
    return Summary(run.name, run.path, status, manifest, metrics)


def list_runs(
    root: Path = Path("runs"),
    *,
    sort: str | None = None,
    reverse: bool = False,
    name: str | None = None,
    status: str | None = None,
) -> list[Summary]:
    """Runs under `root`, by name and number, or in the order of what `sort` names.

    Args:
        sort: `started`, `epochs`, `steps`, `time`, or a metric; runs without it come last.
        reverse: The largest first.
        name: Only runs whose name matches this pattern (`iris/*`, `iris*`).
        status: Only runs of this status.

    Raises:
        RunError: No run has what `sort` names.
    """
    found = [summarize(run) for run in all_runs(root)]
    found = [s for s in found if name is None or fnmatchcase(s.name, name) or _named(s, name)]
    found = [s for s in found if status is None or (s.status or "unreadable") == status]
    if sort is None or sort == "name":
        return found[::-1] if reverse else found
    keys = {id(s): _key(s, sort) for s in found}
    if found and all(key is None for key in keys.values()):
        known = ["name", *_KEYS, *dict.fromkeys(m for s in found for m in s.metrics)]
        near = nearest(sort, known)
        raise RunError(
            f"no run has '{sort}' to sort by; {f'did you mean {near!r}?' if near else listed(known)}"
        )
    having = sorted((s for s in found if keys[id(s)] is not None), key=lambda s: keys[id(s)], reverse=reverse)
    return having + [s for s in found if keys[id(s)] is None]


_KEYS = {"started": "started", "epochs": "epochs", "steps": "steps", "time": "wall_seconds"}
"""What runs can be sorted by besides their metrics, and the manifest's field for it."""


def _named(run: Summary, name: str) -> bool:
    """Whether `name` is the run's without its number."""
    return run.name.rpartition("/")[0] == name


def _key(run: Summary, sort: str) -> Any:
    if sort in _KEYS:
        return getattr(run.manifest, _KEYS[sort], None)
    value = run.metrics.get(sort)
    return None if value is None or value != value else value


def show_run(run: RunDirectory) -> ShownRun:
    """All of one run, its checkpoints newest first, then those that have names (and no step in them).

    Raises:
        RunError: A file of it cannot be read.
    """
    run.manifest()
    store = run.checkpoints
    best = store.best()
    checkpoints = [
        {"file": c.path.name, "step": c.step, "best": c == best, "bytes": size}
        for c in store.checkpoints()
        if (size := _size(c.path)) is not None
    ] + [
        {"file": str(p.relative_to(store.directory)), "step": None, "best": False, "bytes": _size(p)}
        for p in store.named()
    ]
    return ShownRun(summarize(run), run.config(), run.resolved(), run.metrics(), checkpoints)


def compare_runs(runs: Sequence[RunDirectory]) -> Comparison:
    """Config differences and metrics, side by side. Raises RunError where a run cannot be read."""
    for run in runs:
        run.manifest()
    configs = [dict(flatten(resolved_config(run))) for run in runs]
    summaries = [summarize(run) for run in runs]
    paths = list(dict.fromkeys(path for config in configs for path in config))
    rows = {path: tuple(config.get(path) for config in configs) for path in paths}
    manifests = [s.manifest for s in summaries]
    files = [{f["path"]: f["sha256"] for f in m.data_files.values()} if m else {} for m in manifests]
    contents = {
        path: tuple(own.get(path) for own in files) for path in dict.fromkeys(p for own in files for p in own)
    }
    names = list(dict.fromkeys(name for s in summaries for name in s.metrics))
    return Comparison(
        runs=tuple(run.name for run in runs),
        config=_differing(rows),
        data=_differing(contents),
        metrics={name: tuple(s.metrics.get(name) for s in summaries) for name in names},
        seconds=tuple(m.wall_seconds if m else None for m in manifests),
        weights_sha256=tuple(m.weights_sha256 if m else None for m in manifests),
    )


def _differing(rows: Mapping[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    return {name: row for name, row in rows.items() if any(value != row[0] for value in row)}


def resolved_config(run: RunDirectory) -> dict[str, Any]:
    """What a run was trained from, every default written out; paths lead from where nnctl runs.

    A config that this nnctl cannot check (another version's, a plugin's) is taken as it stands.
    """
    place = run.path / RESOLVED
    document = parse_document(decode(run.resolved().encode(), str(place)))
    data: dict[str, Any] = document.data
    with suppress(ValidationError):
        directories = (os.path.abspath(run.path), os.getcwd())
        data = Experiment.model_validate(data).config(directories)
    return trained(data)


def _size(path: Path) -> int | None:
    """A file's bytes; None where it is gone, as a run that is training removes checkpoints."""
    try:
        return path.lstat().st_size
    except OSError:
        return None

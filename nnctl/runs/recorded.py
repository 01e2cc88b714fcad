"""What two runs have written down about themselves, compared: causes first, then numbers and weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

import numpy as np

from nnctl.core.errors import RunError
from nnctl.core.leaves import flatten
from nnctl.core.records import record
from nnctl.runs.compare import resolved_config
from nnctl.runs.digests import OtherDigests, logs_digest, other_digests
from nnctl.runs.directory import RunDirectory
from nnctl.runs.model_file import read_model
from nnctl.runs.record import Record
from nnctl.runs.state import Arrays, TrainingState
from nnctl.runs.state_parts import state_sha256
from nnctl.runs.store import Checkpoint

_NO_CAUSE = ("name", "training.checkpoint")
"""Parts of a config that change nothing in what is trained."""


@record
class Cause:
    """Something that goes into a training and is not the same on both sides; None where a side has it not.

    Attributes:
        kind: `config`, `data`, `version` or `machine`.
        name: Which key of the config, which of its files, which package.
    """

    kind: str
    name: str
    a: Any
    b: Any


@record
class Trained:
    """What a training follows from.

    Attributes:
        settings: The resolved config, a value for each dotted path.
        data: SHA-256 of each file, by the key of the config that names it.
        versions, machine: As far as they are known.
    """

    settings: Mapping[str, Any] = field(repr=False)
    data: Mapping[str, str]
    versions: Mapping[str, str]
    machine: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_run(cls, run: RunDirectory) -> Trained:
        """What a run recorded. Raises RunError where a file of it cannot be read."""
        manifest = run.manifest()
        data = {f"data.{name}": file.sha256 for name, file in manifest.files().items()}
        machine = {name: manifest.machine.get(name) for name in ("architecture", "cpu")}
        return cls(dict(flatten(resolved_config(run))), data, manifest.versions, machine)

    @classmethod
    def of_record(cls, record: Record) -> Trained:
        """What a record says."""
        files = [(key, record.data.get(str(value))) for key, value in record.settings.items()]
        data = {key: digest for key, digest in files if digest is not None and key.startswith("data.")}
        return cls(record.settings, data, record.versions)


def causes(a: Trained, b: Trained) -> list[Cause]:
    """What goes into the trainings and is not the same; a file counts by its content, not by its place."""
    places = {*a.data, *b.data}
    kinds: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
        "config": (_counting(a.settings, places), _counting(b.settings, places)),
        "data": (a.data, b.data),
        "version": _known_to_both(a.versions, b.versions),
        "machine": _known_to_both(a.machine, b.machine),
    }
    return [
        Cause(kind, name, one.get(name), other.get(name))
        for kind, (one, other) in kinds.items()
        for name in dict.fromkeys((*one, *other))
        if one.get(name) != other.get(name)
    ]


def _known_to_both(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A record says less than a run."""
    names = [name for name in a if name in b]
    return {name: a[name] for name in names}, {name: b[name] for name in names}


def _counting(settings: Mapping[str, Any], places: set[str]) -> dict[str, Any]:
    """The settings that may change what is trained."""

    def counts(key: str) -> bool:
        return key not in places and not any(key == name or key.startswith(f"{name}.") for name in _NO_CAUSE)

    return {key: value for key, value in settings.items() if counts(key)}


Row = Mapping[str, float | None]
"""The numbers of an epoch, but for its time."""


@record
class OtherNumbers:
    """The first epoch (from 1) whose numbers are not the same, and these: a's and b's by name."""

    epoch: int
    numbers: Mapping[str, tuple[float | None, float | None]]


def rows_of(run: RunDirectory) -> dict[int, Row]:
    """The numbers of each epoch (from 0). Raises RunError where `metrics.jsonl` is damaged."""
    left = ("epoch", "seconds")
    return {
        int(row["epoch"]): {name: value for name, value in row.items() if name not in left}
        for row in run.metrics()
        if row.get("epoch") is not None
    }


def other_numbers(a: Mapping[int, Row], b: Mapping[int, Row]) -> OtherNumbers | None:
    """The first epoch that both have and whose numbers differ."""
    for epoch in sorted(a.keys() & b.keys()):
        one, other = a[epoch], b[epoch]
        names = [name for name in dict.fromkeys((*one, *other)) if one.get(name) != other.get(name)]
        if names:
            return OtherNumbers(epoch + 1, {name: (one.get(name), other.get(name)) for name in names})
    return None


@record
class OtherWeights:
    """The first state that both runs kept and whose weights are not the same.

    Attributes:
        step: Which; None: the final model.
        layers: Those whose weights differ, in graph order.
    """

    step: int | None
    layers: tuple[str, ...]


@record
class Recorded:
    """What two runs have written down, compared.

    Attributes:
        numbers, weights: Where they first differ.
        digests: Where a record's first differ from the other's numbers.
        common: The last checkpoint that both have with the same bits, before any difference is known.
        same_model: Whether the final models have the same bits; None where one has none.
    """

    causes: tuple[Cause, ...]
    numbers: OtherNumbers | None = None
    weights: OtherWeights | None = None
    common: tuple[Checkpoint, Checkpoint] | None = None
    same_model: bool | None = None
    digests: OtherDigests | None = None

    @property
    def differs(self) -> bool:
        """Whether bits are known to differ."""
        found = (self.numbers, self.weights, self.digests)
        return any(other is not None for other in found) or self.same_model is False


def compare_recorded(a: RunDirectory, b: RunDirectory) -> Recorded:
    """Compare what two runs have written down. Raises RunError where a file of one cannot be read."""
    found = tuple(causes(Trained.of_run(a), Trained.of_run(b)))
    numbers = other_numbers(rows_of(a), rows_of(b))
    one, other = a.manifest().weights_sha256, b.manifest().weights_sha256
    same = None if one is None or other is None else one == other
    if a.path.resolve() == b.path.resolve():
        return Recorded(found, numbers, same_model=same)
    common: tuple[Checkpoint, Checkpoint] | None = None
    for pair in _common(a, b):
        states = [_state(run, checkpoint) for run, checkpoint in zip((a, b), pair, strict=True)]
        if states[0] is None or states[1] is None:
            continue
        if state_sha256(states[0]) == state_sha256(states[1]):
            common = pair
            continue
        layers = _layers(states[0].weights, states[1].weights)
        if layers:
            return Recorded(found, numbers, OtherWeights(pair[0].step, layers), common, same)
    weights = None
    if same is False:
        models = [read_model(run.model_path, root=run.path).state.weights for run in (a, b)]
        weights = OtherWeights(None, _layers(*models))
    return Recorded(found, numbers, weights, common, same)


def compare_with_record(run: RunDirectory, record: Record, record_first: bool) -> Recorded:
    """Compare what a run and a record say. Raises RunError where a file of the run cannot be read.

    Args:
        record_first: The record is a, the run b.
    """
    sides = [Trained.of_run(run), Trained.of_record(record)]
    found = tuple(causes(*(sides[::-1] if record_first else sides)))
    lines = []
    for epoch, row in rows_of(run).items():
        logs = {name: value for name, value in row.items() if name != "step" and value is not None}
        if len(logs) == len(row) - 1:  # what is not finite was written down as null, whatever it was
            lines.append(f"{epoch + 1} {logs_digest(logs)}")
    own = run.manifest().weights_sha256
    same = None if own is None else own == record.weights_sha256
    of_numbers = [" ".join(line.split()[:2]) for line in record.digests]
    return Recorded(found, same_model=same, digests=other_digests((), of_numbers, lines))


def _common(a: RunDirectory, b: RunDirectory) -> Iterator[tuple[Checkpoint, Checkpoint]]:
    """The checkpoints of both at the same steps, the first one first."""
    ours, theirs = ({c.step: c for c in run.checkpoints.checkpoints() if c.complete} for run in (a, b))
    yield from ((ours[step], theirs[step]) for step in sorted(ours.keys() & theirs.keys()))


def _state(run: RunDirectory, checkpoint: Checkpoint) -> TrainingState | None:
    """What a checkpoint holds; None where it is damaged."""
    try:
        return read_model(checkpoint.path, root=run.path).state
    except RunError:
        return None


def _layers(a: Arrays, b: Arrays) -> tuple[str, ...]:
    """The layers some of whose weights have other bits, or which one side has not."""
    names = [name for name in dict.fromkeys((*a, *b)) if not _same(a.get(name), b.get(name))]
    return tuple(dict.fromkeys(name.rpartition("/")[0] for name in names))


def _same(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None or a.shape != b.shape or a.dtype != b.dtype:
        return False
    return a.tobytes() == b.tobytes()

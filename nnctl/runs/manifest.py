"""`manifest.json`: what a run is and how far it came."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from nnctl.core import below
from nnctl.core.errors import RunError
from nnctl.core.spec import first_fault
from nnctl.data.splitting.trained_on import DataFile
from nnctl.runs.origin import git_commit, machine, versions
from nnctl.storage.disk import DISK, Disk, commit

Status = Literal["running", "completed", "interrupted", "failed"]

MAX_BYTES = 16 << 20


@dataclass
class Manifest:
    """The manifest's fields, as in the contract.

    Attributes:
        data_files: Path, hash and size of each file of data, by the part of the config that names it.
        metrics: The model's numbers: the last epoch's, or those of the epoch whose weights were put back.
        restored_epoch: That epoch (from 0), if there is one.
        wall_seconds: Time spent training, over all processes of the run that were not killed.
        reason: Why it stopped, where there is more to say than the status.
        overrides: What `--set` and `--seed` changed.
        expectations: What was wanted of the run and what was found, `holds` among it.
    """

    name: str
    status: Status = "running"
    seed: int = 0
    config_sha256: str = ""
    data_sha256: str = ""
    data_files: dict[str, dict[str, Any]] = field(default_factory=dict)
    weights_sha256: str | None = None
    epochs: int = 0
    steps: int = 0
    metrics: dict[str, float | None] = field(default_factory=dict)
    restored_epoch: int | None = None
    reason: str | None = None
    overrides: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    threads: int | None = None
    git_commit: str | None = None
    started: str = ""
    ended: str | None = None
    wall_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    resumed: int = 0
    expectations: list[dict[str, Any]] = field(default_factory=list)

    def write(self, path: Path, disk: Disk = DISK) -> None:
        """Replace the manifest at `path` by this one, in one step."""
        data = asdict(self) | {"metrics": finite(self.metrics)}
        commit(disk, path, [(json.dumps(data, indent=2, allow_nan=False) + "\n").encode()])

    def files(self) -> dict[str, DataFile]:
        """The files that the run was trained on.

        Raises:
            RunError: the manifest says something else there.
        """
        try:
            return {name: DataFile.model_validate(file) for name, file in self.data_files.items()}
        except ValidationError as error:
            raise RunError("the run's manifest does not tell its data files as it should") from error

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """The manifest at `path`; unknown fields (of a later nnctl) are left out.

        Raises:
            RunError: There is none, or it is not a manifest.
        """
        try:
            data = json.loads(below.read_capped(path, path.parent, MAX_BYTES))
            if not isinstance(data, dict) or "status" not in data:
                raise ValueError("it has no status")
            found: Manifest = _typed().validate_python(data)
            return found
        except FileNotFoundError:
            raise RunError(f"{path.parent} is not a run directory: it has no {path.name}") from None
        except ValidationError as error:
            raise RunError(f"{path} is not a run's manifest: {first_fault(error)}") from None
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{path} is not a run's manifest: {error}") from error


@cache
def _typed() -> TypeAdapter[Manifest]:
    """What checks the types of a manifest's values; made once, and only where one is read."""
    return TypeAdapter(Manifest)


def new_manifest(
    name: str,
    *,
    seed: int,
    config_sha256: str = "",
    data_sha256: str = "",
    data_files: Mapping[str, dict[str, Any]] = MappingProxyType({}),
    overrides: Sequence[str] = (),
    threads: int | None = None,
    source: Path = Path(),
    where: Mapping[str, str | int] | None = None,
) -> Manifest:
    """The manifest of a run that begins: hashes, versions, machine, and the commit around `source`.

    Args:
        where: The machine, as it was before this thread was given a core of its own.
    """
    return Manifest(
        name,
        seed=seed,
        config_sha256=config_sha256,
        data_sha256=data_sha256,
        data_files=dict(data_files),
        overrides=list(overrides),
        versions=versions(),
        machine=dict(where or machine()),
        threads=threads,
        git_commit=git_commit(source),
        started=now(),
    )


def resumed_manifest(
    before: Manifest, *, threads: int | None = None, where: Mapping[str, str | int] | None = None
) -> Manifest:
    """The manifest of a run that goes on here: what it was, with this machine and these versions."""
    return replace(
        before,
        status="running",
        reason=None,
        ended=None,
        versions=versions(),
        machine=dict(where or machine()),
        threads=threads,
        resumed=before.resumed + 1,
    )


def finite(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """The same with null for what JSON cannot hold (NaN, infinities)."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in numbers.items()}


def now() -> str:
    """The time as the manifest writes it: UTC, ISO 8601, seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

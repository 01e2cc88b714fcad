"""`NAME.record.json`: what a config led to, to be committed beside it and compared with later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from nnctl.core import below
from nnctl.core.errors import RunError
from nnctl.core.records import record
from nnctl.core.spec import first_fault
from nnctl.storage.disk import DISK, Disk, commit

VERSION = 1
MAX_BYTES = 16 << 20
SUFFIX = ".record.json"


@record
class Record:
    """What a run was and came to. Nothing in it changes from one machine to another, nor with time.

    Attributes:
        settings: The resolved config, a value for each dotted path; null and what is expected are left out.
        data: SHA-256 by file, as the config names it.
        versions: Of nnctl; the bits depend on no other.
        metrics: The last epoch's, or those of the epoch whose weights were put back.
        numbers: By split: every number of its evaluation.
        layers: The layers with weights, in the order in which `digests` has them.
        digests: A line for some epochs: the epoch (from 1), a digest of its logs, then of each layer.
    """

    config_sha256: str
    data_sha256: str
    weights_sha256: str
    epochs: int
    steps: int
    settings: Mapping[str, Any] = field(repr=False)
    data: Mapping[str, str]
    versions: Mapping[str, str]
    metrics: Mapping[str, float | None]
    numbers: Mapping[str, Mapping[str, float | None]]
    layers: tuple[str, ...]
    digests: tuple[str, ...]

    def write(self, path: Path, disk: Disk = DISK) -> None:
        """Write it to `path` in one step."""
        commit(disk, path, [self.text().encode()])

    def text(self) -> str:
        """Its JSON: one thing a line, so that a diff says what changed."""
        return json.dumps({"nnctl_record": VERSION, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record at `path`.

        Raises:
            FileNotFoundError: there is none.
            RunError: what is there is none, or one of a later nnctl.
        """
        try:
            data = json.loads(below.read_capped(path, None, MAX_BYTES))
            if not isinstance(data, dict) or "nnctl_record" not in data:
                raise ValueError("it has no 'nnctl_record'")
            if data["nnctl_record"] != VERSION:
                raise ValueError(f"it is of version {data['nnctl_record']}, and this nnctl reads {VERSION}")
            names = set(cls.__match_args__)
            known = {name: value for name, value in data.items() if name in names}
            if known.keys() != names:
                raise ValueError(f"it has no '{sorted(names - known.keys())[0]}'")
            return cls(**{name: _types()[name].validate_python(value) for name, value in known.items()})
        except FileNotFoundError:
            raise
        except ValidationError as error:
            raise RunError(f"{path} is not a record: {first_fault(error)}") from None
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{path} is not a record: {error}") from error


def _types() -> dict[str, TypeAdapter[Any]]:
    texts = ("config_sha256", "data_sha256", "weights_sha256")
    kinds: dict[str, Any] = dict.fromkeys(texts, str) | {
        "epochs": int,
        "steps": int,
        "settings": dict[str, Any],
        "data": dict[str, str],
        "versions": dict[str, str],
        "metrics": dict[str, float | None],
        "numbers": dict[str, dict[str, float | None]],
        "layers": tuple[str, ...],
        "digests": tuple[str, ...],
    }
    return {name: TypeAdapter(kind) for name, kind in kinds.items()}

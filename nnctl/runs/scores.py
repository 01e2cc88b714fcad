"""`evaluation.json`: what a run's final model is worth, on each split that it was evaluated on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nnctl.core import below
from nnctl.core.errors import RunError
from nnctl.core.records import record
from nnctl.storage.disk import DISK, Disk, commit

MAX_BYTES = 64 << 20


@record
class Scores:
    """Scores of one model.

    Attributes:
        weights_sha256: Whose they are.
        splits: By split: `examples`, `metrics`, and by output what else there is to say.
    """

    weights_sha256: str
    splits: Mapping[str, Any]

    def with_split(self, name: str, scores: Mapping[str, Any]) -> Scores:
        """The same with those of one more split, or in place of older ones."""
        return Scores(self.weights_sha256, {**self.splits, name: dict(scores)})

    def write(self, path: Path, disk: Disk = DISK) -> None:
        """Write them to `path` in one step."""
        commit(disk, path, [(json.dumps(asdict(self), indent=1, allow_nan=False) + "\n").encode()])

    @classmethod
    def read(cls, path: Path, weights_sha256: str) -> Scores:
        """Those of the model with these weights; none where the file is another model's or is missing.

        Raises:
            RunError: it is no such file.
        """
        if not below.exists(path, path.parent):
            return cls(weights_sha256, {})
        try:
            data = json.loads(below.read_capped(path, path.parent, MAX_BYTES))
            if not isinstance(data, dict) or not isinstance(data.get("splits"), dict):
                raise ValueError("it has no splits")
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{path} does not hold a run's scores: {error}") from error
        splits = data["splits"] if data.get("weights_sha256") == weights_sha256 else {}
        return cls(weights_sha256, splits)

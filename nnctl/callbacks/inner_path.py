"""A file name that a config gives a callback: it stays inside the run directory."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, Field

_TAKEN = frozenset(
    ["config.yaml", "resolved.yaml", "manifest.json", "metrics.jsonl", "model.h5", "checkpoints"]
)
"""What the run directory itself uses."""


def _inner(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or not path.parts or any(part.startswith(".") for part in path.parts):
        raise ValueError("must be a plain relative path; it lies inside the run directory")
    if "\0" in text or "\\" in text:
        raise ValueError("holds a character that file names do not have")
    if path.parts[0] in _TAKEN:
        raise ValueError(f"the run keeps something of its own under {path.parts[0]}")
    return text


InnerPath = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_inner)]
"""A relative path below the run directory, no part hidden or `..`."""

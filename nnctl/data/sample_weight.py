"""`sample_weight`: a column that weighs the examples, or their steps, for every output, or one per output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

SampleWeight = str | Annotated[dict[str, str], Field(min_length=1)]
"""A column, or a column by model output."""


def weight_columns(given: str | Mapping[str, str] | None) -> list[str]:
    """The columns that weigh anything, each once."""
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(dict.fromkeys(given.values()))


def weight_of(given: str | Mapping[str, str] | None, output: str) -> str | None:
    """The column that weighs the examples for one output; None where all count 1."""
    return given if given is None or isinstance(given, str) else given.get(output)

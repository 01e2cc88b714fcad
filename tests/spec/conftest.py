"""Configs to load, written to a temporary directory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from nnctl.core.errors import ConfigError, Problem
from nnctl.spec.load import LoadedExperiment, load

GOOD = """\
# Digits with a small CNN.
nnctl: 1
seed: 7       # any number
data:
  source: {type: csv, path: data/digits.csv.gz, target: label}
  split: {validation: 0.15, test: 0.15, stratify: label}
  batch_size: 32
model:
  inputs:
    image: {shape: [8, 8, 1]}  # may be left out
  layers:
    - {type: Conv2D, filters: 32, kernel_size: 3, activation: relu}
    - MaxPooling2D             # a bare name
    - Flatten
    - {type: Dropout, rate: 0.3}
    - type: Dense              # the head
      units: 10
      activation: softmax
      name: digit
training:
  epochs: 20
  # how fast
  optimizer: adam
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
"""

Load = Callable[..., LoadedExperiment]
Problems = Callable[..., list[Problem]]


@pytest.fixture
def loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a config's text, as the file `c.yaml` in the current directory."""
    monkeypatch.chdir(tmp_path)

    def load_text(text: str = GOOD, *overrides: str, seed: int | None = None) -> LoadedExperiment:
        Path("c.yaml").write_text(text)
        return load("c.yaml", overrides, seed)

    return load_text


@pytest.fixture
def problems(loads: Load) -> Problems:
    """The problems of a config's text, which must have some."""

    def problems_of(text: str = GOOD, *overrides: str) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            loads(text, *overrides)
        return list(caught.value.problems)

    return problems_of


def said(problems: Sequence[Problem]) -> list[str]:
    """`line:column message` of each problem."""
    return [f"{p.place.line}:{p.place.column} {p.message}" if p.place else p.message for p in problems]

"""The root of the language: one experiment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from nnctl.core.spec import ConfigPath, Spec
from nnctl.data.spec import DataSpec
from nnctl.spec.language.expect import Expectation
from nnctl.spec.language.model import ModelSpec, Seed
from nnctl.spec.language.sweep import SweepSpec
from nnctl.spec.language.training import TrainingSpec

VERSION = 1
"""The version of the language that this nnctl reads."""

_NAME = re.compile(r"[\w][\w .+@=,-]*")


def _is_file(name: Any) -> str:
    return "file" if isinstance(name, str) and name.endswith(".py") else "module"


Plugin = Annotated[
    Annotated[ConfigPath, Tag("file")] | Annotated[str, Tag("module")],
    Discriminator(_is_file),
    WithJsonSchema({"type": "string"}),
]
"""A file (its name ends in `.py`; a path like any other in a config), or a module by name."""


class Experiment(Spec):
    """One experiment: data, model, training. One file holds one."""

    nnctl: Literal[1]
    """The version of the configuration language: 1."""
    name: str = Field(default="experiment", max_length=100)
    """The experiment's name, and that of its directory under `runs/`; default: the file's stem."""
    seed: Seed = 0
    """Every random number follows from it."""
    dtype: Literal["float32", "float64"] = "float32"
    """The type of weights and activations."""
    plugins: tuple[Plugin, ...] = ()
    """Python files or packages with layers, losses, ... of your own; they run only if the command line
    allows it."""
    exact_convolution: Literal["auto", "direct"] = "auto"
    """`direct` sums every convolution's products as they stand. `auto` takes those over 3x3 or 5x5 pixels,
    3 or 5 places of one axis, through Winograd's transforms where that is faster, in float32: the same bits
    everywhere too, but other ones."""
    data: DataSpec
    """Where examples come from and how they are prepared."""
    model: ModelSpec
    """What is trained."""
    training: TrainingSpec
    """How it is trained."""
    expect: tuple[Expectation, ...] = ()
    """What the run has to reach; what does not hold gives exit code 4."""
    record: ConfigPath | None = None
    """The record that expectations compare with; default: beside the config, the file's stem and
    `.record.json`. `nnctl record` writes it."""

    sweep: SweepSpec | None = None
    """Which settings `nnctl sweep` searches; a single run does not look at it."""

    @field_validator("nnctl", mode="before")
    @classmethod
    def _known_version(cls, value: Any) -> Any:
        if value is True or value != VERSION:
            raise PydanticCustomError(
                "language_version",
                "this nnctl reads version {known} of the language, not {version}",
                {"known": VERSION, "version": repr(value), "expected": "nnctl: 1"},
            )
        return int(value)

    @field_validator("name")
    @classmethod
    def _usable_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value) or value != value.strip():
            raise PydanticCustomError(
                "experiment_name",
                "'{name}' cannot name a directory",
                {
                    "name": value,
                    "expected": "letters, digits, '-', '_', '.', spaces; a letter or digit first",
                },
            )
        return value


def name_of(stem: str) -> str:
    """The experiment's default name from its file's stem: what cannot name a directory becomes '-'."""
    name = re.sub(r"[^\w .+@=,-]", "-", stem).strip(" .-+@=,")[:100].strip()
    return name or "experiment"


_NOT_TRAINED = ("expect", "record", "sweep")
"""Fields that are about a run and change nothing in it: two configs that differ in them are one."""

_LEARNED = (("training", "shards"), ("data", "split", "folds"), ("data", "split", "fold"))
"""Fields that came to the language after hashes of configs were kept: one that is null is none."""


def trained(config: Mapping[str, Any]) -> dict[str, Any]:
    """Of a resolved config what the training depends on: what is compared, and hashed."""
    found = {name: value for name, value in config.items() if name not in _NOT_TRAINED}
    for path in _LEARNED:
        found = _without_null(found, path)
    return found


def _without_null(section: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """A section without the field at `path`, where that is null."""
    name, *below = path
    if not below:
        return {k: v for k, v in section.items() if k != name or v is not None}
    inner = section.get(name)
    return {**section, name: _without_null(inner, tuple(below))} if isinstance(inner, dict) else section

"""A config file to a checked experiment: read, override, validate, every problem in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import ValidationError

from nnctl.core.errors import ConfigError, Path, Place, Problem
from nnctl.core.records import record
from nnctl.core.spec import Spec
from nnctl.spec.diagnosis.problems import problems_of
from nnctl.spec.diagnosis.repair import repaired
from nnctl.spec.diagnosis.wiring import name_problems
from nnctl.spec.language.experiment import Experiment, name_of
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.overrides import Override, apply, parse_all, seed_override
from nnctl.spec.yaml.document import Document, parse_document, read_document
from nnctl.spec.yaml.emit import block
from nnctl.spec.yaml.source_text import SourceText

S = TypeVar("S", bound=Spec)


@record
class LoadedExperiment:
    """A valid experiment and the document it came from.

    Attributes:
        document: With overrides applied; knows places.
        original: As the file says.
        overrides: In the order they were applied.
        unknown: Entries of `model.layers` that only stand for wrong ones; none unless `PartlyValid` has it.
    """

    experiment: Experiment
    document: Document
    original: Document
    overrides: tuple[Override, ...]
    unknown: frozenset[int] = frozenset()

    @property
    def file(self) -> FilePath:
        """The config file, as it was named."""
        return FilePath(self.original.source.file)

    @property
    def directory(self) -> FilePath:
        """What paths in the config are relative to."""
        return self.file.parent

    def place(self, path: Path, at_key: bool = False) -> Place:
        """Where the value at `path` is written, or the nearest thing around it."""
        return self.document.place(path, at_key)

    def fail(self, problems: Sequence[Problem]) -> ConfigError:
        """The error that `problems`, found later (shapes, data), amount to: placed and ordered."""
        return ConfigError(self.document.locate(problems))

    def resolved(self, rebase: tuple[str, str] | None = None) -> dict[str, Any]:
        """The config with every default written out; see `Spec.config` for `rebase`."""
        return self.experiment.config(rebase)


class PartlyValid(ConfigError):
    """A config with problems that leave enough to look for more: `rest` is it without its wrong parts."""

    def __init__(self, problems: Sequence[Problem], rest: LoadedExperiment) -> None:
        super().__init__(problems)
        self.rest = rest


def load(path: FilePath | str, overrides: Sequence[str] = (), seed: int | None = None) -> LoadedExperiment:
    """Read and check a config.

    Args:
        path: The file.
        overrides: `a.b.c=VALUE` each, as after `--set`.
        seed: As after `--seed`; the same as the override `seed=...`.

    Raises:
        ConfigError: with every problem that can be found without shapes and data, placed, in document order;
            `PartlyValid` where later checks can go on.
    """
    original = read_document(path)
    parsed, problems = parse_all(overrides)
    if seed is not None:
        parsed.append(seed_override(seed))
    root, misses = apply(original.root, parsed)
    document = Document(original.source, root, [SourceText("--set", text) for text in overrides])
    data = document.data
    data.setdefault("name", name_of(FilePath(path).stem))
    data.setdefault("record", f"{FilePath(path).stem}.record.json")
    try:
        experiment = validate(Experiment, document, data, known=problems + misses)
    except ConfigError as error:
        rest = None if problems or misses else repaired(data, error.problems)
        if rest is None:
            raise
        try:
            experiment = Experiment.model_validate(rest[0])
        except ValidationError:
            raise error from None
        partly = LoadedExperiment(experiment, document, original, tuple(parsed), rest[1])
        raise PartlyValid(error.problems, partly) from None
    return LoadedExperiment(experiment, document, original, tuple(parsed))


def load_model(path: FilePath | str) -> tuple[ModelSpec, Document]:
    """Read and check a file that holds only a model: `inputs`, `layers`, `outputs` (for `model.path`).

    Raises:
        ConfigError: as `load`.
    """
    document = read_document(path)
    model = validate(ModelSpec, document, document.data, ())
    if model.path is not None:
        message = "a model file holds the layers themselves, not another path"
        raise ConfigError(document.locate([Problem(message, ("path",))]))
    if model.initial_weights is not None:
        message = "a model file does not say which weights training starts from"
        problem = Problem(message, ("initial_weights",), "`initial_weights` beside `path`, in the experiment")
        raise ConfigError(document.locate([problem]))
    return model, document


def with_model(
    loaded: LoadedExperiment, foreign: Callable[[FilePath], dict[str, Any] | None] | None = None
) -> ModelSpec:
    """The experiment's model, read from `model.path` where that is given.

    Args:
        foreign: Gives the `model` section that a file of another tool stands for; None for one of nnctl's.

    Raises:
        ConfigError: the model file is missing or wrong.
    """
    model = loaded.experiment.model
    if model.path is None:
        return model
    file = loaded.directory / model.path
    if not file.is_file():
        raise loaded.fail([Problem(f"there is no file {file}", ("model", "path"))])
    section = None if foreign is None else foreign(file)
    structure = load_model(file)[0] if section is None else ModelSpec.model_validate(section)
    beside = {"initial_weights": model.initial_weights, "freeze": model.freeze or structure.freeze}
    return structure.model_copy(update=beside)


def validate(
    cls: type[S], document: Document, data: Any, model: Path = ("model",), known: Sequence[Problem] = ()
) -> S:
    """`data` as a `cls`; `model` is where its layers are, `known` are problems to report along.

    Raises:
        ConfigError: it is none, or names in the model are wrong.
    """
    problems = list(known)
    experiment = None
    try:
        experiment = cls.model_validate(data)
    except ValidationError as error:
        problems += problems_of(error, cls, data)
    problems += name_problems(document, model)
    if problems or experiment is None:
        raise ConfigError(document.locate([replace(p, path=tuple(p.path)) for p in problems]))
    return experiment


def load_data(config: Mapping[str, Any], file: FilePath) -> LoadedExperiment:
    """A resolved config that a model file holds, checked like any other; places are in its text.

    Raises:
        ConfigError: it is not a valid experiment for this nnctl.
    """
    document = parse_document(SourceText(str(file), block(config)))
    experiment = validate(Experiment, document, document.data)
    return LoadedExperiment(experiment, document, document, ())

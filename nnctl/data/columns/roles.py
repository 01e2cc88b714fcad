"""Which column goes where: the config's names held against the columns that the source really has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from nnctl.core.errors import ConfigError, Path, Problem, nearest
from nnctl.core.records import record
from nnctl.core.shapes import Shape
from nnctl.data.columns.patterns import matches, pattern_for, target_patterns
from nnctl.data.reading.dialect import delimiter_hint
from nnctl.data.sample_weight import SampleWeight, weight_columns
from nnctl.data.spec import ONLY, DataSpec


@record
class Wanted:
    """What the model asks of its data.

    Attributes:
        inputs: The model's inputs by name, with their shapes; None where the data shall say it. Empty if the
            model leaves its inputs to the data.
        outputs: The model's outputs in order; empty if not known yet.
        integer_inputs: Inputs that take class numbers (an Embedding reads them).
        categorical: By output: True if its loss wants class numbers, False for numbers or 0/1 vectors.
    """

    inputs: Mapping[str, Shape | None] = field(default_factory=dict)
    outputs: Sequence[str] = ()
    integer_inputs: frozenset[str] = frozenset()
    categorical: Mapping[str, bool] = field(default_factory=dict)


@record
class Roles:
    """Model inputs and outputs with their columns."""

    inputs: dict[str, list[str]]
    targets: dict[str, list[str]]
    sample_weight: SampleWeight | None
    lengths: tuple[str, ...] = ()
    """The columns that say how long the sequences of others are."""

    def used(self) -> list[str]:
        """Every column with a part in training, once."""
        lists = [*self.inputs.values(), *self.targets.values(), self.lengths]
        weights = weight_columns(self.sample_weight)
        return list(dict.fromkeys([*(n for names in lists for n in names), *weights]))


def target_path(spec: DataSpec) -> Path:
    """Where the config says `target`."""
    if spec.main.target:
        return ("data", "source" if spec.source else "train", "target")
    return ("data", "target")


class _Finder:
    """Looks names up among the columns and collects what is wrong."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = list(columns)
        self.problems: list[Problem] = []

    def one(
        self, name: str, path: Path, at_key: bool = False, among: Sequence[str] | None = None
    ) -> list[str]:
        """The columns that `name` (maybe a pattern) stands for; a pattern takes only those in `among`."""
        if name in self.columns:
            return [name]
        matching = [c for c in self.columns if matches(name, c)]
        if not matching:
            self._none("no column matches" if "*" in name else "the data has no column", name, path, at_key)
        taken = [c for c in matching if among is None or c in among]
        if matching and not taken:
            self.problems.append(
                Problem(
                    f"'{name}' matches only {', '.join(matching[:6])}, which a pattern does not take",
                    path,
                    "a pattern takes columns without another role; name the others",
                    at_key=at_key,
                )
            )
        return taken

    def column(self, name: str, path: Path) -> None:
        """Look up one column where a pattern means nothing."""
        if name not in self.columns:
            self._none("the data has no column", name, path)

    def _none(self, what: str, name: str, path: Path, at_key: bool = False) -> None:
        shown = ", ".join(self.columns[:12]) + (", ..." if len(self.columns) > 12 else "")
        expected = delimiter_hint(self.columns) or f"one of: {shown}"
        problem = Problem(f"{what} '{name}'", path, expected, nearest(name, self.columns), at_key)
        self.problems.append(problem)

    def several(self, names: Sequence[str], path: Path, among: Sequence[str] | None = None) -> list[str]:
        """The columns of a list of names, patterns and exclusions, in its order, each once."""
        paths = [path] if len(names) == 1 else [(*path, i) for i in range(len(names))]
        taken, out = [], []
        for name, place in zip(names, paths, strict=True):
            if self.excludes(name):
                out += self.one(name[1:], place)
            else:
                taken += self.one(name, place, among=among)
        if all(map(self.excludes, names)):
            taken = list(self.columns if among is None else among)
        left = [c for c in dict.fromkeys(taken) if c not in out]
        if taken and not left:
            self.problems.append(Problem("every column is left out again", path))
        return left

    def excludes(self, name: str) -> bool:
        """Whether `name` says what is left out; a column may be called so."""
        return name.startswith("!") and name not in self.columns

    def unknown(self, name: str, known: Iterable[str], kind: str, path: Path) -> None:
        names = list(known)
        self.problems.append(
            Problem(
                f"the model has no {kind} '{name}'",
                path,
                f"one of: {', '.join(names)}",
                nearest(name, names),
                at_key=True,
            )
        )


def assign(spec: DataSpec, columns: Sequence[str], wanted: Wanted) -> Roles:
    """The roles of the source's columns.

    Raises:
        ConfigError: a name in the config names no column or no input or output of the model; all at once.
    """
    find = _Finder(columns)
    targets = _targets(spec, wanted, find)
    _weights(spec, wanted, targets, find)
    lengths = _lengths(spec, find)
    apart = {*weight_columns(spec.sample_weight), *_splitting(spec, find), *lengths}
    predicted = {c for names in targets.values() for c in names}
    rest = [c for c in columns if c not in apart]
    free = [c for c in rest if c not in predicted]
    for name in spec.columns:
        find.one(name[1:] if find.excludes(name) else name, ("data", "columns", name), at_key=True)
    if find.problems and spec.inputs is None:
        raise ConfigError(find.problems)
    # Left out, `inputs` takes the past of a window's target along; a pattern takes no target but those
    # that it stands for in `targets` too.
    again = [c for c in rest if c in predicted and any(matches(p, c) for p in _twice(spec))]
    inputs = _inputs(spec, wanted, find, free if spec.window is None else rest, [*free, *again])
    if find.problems:
        raise ConfigError(find.problems)
    return Roles(inputs, targets, spec.sample_weight, lengths)


def steering(spec: DataSpec) -> list[str]:
    """The columns that say which split or series a row belongs to, or keep a split in proportion."""
    rule, window = spec.split, spec.window
    named = [rule.stratify, rule.by, rule.group] if rule else []
    return [name for name in [*named, window.group if window else None] if name]


def _splitting(spec: DataSpec, find: _Finder) -> list[str]:
    """Columns that only say which split or series a row belongs to (a stratify column is data as well)."""
    named = []
    if spec.split:
        if spec.split.stratify:
            find.one(spec.split.stratify, ("data", "split", "stratify"))
        for key in ("by", "group"):
            if name := getattr(spec.split, key):
                named += find.one(name, ("data", "split", key))
    if spec.window and spec.window.group:
        named += find.one(spec.window.group, ("data", "window", "group"))
    return named


def _lengths(spec: DataSpec, find: _Finder) -> tuple[str, ...]:
    """Columns that only say how long the sequences of others are."""
    named = {(n, c.flat or "lengths"): c.beside for n, c in spec.columns.items() if c.beside is not None}
    found = [c for path, name in named.items() for c in find.one(name, ("data", "columns", *path))]
    return tuple(dict.fromkeys(found))


def _targets(spec: DataSpec, wanted: Wanted, find: _Finder) -> dict[str, list[str]]:
    if spec.targets:
        for output in spec.targets:
            if wanted.outputs and output not in wanted.outputs:
                find.unknown(output, wanted.outputs, "output", ("data", "targets", output))
        return {o: find.several(names, ("data", "targets", o)) for o, names in spec.targets.items()}
    names = spec.target or ((spec.main.target,) if spec.main.target else None)
    if names is None:
        return {}
    path = target_path(spec)
    if len(wanted.outputs) > 1:
        find.problems.append(
            Problem(
                f"the model has {len(wanted.outputs)} outputs, but 'target' names the data of one",
                path,
                "targets: {" + ", ".join(f"{o}: COLUMN" for o in wanted.outputs) + "}",
            )
        )
    columns = find.several(names, path)
    return {wanted.outputs[0] if wanted.outputs else names[0]: columns}


def _weights(spec: DataSpec, wanted: Wanted, targets: Mapping[str, list[str]], find: _Finder) -> None:
    """Look up the columns of sample weights, and the outputs that they are for."""
    given, path = spec.sample_weight, ("data", "sample_weight")
    if not isinstance(given, dict):
        for name in weight_columns(given):
            find.column(name, path)
        return
    outputs = list(wanted.outputs or targets)
    for output, name in given.items():
        if output not in outputs:
            find.unknown(output, outputs, "output", (*path, output))
        elif output not in targets:
            message = f"output '{output}' has no target, so it has no loss that could be weighed"
            find.problems.append(Problem(message, (*path, output), at_key=True))
        find.column(name, (*path, output))


def _inputs(
    spec: DataSpec, wanted: Wanted, find: _Finder, rest: list[str], free: list[str]
) -> dict[str, list[str]]:
    """The columns of every model input: `rest` where the config is silent, patterns take of `free`."""
    names = list(wanted.inputs)
    if spec.inputs is None:
        if len(names) > 1:
            return {n: find.one(n, ("data",)) for n in names}
        if not rest:
            find.problems.append(Problem("no column is left as an input", ("data",)))
        return {names[0] if names else "input": rest}
    if ONLY in spec.inputs and len(spec.inputs) == 1 and len(names) <= 1:
        path: Path = ("data", "inputs")
        return {names[0] if names else "input": find.several(spec.inputs[ONLY], path, free)}
    if ONLY in spec.inputs:
        return _needs_names(names, find)
    for name in spec.inputs:
        if names and name not in names:
            find.unknown(name, names, "input", ("data", "inputs", name))
    for name in names:
        if name not in spec.inputs:
            find.problems.append(
                Problem(f"the model's input '{name}' gets no column", ("data", "inputs"), f"{name}: COLUMN")
            )
    return {n: find.several(columns, ("data", "inputs", n), free) for n, columns in spec.inputs.items()}


def _twice(spec: DataSpec) -> set[str]:
    """The patterns that stand both in inputs and in targets, as an autoencoder's do."""
    return target_patterns(spec) & {name for names in (spec.inputs or {}).values() for name in names}


def _needs_names(names: list[str], find: _Finder) -> dict[str, list[str]]:
    """The model has several inputs, but `inputs` is a list of columns."""
    expected = "{" + ", ".join(f"{n}: COLUMN" for n in names) + "}"
    find.problems.append(
        Problem(
            f"the model has {len(names)} inputs; say which takes which columns", ("data", "inputs"), expected
        )
    )
    return {}


def taken(spec: DataSpec, roles: Roles) -> dict[str, list[str]]:
    """The columns that patterns stand for, by the place in the data section: `inputs`, `columns.p*`."""
    found = {}
    for name, names in (spec.inputs or {}).items():
        if any("*" in n or n.startswith("!") for n in names):
            only = name == ONLY
            found["inputs" if only else f"inputs.{name}"] = (
                next(iter(roles.inputs.values())) if only else roles.inputs[name]
            )
    inputs = list(dict.fromkeys(c for columns in roles.inputs.values() for c in columns))
    for pattern in spec.columns:
        if "*" in pattern and not pattern.startswith("!"):
            found[f"columns.{pattern}"] = [c for c in inputs if pattern_for(spec, c) == pattern]
    return found

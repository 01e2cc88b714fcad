"""The settings of a trial: suggested, or listed for a grid; as overrides; checked beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from nnctl.core.errors import ConfigError, Problem, nearest
from nnctl.spec.language.sweep import Range, SweepSpec
from nnctl.spec.load import LoadedExperiment, load
from nnctl.spec.yaml.emit import flow

Settings = dict[str, Any]
"""Values by path; a range that does not count has none."""

Suggest = Callable[[str, Range], Any]


def chosen(sweep: SweepSpec, suggest: Suggest) -> Settings:
    """One value of each range that counts, each after those that it depends on."""
    ranges, found = sweep.every(), Settings()
    for path in sweep.order():
        if counts(ranges[path], found):
            found[path] = suggest(path, ranges[path])
    return {path: found[path] for path in ranges if path in found}


def counts(range_: Range, settings: Mapping[str, Any]) -> bool:
    """Whether the other settings are as a range wants them."""
    for path, wanted in range_.when.items():
        values = wanted if isinstance(wanted, list | tuple) else [wanted]
        if path not in settings or settings[path] not in values:
            return False
    return True


def grid(sweep: SweepSpec) -> list[Settings]:
    """Every combination, once: those that differ only in what does not count are one."""
    ranges = sweep.every()
    values = [ranges[path].values() or [] for path in ranges]
    found: list[Settings] = []
    for combination in product(*values):
        given = dict(zip(ranges, combination, strict=True))
        settings = chosen(sweep, lambda path, _, given=given: given[path])  # type: ignore[misc]
        if settings not in found:
            found.append(settings)
    return found


def overrides(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The settings as `--set` takes them; what holds others comes first."""
    paths = sorted(settings, key=lambda path: path.count("."))
    return tuple(f"{path}={flow(settings[path])}" for path in paths)


def check_ranges(config: Path, given: Sequence[str], loaded: LoadedExperiment, names: Sequence[str]) -> None:
    """Try the ends of every range in the config.

    Args:
        given: Overrides of the command line.
        names: What the logs have.

    Raises:
        ConfigError: a path names nothing, a value cannot stand there, or nothing is called as the objective.
    """
    sweep = loaded.experiment.sweep
    assert sweep is not None
    problems = list(_problems(config, given, sweep))
    if sweep.objective not in names:
        message = f"the logs have no '{sweep.objective}'"
        listed = f"one of {', '.join(names)}"
        problems.append(Problem(message, ("sweep", "objective"), listed, nearest(sweep.objective, names)))
    if problems:
        raise loaded.fail(problems)


def _problems(config: Path, given: Sequence[str], sweep: SweepSpec) -> Iterator[Problem]:
    for path, range_ in sweep.every().items():
        for end in range_.ends():
            try:
                load(config, [*given, *overrides({**_before(sweep, path), path: end})])
            except ConfigError as error:
                first = error.problems[0]
                message = f"{path}: {flow(end)} cannot stand there: {first.message}"
                at = ("sweep", "ranges", path)
                yield Problem(message, at, first.expected, first.suggestion, at_key=True)
                break


def _before(sweep: SweepSpec, path: str) -> Settings:
    """Values of the settings that `path` depends on, with which it counts."""
    ranges, found = sweep.every(), Settings()
    for other in sweep.order():
        if other in ranges[path].when:
            wanted = ranges[path].when[other]
            found |= _before(sweep, other) | {other: wanted[0] if isinstance(wanted, list) else wanted}
    return found

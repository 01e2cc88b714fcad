"""`test` and `record`: configs as a test suite, each trained in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from nnctl.core.errors import ConfigError, NnctlError
from nnctl.core.threads import thread_count
from nnctl.runs.directory import MANIFEST
from nnctl.runs.record import Record
from nnctl.spec.yaml.document import read_document
from nnctl.workflow.processes import Lost, each_alone, ended_by_sigterm
from nnctl.workflow.trial import Trial, attempt

ENDINGS = (".yaml", ".yml")


def configs_in(paths: Sequence[Path]) -> list[Path]:
    """The experiments that are meant: files as they are named, and of a directory those below it, by name.

    In a directory, what is no experiment (no key `nnctl`) is passed by, and so are runs and hidden folders.

    Raises:
        ConfigError: a path is not there; there is no experiment in any.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise ConfigError(f"there is no {path}")
        found += _below(path) if path.is_dir() else [path]
    if not found:
        raise ConfigError(f"there is no experiment in {', '.join(map(str, paths))}")
    return list(dict.fromkeys(found))


def _below(directory: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(directory):
        if MANIFEST in files:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place) / name
            if path.suffix in ENDINGS and _is_experiment(path):
                yield path


def _is_experiment(path: Path) -> bool:
    """Whether a file says that it is one; one that cannot be read may be, and is then told of."""
    try:
        data = read_document(path).data
    except NnctlError:
        return any(line.startswith("nnctl:") for line in path.read_text(errors="replace").splitlines())
    return isinstance(data, dict) and "nnctl" in data


def run_all(
    configs: Sequence[Path],
    *,
    jobs: int = 1,
    threads: int | None = None,
    overrides: Sequence[str] = (),
    allow_plugins: bool = False,
    strict: bool = False,
    recording: bool = False,
    watch: Callable[[Trial], None] = lambda trial: None,
) -> list[Trial]:
    """Train each config in a process of its own, `jobs` at a time; what became of them, in their order.

    Args:
        threads: For each; default: the cores that there are, shared out evenly.
        watch: Told of each as soon as it is done.
    """
    each = threads or max(1, thread_count(None) // min(jobs, len(configs)))
    one = partial(
        attempt_alone,
        threads=each,
        overrides=tuple(overrides),
        allow_plugins=allow_plugins,
        strict=strict,
        recording=recording,
    )
    found: dict[int, Trial] = {}
    with ended_by_sigterm():
        for number, result in each_alone(one, configs, jobs):
            if isinstance(result, Lost):
                result = Trial(configs[number], 0.0, error=NnctlError(result.words()))
            watch(result)
            found[number] = result
    return [found[number] for number in range(len(configs))]


def attempt_alone(config: Path, **how: object) -> Trial:
    """`attempt`, where an exception of nnctl's own is a trial that failed, and ends no other."""
    try:
        return attempt(config, **how)  # type: ignore[arg-type]
    except Exception as error:
        return Trial(
            config, 0.0, error=NnctlError(f"a fault of nnctl's own: {type(error).__name__}: {error}")
        )


def exit_code(trials: Sequence[Trial]) -> int:
    """The first fault's; else 4 where something does not hold; else 0."""
    codes = [trial.exit_code for trial in trials]
    faults = [code for code in codes if code not in (0, 4)]
    return faults[0] if faults else max(codes, default=0)


def write_record(trial: Trial) -> None:
    """Write what a trial came to beside its config, in place of an older record.

    Raises:
        RunError: what is there is no record.
        StorageError: it cannot be written.
    """
    assert trial.made is not None
    assert trial.record is not None
    if trial.record.exists():
        Record.read(trial.record)
    trial.made.write(trial.record)


def update_records(trials: Sequence[Trial]) -> list[Trial]:
    """Write the records anew of configs that have one and now come to something else; which these are.

    Raises:
        StorageError: one cannot be written.
    """
    stale = [t for t in trials if t.exit_code == 0 and t.before is not None and t.made != t.before]
    for trial in stale:
        write_record(trial)
    return stale

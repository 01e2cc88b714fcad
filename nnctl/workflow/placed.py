"""Problems and warnings with their places in the config file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from nnctl.core.errors import ConfigError, DataError, Problem
from nnctl.spec.load import LoadedExperiment


def placed_warnings(loaded: LoadedExperiment, warnings: Sequence[Problem]) -> tuple[Problem, ...]:
    """The warnings with their places, in document order, each once."""
    return tuple(loaded.document.locate(warnings))


def refuse_warnings(warnings: Sequence[Problem]) -> None:
    """`--strict`: what would only be said is an error.

    Raises:
        ConfigError: there is a warning.
    """
    if warnings:
        raise ConfigError([replace(warning, severity="error") for warning in warnings])


@contextmanager
def collected(problems: list[Problem]) -> Iterator[None]:
    """Add the problems of a ConfigError to `problems` and go on behind the block.

    What is wrong with the data waits where the config has problems: it may come from them.
    """
    try:
        yield
    except ConfigError as error:
        problems += error.problems
    except DataError:
        if not problems:
            raise


@contextmanager
def placed(loaded: LoadedExperiment) -> Iterator[None]:
    """Give the problems of a ConfigError their places in the config file, and a DataError its file's path.

    A config names files relative to itself; who reads the error stands elsewhere.
    """
    try:
        yield
    except DataError as error:
        if error.file is not None:
            seen = os.path.normpath(loaded.directory / error.file)
            # A checkpoint may stand elsewhere than the config it holds.
            if loaded.file.suffix != ".h5" or os.path.exists(seen):
                error.file = seen
        raise
    except ConfigError as error:
        if any(problem.place is None for problem in error.problems):
            raise loaded.fail(error.problems) from None
        raise

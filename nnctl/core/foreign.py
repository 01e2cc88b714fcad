"""Errors of code that is not nnctl's own: what a plugin raises is told in its words, with its line."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from nnctl.core.errors import ConfigError, Path, Problem, ShapeError
from nnctl.core.spec import Spec


def is_foreign(thing: object) -> bool:
    """Whether the class of `thing` is a plugin's."""
    return not type(thing).__module__.startswith("nnctl.")


def raised(thing: object, error: BaseException) -> str:
    """What code of the class of `thing` raised: kind, words, and the innermost of its lines.

    $NNCTL_TRACEBACK has the whole traceback on stderr too, for those who write plugins.
    """
    if "NNCTL_TRACEBACK" in os.environ:
        traceback.print_exception(error)
    file = file_of(type(thing))
    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    missing = lacking(error)
    if missing is not None and not lines:
        return missing[1]
    where = f" ({lines[-1].filename}:{lines[-1].lineno}, in {lines[-1].name})" if lines else ""
    return f"{type(thing).__name__} raised {in_one_line(error)}{where}"


def file_of(cls: type) -> str | None:
    """The file of the module that defines a class."""
    return getattr(sys.modules.get(cls.__module__), "__file__", None)


def lacking(error: BaseException) -> tuple[type, str] | None:
    """The class that lacks what was asked of it (an attribute, what a base only names), and words for it."""
    if isinstance(error, AttributeError):
        owner, name = error.obj, error.name
    elif isinstance(error, NotImplementedError):
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        owner, name = frame.f_locals.get("self", frame.f_locals.get("cls")), frame.f_code.co_name
    else:
        return None
    cls = owner if isinstance(owner, type) else type(owner)
    if not issubclass(cls, Spec):
        return None
    return cls, f"{cls.__name__} has no '{name}', which its base class wants of it"


def in_one_line(error: BaseException) -> str:
    """The kind and words of an exception of somebody else's code."""
    text = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    short = text if len(text) <= 300 else f"{text[:300]}..."
    return f"{type(error).__name__}: {short}" if short else type(error).__name__


@contextmanager
def told(thing: object, what: str, path: Path) -> Iterator[None]:
    """Have shapes that do not fit, and whatever a plugin's `thing` raises, be errors of `what` at `path`.

    Raises:
        ConfigError: instead of such an exception.
    """
    try:
        yield
    except ShapeError as error:
        raise ConfigError(Problem(f"{what}: {error}", (*path, *error.path), error.expected)) from error
    except Exception as error:
        if not is_foreign(thing):
            raise
        raise ConfigError(Problem(f"{what}: {raised(thing, error)}", path)) from error

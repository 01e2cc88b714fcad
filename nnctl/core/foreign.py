"""Errors of code that is not nnctl's own: what a plugin raises is told in its words, with its line."""

from __future__ import annotations

import os
import sys
import traceback


def is_foreign(thing: object) -> bool:
    """Whether the class of `thing` is a plugin's."""
    return not type(thing).__module__.startswith("nnctl.")


def raised(thing: object, error: BaseException) -> str:
    """What code of the class of `thing` raised: kind, words, and the innermost of its lines.

    $NNCTL_TRACEBACK has the whole traceback on stderr too, for those who write plugins.
    """
    if "NNCTL_TRACEBACK" in os.environ:
        traceback.print_exception(error)
    file = getattr(sys.modules.get(type(thing).__module__), "__file__", None)
    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    where = f" ({lines[-1].filename}:{lines[-1].lineno}, in {lines[-1].name})" if lines else ""
    text = " ".join(str(error).split())
    return f"{type(thing).__name__} raised {type(error).__name__}{': ' if text else ''}{text}{where}"

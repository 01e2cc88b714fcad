"""How deep a YAML text nests, where its parser gave up before it could say so.

A parser reads ahead (libyaml up to a line or 1,024 characters) and may have a bound of its own on nesting. It
then raises while the events that tell nnctl's bound are still to come. What stands before the place of that
error does not reach the parser's bound, so reading only that part brings those events.
"""

from __future__ import annotations

from typing import Any

import yaml

_STEPS_BACK = (0, 1, 8, 64, 512)
"""How far before the error to cut: parsers place it on, or shortly behind, what they refuse."""


def too_deep(text: str, error: Any, limit: int, loader: Any) -> Any | None:
    """The event that opens a collection inside `limit` others, before the place of the parser's `error`."""
    mark = getattr(error, "problem_mark", None)
    end = len(text) if mark is None else mark.index
    if sum(text.count(opener, 0, end) for opener in "[{-?:") <= limit:
        return None
    for back in _STEPS_BACK:
        found = _opened_below(text[: max(0, end - back)], limit, loader)
        if found is not None:
            return found
    return None


def _opened_below(text: str, limit: int, loader: Any) -> Any | None:
    depth = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > limit:
                    return event
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        return None
    return None

"""What a field takes, in words, read from its annotation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from nnctl.core.spec import OneOf
from nnctl.layers.entry import Entry
from nnctl.spec.language.annotations import alternatives, is_spec
from nnctl.spec.language.by_output import ByOutput
from nnctl.spec.yaml.emit import scalar_text

MANY = 12
"""A list of more words than this is cut short."""

_SHORT = ("true or false", "text", "a whole number", "a number")
"""How parts begin that a comma and `or null` may follow."""

_BOUNDS = (("ge", "{} or more"), ("gt", "above {}"), ("le", "at most {}"), ("lt", "below {}"))


def expectation(annotation: Any) -> str | None:
    """What may stand where `annotation` does, or None if the annotation does not say."""
    parts: dict[str, None] = {}
    literals: list[str] = []
    for bare, metadata in alternatives(annotation):
        if get_origin(bare) is Literal:
            literals += [_word(value) for value in get_args(bare)]
            continue
        part = _part(bare, metadata)
        if part is None:
            return None
        parts[part] = None
    if literals:
        parts = {_or(literals): None, **parts}
    if "null" in parts and len(parts) > 1:
        del parts["null"]
        if all(part.startswith(_SHORT) for part in parts):
            return " or ".join(parts) + ", or null"
    return " or ".join(parts)


def one_of(words: list[str]) -> str:
    """`one of` the words, or the only one; cut short where there are many; `none` where there are none."""
    if len(words) > MANY:
        return f"one of {', '.join(words[:MANY])}, ..."
    return f"one of {_or(words)}" if len(words) > 1 else "".join(words) or "none"


def _or(words: list[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def words(annotation: Any) -> Iterator[str]:
    """The words that may stand where `annotation` does: literals and names of a registry."""
    for bare, metadata in alternatives(annotation):
        if get_origin(bare) is Literal:
            yield from (value for value in get_args(bare) if isinstance(value, str))
        for mark in metadata:
            if isinstance(mark, OneOf | ByOutput):
                choice = mark.choice if isinstance(mark, ByOutput) else mark
                yield from choice.registry.words()


def _word(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else scalar_text(value)


def _part(bare: Any, metadata: tuple[Any, ...]) -> str | None:
    for mark in metadata:
        if type(mark).__name__ == "PlainValidator":
            return None
        if isinstance(mark, OneOf | ByOutput):
            return _choice(mark)
    if bare is None or bare is type(None):
        return "null"
    if bare is Entry:
        return "a layer's name, or a mapping with 'type' (or 'use')"
    if is_spec(bare):
        return f"a mapping with keys such as {_or(list(bare.model_fields)[:5])}"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    if bare in names:
        return ", ".join([names[bare], *_bounds(metadata)]).replace(", above", " above")
    return _collection(bare)


def _choice(mark: OneOf | ByOutput) -> str:
    choice = mark.choice if isinstance(mark, ByOutput) else mark
    kind = choice.registry.kind
    article = "an" if kind[0] in "aeiou" else "a"
    text = f"{article} {kind}'s name or a mapping with 'type'"
    if choice.also:
        text = f"{choice.also}, {text}"
    return f"{text}, or either by output name" if isinstance(mark, ByOutput) else text


def _bounds(metadata: tuple[Any, ...]) -> Iterator[str]:
    constraints = [c for mark in metadata for c in (mark, *getattr(mark, "metadata", ()))]
    for attribute, text in _BOUNDS:
        for constraint in constraints:
            bound = getattr(constraint, attribute, None)
            if bound is not None and not callable(bound):
                # Versions of Pydantic disagree on whether a 0 written for a float is 0.0.
                whole = isinstance(bound, float) and bound.is_integer()
                yield text.format(int(bound) if whole else bound)
                break


def _collection(bare: Any) -> str | None:
    origin, args = get_origin(bare), get_args(bare)
    if origin is dict and args:
        inner = expectation(args[1])
        return f"a mapping of names, each to {inner}" if inner else "a mapping"
    if origin in (list, tuple) and args:
        fixed = origin is tuple and args[-1] is not Ellipsis
        each = {expectation(arg) for arg in args if arg is not Ellipsis}
        inner = each.pop() if len(each) == 1 else None
        head = f"a list of {len(args)}" if fixed else "a list"
        return f"{head}, each {inner}" if inner else head
    return None

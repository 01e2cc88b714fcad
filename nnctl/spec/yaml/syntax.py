"""What can be wrong with a YAML text, said in a user's words."""

from __future__ import annotations

import re
from typing import Any

from nnctl.core.errors import Problem, nearest
from nnctl.spec.yaml.nodes import MappingNode, ScalarNode, YamlNode
from nnctl.spec.yaml.source_text import SourceText, Span, refuse

_BLANK = re.compile(r"[ \t]*(#.*)?")

_WORDS: tuple[tuple[str, str, str | None], ...] = (
    (
        "mapping values are not allowed",
        "a ':' cannot stand here",
        "one 'key: value' a line, keys of one mapping indented alike; quotes around a value that holds ': '",
    ),
    (
        "could not find expected ':'",
        "this line is no 'key: value'",
        "a ':' and a space after the key",
    ),
    (
        "did not find expected key",
        "this does not line up with the keys above it",
        "the same indentation as the mapping's other keys",
    ),
    (
        "did not find expected '-' indicator",
        "this does not line up with the list above it",
        "'- ' at the same indentation as the list's other entries",
    ),
    ("block sequence entries are not allowed", "a list cannot begin here", "the list on a line of its own"),
    ("did not find expected node content", "a value is missing here", None),
    ("did not find expected ',' or ']'", "a list in [ ] is not finished here", "',' or ']'"),
    ("did not find expected ',' or '}'", "a mapping in { } is not finished here", "',' or '}'"),
    ("found unexpected end of stream", "a quote is opened and never closed", "a closing quote"),
    ("found unknown escape character", "this escape is unknown", r"\\ for a backslash, or single quotes"),
    ("found a tab character", "a tab cannot indent YAML", "spaces"),
)


def syntax_problem(error: Any, source: SourceText, start: int) -> Problem:
    """A parser's error as a problem with a place."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    if mark is None:
        return Problem(f"this is not YAML: {said}", place=source.place(0, 0))
    context = getattr(error, "context_mark", None)
    points_back = "end of stream" in said or "could not find expected ':'" in said
    if points_back and context is not None:
        mark = context
    line, column = mark.line, mark.column + (start if mark.line == 0 else 0)
    place = source.place(line, column)
    if not "".join(source.lines[line:]).strip():
        place = source.place_at(len(source.text.rstrip()))
    tab = _indenting_tab(place.text)
    if tab is not None and tab <= column:
        return Problem("a tab cannot indent YAML", expected="spaces", place=source.place(line, tab))
    if "cannot start any token" in said:
        char = place.text[column : column + 1]
        return Problem(f"a value cannot begin with '{char}'", expected="quotes around the value", place=place)
    for part, message, expected in _WORDS:
        if part in said:
            opened = getattr(error, "context_mark", None)
            if opened is not None and ("not finished" in message):
                message += f" (it was opened in line {opened.line + 1})"
            return Problem(message, expected=expected, place=place)
    return Problem(f"this is not YAML: {said}", place=place)


def _indenting_tab(line: str) -> int | None:
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    return indent.find("\t") if "\t" in indent else None


def directive_problem(source: SourceText, start: int) -> None:
    """Refuse `%TAG` and unknown directives before the document: tags are refused anyway.

    Raises:
        ConfigError: there is one.
    """
    for number, line in enumerate(source.lines):
        text = line[start:] if number == 0 else line
        if text.startswith("%") and not text.startswith("%YAML "):
            raise refuse("directives are refused: a config is plain YAML", source.place(number, 0))
        if not text.startswith("%") and not _BLANK.fullmatch(text):
            return


def after_document(source: SourceText, index: int) -> None:
    """Refuse anything but comments after the first document.

    Raises:
        ConfigError: there is more.
    """
    place = source.place_at(index)
    rest = place.text[place.column - 1 :]
    for number in range(place.line - 1, len(source.lines)):
        line = rest if number == place.line - 1 else source.lines[number]
        if _BLANK.fullmatch(line) or line.rstrip() == "...":
            continue
        column = place.column - 1 if number == place.line - 1 else 0
        if line.startswith(("---", "%", "...")):
            raise refuse("a second document begins here", source.place(number, column), "one document a file")
        column += len(line) - len(line.lstrip())
        raise refuse(
            "this does not belong to what stands above it",
            source.place(number, column),
            "the same indentation as the keys it belongs with",
        )


def alias_problem(name: str, is_open: bool, known: list[str], span: Span) -> Problem:
    """An alias that names no anchor, or one that it is part of."""
    if is_open:
        return Problem(f"*{name} would contain itself", place=span.place)
    close = nearest(name, known)
    return Problem(f"there is no anchor &{name} above", suggestion=close and f"*{close}", place=span.place)


def key_problem(node: YamlNode, mapping: MappingNode, alias: bool) -> Problem | None:
    """What is wrong with a key, if anything. A key is text: an unquoted one is taken as written."""
    place = node.span.place
    if alias or not isinstance(node, ScalarNode):
        what = "an alias" if alias else "a list or a mapping"
        return Problem(f"{what} cannot be a key", expected="a name", place=place)
    key = str(node.value)
    if node.plain and key in ("", "~", "null", "Null", "NULL"):
        return Problem("a key is missing or null", expected="a name", place=place)
    if node.plain and key == "<<":
        message = "merge keys (<<) are not part of YAML 1.2"
        return Problem(message, expected="the keys written out, or an alias for a whole value", place=place)
    if key in mapping.entries:
        first = mapping.entries[key][0]
        message = f"the key '{key}' is given twice; first in line {first.line + 1}, column {first.column + 1}"
        return Problem(message, expected="each key once", place=place)
    return None

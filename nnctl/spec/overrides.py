"""`--set a.b.c=VALUE`: a value from the command line put into the document, with its own place."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nnctl.core.errors import ConfigError, Path, Problem, nearest
from nnctl.core.records import record
from nnctl.spec.diagnosis.expectation import one_of
from nnctl.spec.language.names import named_entries
from nnctl.spec.yaml.nodes import MappingNode, ScalarNode, SequenceNode, YamlNode, child, plain, with_child
from nnctl.spec.yaml.parse import compose
from nnctl.spec.yaml.reading import checked
from nnctl.spec.yaml.source_text import SourceText, Span, refuse

_SOURCES = ("source", "train", "validation", "test")

_STEP = re.compile(r"\"([^\"]*)\"|'([^']*)'|([^.\"'=]+)")


@record
class Step:
    """One word of an override's path, with where it stands."""

    text: str
    span: Span


@record
class Override:
    """A parsed `a.b.c=VALUE`."""

    source: SourceText
    steps: tuple[Step, ...]
    value: YamlNode
    value_start: int

    @property
    def text(self) -> str:
        """As given."""
        return self.source.text

    @property
    def value_text(self) -> str:
        """The value as given."""
        return self.text[self.value_start :].strip()


def parse_all(texts: Sequence[str]) -> tuple[list[Override], list[Problem]]:
    """The overrides that can be read, and what is wrong with the others."""
    overrides: list[Override] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            overrides.append(parse(text))
        except ConfigError as error:
            problems += error.problems
    return overrides, problems


def parse(text: str, file: str = "--set") -> Override:
    """Read `a.b.c=VALUE`; a step with dots or '=' in it can be quoted.

    Raises:
        ConfigError: there is no '=', a step is empty, or the value is not YAML; placed in the override.
    """
    source = checked(SourceText(file, text))
    steps: list[Step] = []
    at = 0
    while True:
        found = _STEP.match(text, at)
        if found is None:
            what = "a key or an index" if steps else "KEY=VALUE, such as training.epochs=3"
            raise refuse("there is no key here", _span(source, at, at).place, what)
        word = next(group for group in found.groups() if group is not None)
        steps.append(Step(word, _span(source, at, found.end())))
        at = found.end() + 1
        separator = text[found.end() : at]
        if separator == "=":
            break
        if separator != ".":
            place = _span(source, found.end(), found.end()).place
            raise refuse("an override needs a value", place, "KEY=VALUE, such as training.epochs=3")
    value = compose(source, start=at) if text[at:].strip() else ScalarNode(_span(source, at, at), None)
    return Override(source, tuple(steps), value, at)


def seed_override(seed: int) -> Override:
    """What `--seed N` does, as an override."""
    return parse(f"seed={seed}", "--seed")


def _span(source: SourceText, start: int, end: int) -> Span:
    line = source.text.count("\n", 0, start)
    column = start - (source.text.rfind("\n", 0, start) + 1)
    return Span(source, start, end, line, column)


def apply(root: YamlNode, overrides: Sequence[Override]) -> tuple[YamlNode, list[Problem]]:
    """A copy of the document with the overrides put in, in order; and those whose paths name nothing."""
    problems: list[Problem] = []
    for override in overrides:
        try:
            root = _put(root, override, 0, ())
        except ConfigError as error:
            problems += error.problems
    return root, problems


def _put(node: YamlNode, override: Override, depth: int, path: Path) -> YamlNode:
    step, last = override.steps[depth], depth == len(override.steps) - 1
    node = _opened(node, step, path)
    key = _resolve(node, step, path, last)
    if last:
        return with_child(node, key, step.span, override.value)
    below: YamlNode
    if isinstance(node, MappingNode):
        below = node.entries[str(key)][1]
    else:
        assert isinstance(node, SequenceNode)
        assert isinstance(key, int)
        below = node.items[key]
    changed = _put(below, override, depth + 1, (*path, key))
    return with_child(node, key, step.span, changed)


def resolve_path(root: YamlNode, override: Override) -> tuple[YamlNode, str | int]:
    """The node that the override's last step is in (as it is, a bare name unopened), and the key or index.

    Raises:
        ConfigError: the path names nothing.
    """
    node: YamlNode = root
    path: Path = ()
    for step in override.steps[:-1]:
        key = _resolve(_opened(node, step, path), step, path, False)
        found = child(node, key)
        assert found is not None
        node, path = found[1], (*path, key)
    last = override.steps[-1]
    return node, _resolve(_opened(node, last, path), last, path, True)


def _opened(node: YamlNode, step: Step, path: Path) -> YamlNode:
    """A bare name becomes `{type: name}` (a source `{path: file}`), null `{}`; other scalars hold none."""
    if not isinstance(node, ScalarNode):
        return node
    if node.value is None:
        return MappingNode(node.span, {}, True)
    if isinstance(node.value, str) and len(path) > 1:
        key = "path" if path[0] == "data" and path[1] in _SOURCES else "type"
        return MappingNode(node.span, {key: (node.span, node)}, True)
    where = ".".join(map(str, path))
    raise refuse(f"'{where}' is a single value; there is no '{step.text}' in it", step.span.place)


def _resolve(node: YamlNode, step: Step, path: Path, last: bool) -> str | int:
    """The key or index that a step means.

    Raises:
        ConfigError: it means nothing.
    """
    where = f"'{'.'.join(map(str, path))}'" if path else "the config"
    if isinstance(node, MappingNode):
        if last or step.text in node.entries:
            return step.text
        raise _no_such(f"{where} has no '{step.text}'", step, list(node.entries))
    assert isinstance(node, SequenceNode)
    names = [entry.name for entry in named_entries(plain(node), [])]
    if step.text.isascii() and step.text.isdigit():
        if int(step.text) < len(node.items):
            return int(step.text)
        count = len(node.items)
        expected = f"0 to {count - 1}" if count else None
        raise refuse(f"{where} has {count} entries, no number {step.text}", step.span.place, expected)
    if step.text in names:
        return names.index(step.text)
    raise _no_such(f"{where} has no entry '{step.text}'", step, names)


def _no_such(message: str, step: Step, known: list[str]) -> ConfigError:
    expected = one_of(known) if known else None
    close = nearest(step.text, known)
    return ConfigError(Problem(message, expected=expected, suggestion=close, place=step.span.place))

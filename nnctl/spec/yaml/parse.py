"""YAML to nodes with positions, one pass over the parser's events; hostile documents stop early.

PyYAML's composers and constructors are not used: the C one crashes on deep nesting, both take the last of
duplicate keys silently, and their scalars follow YAML 1.1. Only the event parser is, which keeps a stack of
its own and does not recurse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

from nnctl.core.errors import ConfigError, Problem
from nnctl.spec.yaml.nesting import too_deep
from nnctl.spec.yaml.nodes import MappingNode, ScalarNode, SequenceNode, YamlNode
from nnctl.spec.yaml.reading import MAX_BYTES
from nnctl.spec.yaml.scalars import read_scalar
from nnctl.spec.yaml.source_text import SourceText, Span, refuse
from nnctl.spec.yaml.syntax import (
    after_document,
    alias_problem,
    directive_problem,
    key_problem,
    syntax_problem,
)

MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_PROBLEMS = 200
"""After so many problems the rest is not read."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class _Size:
    """What a node costs with its aliases written out."""

    nodes: int
    characters: int
    height: int


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet; `nodes` and `characters` are those before it."""

    node: SequenceNode | MappingNode
    anchor: str | None
    nodes: int
    characters: int
    key: tuple[str, Span] | None = None
    height: int = 0


def compose(source: SourceText, *, start: int = 0) -> YamlNode:
    """Parse `source.text[start:]`; positions refer to the whole text (`start` lies in its first line).

    Raises:
        ConfigError: with every problem that could be found: syntax, bounds, tags, duplicate keys.
    """
    return _Composer(source, start).run()


class _Composer:
    def __init__(self, source: SourceText, start: int) -> None:
        self.source = source
        self.start = start
        self.nodes = 0
        self.characters = 0
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[YamlNode, _Size] | None] = {}
        self.problems: list[Problem] = []
        self.root: YamlNode | None = None

    def run(self) -> YamlNode:
        directive_problem(self.source, self.start)
        try:
            for event in self._events():
                self._take(event)
                if len(self.problems) > MAX_PROBLEMS:
                    raise refuse("and perhaps more", self._span(event).place)
                if isinstance(event, yaml.DocumentEndEvent):
                    after_document(self.source, self._span(event).end)
                    break
        except ConfigError as error:
            self.problems += error.problems
        if self.problems:
            raise ConfigError(self.problems)
        if self.root is None:
            raise refuse("the config is empty", self.source.place(0, 0))
        return self.root

    def _events(self) -> Iterator[Any]:
        text = self.source.text[self.start :]
        try:
            yield from yaml.parse(text, Loader=_Loader)
        except yaml.YAMLError as error:
            deep = too_deep(text, error, MAX_DEPTH, _Loader)
            if deep is not None:
                raise self._nested_too_deep(self._span(deep)) from None
            raise ConfigError(syntax_problem(error, self.source, self.start)) from None

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self._open(event)
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            self._close(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)

    def _span(self, event: Any) -> Span:
        mark = event.start_mark
        shift = self.start if mark.line == 0 else 0
        return Span(
            self.source,
            self.start + mark.index,
            self.start + event.end_mark.index,
            mark.line,
            mark.column + shift,
        )

    def _grow(self, span: Span, nodes: int, characters: int, height: int) -> None:
        self.nodes += nodes
        self.characters += characters
        if self.nodes > MAX_NODES:
            raise refuse(f"the config expands to more than {MAX_NODES:,} nodes", span.place)
        if self.characters > MAX_BYTES:
            raise refuse(f"the config expands to more than {MAX_BYTES // 2**20} MiB of text", span.place)
        if len(self.stack) + height > MAX_DEPTH:
            raise self._nested_too_deep(span)

    @staticmethod
    def _nested_too_deep(span: Span) -> ConfigError:
        return refuse(f"the config is nested deeper than {MAX_DEPTH} levels", span.place)

    def _refuse_tag(self, event: Any, span: Span) -> None:
        if event.tag is not None:
            written = self.source.text[span.start : span.start + 80].split()
            tag = next((word for word in written if word.startswith("!")), "!")
            message = f"the tag {tag} is refused: a config holds plain data"
            self.problems.append(Problem(message, place=span.place))

    def _scalar(self, event: Any) -> None:
        span = self._span(event)
        self._grow(span, 1, len(event.value), 0)
        self._refuse_tag(event, span)
        is_plain = bool(event.implicit[0])
        value = event.value
        if is_plain and not self._at_key():
            try:
                value = read_scalar(value)
            except ValueError as error:
                self.problems.append(Problem(str(error), place=span.place))
        node = ScalarNode(span, value, is_plain)
        self._add(node, event.anchor, _Size(1, len(event.value), 0))

    def _open(self, event: Any) -> None:
        span = self._span(event)
        self._grow(span, 1, 0, 1)
        self._refuse_tag(event, span)
        flow = bool(event.flow_style)
        is_list = isinstance(event, yaml.SequenceStartEvent)
        node = SequenceNode(span, [], flow) if is_list else MappingNode(span, {}, flow)
        if event.anchor:
            self.anchors[event.anchor] = None
        self.stack.append(_Open(node, event.anchor, self.nodes - 1, self.characters))

    def _close(self, event: Any) -> None:
        done = self.stack.pop()
        done.node.span = done.node.span._replace(end=self.start + event.end_mark.index)
        size = _Size(self.nodes - done.nodes, self.characters - done.characters, done.height + 1)
        self._add(done.node, done.anchor, size)

    def _alias(self, event: Any) -> None:
        span = self._span(event)
        target = self.anchors.get(event.anchor)
        if target is None:
            is_open = event.anchor in self.anchors
            raise ConfigError(alias_problem(event.anchor, is_open, list(self.anchors), span))
        node, size = target
        self._grow(span, size.nodes, size.characters, size.height)
        self._add(replace(node, span=span), None, size, alias=True)

    def _at_key(self) -> bool:
        top = self.stack[-1] if self.stack else None
        return top is not None and isinstance(top.node, MappingNode) and top.key is None

    def _add(self, node: YamlNode, anchor: str | None, size: _Size, alias: bool = False) -> None:
        if anchor:
            self.anchors[anchor] = (node, size)
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        top.height = max(top.height, size.height)
        if isinstance(top.node, SequenceNode):
            top.node.items.append(node)
        elif top.key is None:
            top.key = self._key(node, top.node, alias)
        else:
            key, span = top.key
            top.node.entries.setdefault(key, (span, node))
            top.key = None

    def _key(self, node: YamlNode, mapping: MappingNode, alias: bool) -> tuple[str, Span]:
        problem = key_problem(node, mapping, alias)
        if problem:
            self.problems.append(problem)
        key = node.value if isinstance(node, ScalarNode) else ""
        return str(key), node.span

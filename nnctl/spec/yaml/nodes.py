"""A parsed document: scalars, sequences and mappings that know where they were written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from nnctl.core.errors import Path
from nnctl.spec.yaml.scalars import Scalar
from nnctl.spec.yaml.source_text import Span


@dataclass(slots=True)
class ScalarNode:
    """A scalar; `plain` if it was not quoted."""

    span: Span
    value: Scalar
    plain: bool = True


@dataclass(slots=True)
class SequenceNode:
    """A list; `flow` if written in brackets."""

    span: Span
    items: list[YamlNode]
    flow: bool = False


@dataclass(slots=True)
class MappingNode:
    """A mapping: key to where the key is and its value; `flow` if written in braces."""

    span: Span
    entries: dict[str, tuple[Span, YamlNode]]
    flow: bool = False


YamlNode = ScalarNode | SequenceNode | MappingNode


def plain(node: YamlNode) -> Any:
    """The node as plain Python data, nothing shared. Recursion is bounded by the loader's depth limit."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, (_, value) in node.entries.items()}


def child(node: YamlNode, step: str | int) -> tuple[Span, YamlNode] | None:
    """The child at a key or an index, with the span of the key (of the child itself in a list)."""
    if isinstance(node, MappingNode):
        return node.entries.get(str(step))
    if isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.items):
        found = node.items[step]
        return found.span, found
    return None


def find(root: YamlNode, path: Path) -> tuple[Span, YamlNode, int]:
    """Follow `path` as far as it exists: the last key's span, the node, and the steps taken."""
    span, node = root.span, root
    for taken, step in enumerate(path):
        below = child(node, step)
        if below is None:
            return span, node, taken
        span, node = below
    return span, node, len(path)


def with_child(node: YamlNode, step: str | int, key: Span, value: YamlNode) -> YamlNode:
    """A copy of a mapping or list with one child put in place; the rest is shared."""
    if isinstance(node, MappingNode):
        entries = dict(node.entries)
        entries[str(step)] = (entries[str(step)][0] if str(step) in entries else key, value)
        return replace(node, entries=entries)
    assert isinstance(node, SequenceNode)
    assert isinstance(step, int)
    return replace(node, items=[*node.items[:step], value, *node.items[step + 1 :]])

"""A config as written: its text, its data, and where in the text each piece of data came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

from nnctl.core.errors import ConfigError, Path, Place, Problem
from nnctl.spec.yaml.nodes import MappingNode, YamlNode, find, plain
from nnctl.spec.yaml.parse import compose
from nnctl.spec.yaml.reading import read_source
from nnctl.spec.yaml.source_text import SourceText


class Document:
    """A parsed config; `root` may hold nodes from other sources (overrides), named in `others`."""

    def __init__(self, source: SourceText, root: YamlNode, others: Sequence[SourceText] = ()) -> None:
        self.source = source
        self.root = root
        self.others = tuple(others)

    @cached_property
    def data(self) -> Any:
        """The plain data: dicts, lists, strings, numbers, booleans, None."""
        return plain(self.root)

    def place(self, path: Path, at_key: bool = False) -> Place:
        """Where the value at `path` begins (or its key); the nearest enclosing value if it is not written."""
        span, node, taken = find(self.root, path)
        if taken == len(path) and at_key:
            return span.place
        if taken < len(path) and isinstance(node, MappingNode) and not node.flow:
            return span.place
        return node.span.place

    def written(self, path: Path) -> bool:
        """Whether the document says anything at `path`."""
        return find(self.root, path)[2] == len(path)

    def locate(self, problems: Sequence[Problem]) -> list[Problem]:
        """The problems with their places filled in, in document order, each once."""
        placed = [p if p.place else replace(p, place=self.place(p.path, p.at_key)) for p in problems]
        unique: dict[tuple[Place | None, str], Problem] = {}
        for problem in placed:
            unique.setdefault((problem.place, problem.message), problem)
        return sorted(unique.values(), key=self._order)

    def _order(self, problem: Problem) -> tuple[bool, int, int, int]:
        """The config first, then the overrides as they were given."""
        place = problem.place
        assert place is not None
        elsewhere = place.file != self.source.file
        others = self.others if elsewhere else ()
        number = next((n for n, other in enumerate(others) if place.text in other.lines), len(others))
        return elsewhere, number, place.line, place.column


def read_document(path: FilePath | str) -> Document:
    """Read and parse a config file; its root must be a mapping.

    Raises:
        ConfigError: it cannot be read or is not YAML as nnctl takes it.
    """
    return parse_document(read_source(path))


def parse_document(source: SourceText) -> Document:
    """Parse a config's text; its root must be a mapping.

    Raises:
        ConfigError: it is not YAML as nnctl takes it.
    """
    root = compose(source)
    if not isinstance(root, MappingNode):
        message = "a config is a mapping of keys to values"
        raise ConfigError(
            Problem(message, expected="'nnctl: 1', 'data:', 'model:' ...", place=root.span.place)
        )
    return Document(source, root)

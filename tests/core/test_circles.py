"""No two modules need each other: whoever reads one finds all that it stands on below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter

from tests.core.test_declarations import TREES

MODULES = {"nnctl." + file.removesuffix(".py").replace("/", "."): tree for file, tree in TREES.items()}


def _imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, within functions, too; types may speak of each other."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield from _imported(node)
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                yield inner if inner in MODULES else node.module


def test_no_imports_go_in_a_circle() -> None:
    graph = {name: {found for found in _imported(tree) if found in MODULES} for name, tree in MODULES.items()}
    assert sum(map(len, graph.values())) > 1000
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle

"""What only annotations name is imported for type checkers alone: `--help` and `check` stay quick by that."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "nnctl"


def test_imports_for_types_are_not_made_when_nnctl_runs() -> None:
    """Each condition with TYPE_CHECKING in it is that and nothing else, and has no other side."""
    seen = 0
    for file in PACKAGE.rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        if "TYPE_CHECKING" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                assert ast.unparse(node.test) == "TYPE_CHECKING", file
                assert not node.orelse, file
                seen += 1
    assert seen > 10

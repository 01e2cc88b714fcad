"""Functions of formulas, called by kernels that are written out."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[2] / "nnctl" / "kernels"
DEFINED = ("mathfn", "special")
"""Where Numba is told what they are."""


def imports(file: Path) -> dict[str, set[str]]:
    """By module of nnctl.kernels: the names that a file imports of it."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.setdefault(node.module.rpartition(".")[2], set()).update(alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            found |= {alias.name.rpartition(".")[2]: set() for alias in node.names}
    return found


@pytest.mark.parametrize("file", sorted(KERNELS.glob("*.py")), ids=lambda file: str(file.stem))
def test_whoever_calls_one_imports_what_it_is(file: Path) -> None:
    """Else the kernel is compiled only where something else has imported it before."""
    found = imports(file)
    if found.get("functions") and file.stem not in DEFINED:
        assert found.keys() & set(DEFINED), f"{file.name} calls {found['functions']}"

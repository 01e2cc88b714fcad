"""The docstrings below fields, read from the source when somebody asks (Pydantic would at every start)."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise

from nnctl.core.spec import Spec


def field_docs(cls: type[Spec]) -> dict[str, str]:
    """What the docstring below each field says, inherited fields included."""
    docs = field_docs(cls.documented_by) if cls.documented_by else {}
    for base in reversed(cls.__mro__):
        if issubclass(base, Spec):
            docs |= _own_docs(base)
    return {name: text for name, text in docs.items() if name in cls.model_fields}


@cache
def _own_docs(cls: type[Spec]) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    docs: dict[str, str] = {}
    for statement, following in pairwise(body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            text = _text(following)
            if text is not None:
                docs[statement.target.id] = " ".join(text.split())
    return docs


def _text(statement: ast.stmt) -> str | None:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None

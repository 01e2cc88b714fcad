"""An operator of Cosmic Ray's kind that it has not: a call, a raise or an update in place is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import parso
from cosmic_ray.operators.operator import Example, Operator


class DropStatement(Operator):  # type: ignore[misc]
    """`f(x)`, `raise Error` or `x += 1` becomes `pass`."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if (
            node.type in ("atom_expr", "power", "raise_stmt", "expr_stmt")
            and node.parent.type == "simple_stmt"
        ):
            is_call = node.type in ("atom_expr", "power") and node.children[-1].type == "trailer"
            is_update = node.type == "expr_stmt" and str(getattr(node.children[1], "value", "")).endswith("=")
            is_update = is_update and node.children[1].value != "="
            # What a subclass must give says so by raising this; nothing runs it.
            is_raise = node.type == "raise_stmt" and "NotImplementedError" not in node.get_code()
            if is_call or is_update or is_raise:
                yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        return parso.python.tree.Keyword("pass", node.start_pos, node.get_first_leaf().prefix)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return tuple(Example(f"{was}\n", "pass\n") for was in ("f(x)", "x += 1", "raise E"))

"""The mutants there are: Cosmic Ray's operators on nnctl's sources, kernels left out; and samples of them."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

from tests.mutants.drop_statement import DropStatement

ROOT = Path(__file__).parents[2]
PACKAGES = [
    "runner", "callbacks", "data", "spec", "losses", "metrics", "optimizers", "schedules", "initializers",
    "regularizers", "constraints", "activations", "layers", "graph", "program", "runs", "workflow",
]  # fmt: skip
"""What is mutated. The inner loops of kernels have oracles of their own."""

_COMPARISONS = {
    "Eq": ["NotEq"], "NotEq": ["Eq"], "Lt": ["LtE", "GtE"], "LtE": ["Lt", "Gt"], "Gt": ["GtE", "LtE"],
    "GtE": ["Gt", "Lt"], "Is": ["IsNot"], "IsNot": ["Is"],
}  # fmt: skip
_BINARY = [
    ("Add", "Sub"), ("Sub", "Add"), ("Mul", "Div"), ("Div", "Mul"), ("FloorDiv", "Mul"), ("Mod", "FloorDiv"),
    ("Pow", "Mul"), ("BitAnd", "BitOr"), ("BitOr", "BitAnd"), ("LShift", "RShift"), ("RShift", "LShift"),
]  # fmt: skip
OPERATORS: dict[str, Any] = {
    name: get_operator(f"core/{name}")
    for name in [
        *(f"ReplaceComparisonOperator_{a}_{b}" for a, others in _COMPARISONS.items() for b in others),
        *(f"ReplaceBinaryOperator_{a}_{b}" for a, b in _BINARY),
        "ReplaceUnaryOperator_USub_UAdd", "ReplaceUnaryOperator_Delete_Not", "AddNot",
        "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd",
        "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ExceptionReplacer", "NumberReplacer",
        "ZeroIterationForLoop",
    ]
} | {"DropStatement": DropStatement}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change of one place: the `occurrence`-th that `operator` finds in `file`, in `line` (from 1)."""

    file: str
    operator: str
    occurrence: int
    line: int

    @property
    def package(self) -> str:
        """The package of nnctl that it is in."""
        return self.file.split("/")[1]

    def code(self) -> str:
        """The whole file as mutated."""
        source = (ROOT / self.file).read_text(encoding="utf-8")
        made = mutate_code(source, OPERATORS[self.operator](), self.occurrence)
        assert made is not None
        return made

    def change(self) -> tuple[str, str]:
        """What the changed lines were and what they are."""
        before = (ROOT / self.file).read_text(encoding="utf-8").splitlines()
        after = self.code().splitlines()
        start = 0
        while start < min(len(before), len(after)) and before[start] == after[start]:
            start += 1
        end = 0
        while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
            end += 1
        was, now = before[start : len(before) - end], after[start : len(after) - end]
        return " ".join(s.strip() for s in was), " ".join(s.strip() for s in now)


def mutants_of(file: str) -> Iterator[Mutant]:
    """Every mutant of a file. What only type checkers read, and a `*` among parameters, is left alone."""
    tree = get_ast((ROOT / file).read_text(encoding="utf-8"))
    for name, made in OPERATORS.items():
        operator = made()
        positions = (
            (node, start) for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node)
        )
        for occurrence, (node, start) in enumerate(positions):
            if not (_in_annotation(node) or _keyword_only(node) or _dotted_exception(node, start)):
                yield Mutant(file, name, occurrence, start[0])


def sources(packages: Iterable[str]) -> list[str]:
    """The files of some packages."""
    found = [p for package in packages for p in (ROOT / "nnctl" / package).rglob("*.py")]
    return sorted(str(p.relative_to(ROOT)) for p in found)


def drawn(mutants: Iterable[Mutant], seed: str) -> list[Mutant]:
    """All of them, in an order drawn by `seed`: the first so many are a sample."""

    def rank(mutant: Mutant) -> bytes:
        return hashlib.sha256(f"{seed} {mutant}".encode()).digest()

    return sorted(mutants, key=rank)


def commit() -> str:
    """The hash of the present commit."""
    return _git("rev-parse", "HEAD").strip()


def changed_lines(since: str) -> dict[str, set[int]]:
    """File to the lines that are not what they were at the revision `since`."""
    found: dict[str, set[int]] = {}
    file = ""
    for line in _git("diff", "--unified=0", "--no-color", since, "--", "nnctl").splitlines():
        if line.startswith("+++ "):
            file = line[len("+++ b/") :]
        elif at := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            first, count = int(at[1]), int(at[2] or 1)
            found.setdefault(file, set()).update(range(first, first + count))
    return found


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def _keyword_only(node: Any) -> bool:
    """Whether it is the `*` among parameters, which multiplies nothing."""
    return bool(node.type == "operator" and node.parent.type == "parameters")


def _dotted_exception(node: Any, start: tuple[int, int]) -> bool:
    """Whether it is a dotted name among several exceptions, which Cosmic Ray cannot replace."""
    if node.type != "except_clause":
        return False
    parent = node.get_leaf_for_position((start[0], start[1] + 1)).parent
    return bool(parent.type in ("atom_expr", "power") and parent.parent.type != "except_clause")


def _in_annotation(node: Any) -> bool:
    while node.parent is not None:
        parent = node.parent
        at = next(i for i, child in enumerate(parent.children) if child is node)
        if parent.type in ("annassign", "tfpdef") and at >= 1 and parent.children[at - 1] == ":":
            return True
        if parent.type == "funcdef" and parent.children[at - 1] == "->":
            return True
        node = parent
    return False

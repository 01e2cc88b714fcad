"""Which tests may notice a mutant: those that run its line, the quickest first."""

from __future__ import annotations

import ast
import functools
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.mutants.choose import ROOT, Mutant
from tests.mutants.nursery import Nursery, watch_tests

_CLOSE = {
    "activations": "activations layers/test_layers.py ops",
    "callbacks": "callbacks runner workflow/test_last_moments.py spec/test_problems.py",
    "constraints": "constraints optimizers spec/test_problems.py",
    "data": "data",
    "graph": "graph workflow/test_indices.py workflow/test_labels.py workflow/test_lengths.py"
    " cli/test_check.py workflow/test_trial.py",
    "initializers": "initializers",
    "layers": "layers spec/test_names.py",
    "losses": "losses",
    "metrics": "metrics losses",
    "optimizers": "optimizers schedules",
    "program": "program",
    "regularizers": "regularizers layers/test_layers.py",
    "runner": "runner workflow/test_last_moments.py",
    "runs": "runs workflow/test_trial.py workflow/test_bisect_record.py workflow/test_verify.py",
    "schedules": "schedules optimizers",
    "spec": "spec workflow/test_all_at_once.py workflow/test_expected.py",
    "storage": "storage runs",
    "workflow": "workflow cli",
}
"""Where the tests of a package are, below tests/."""

_EVERYWHERE = ["docs/test_generated.py", "core/test_declarations.py"]
"""What is not called is noticed here: bounds of fields, imports for types, which classes are values."""

_DECLARED = tuple(f"tests/{path}" for path in _EVERYWHERE)

_MOST_SECONDS = 90.0
"""Of processor time that the tests of one mutant may take without it."""


class Covering:
    """What the tests of one package run."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.seconds: dict[str, float] = found["seconds"]
        self.lines: dict[str, dict[str, list[str]]] = found["lines"]

    def tests(self, mutant: Mutant) -> list[str]:
        """The tests that run the mutant's line, the quickest first.

        A declaration is tried without running a line of its file, a field's bounds say: of these all tests,
        those of what is declared anywhere first, then those that run a line of the file.
        """
        lines = self.lines.get(mutant.file, {})
        turns = [set(lines.get(str(mutant.line), []))]
        if not _in_function(mutant.file, mutant.line):
            everywhere = {name for name in self.seconds if name.startswith(_DECLARED)}
            turns = [everywhere, {name for found in lines.values() for name in found}, set(self.seconds)]
        elif not turns[0]:
            # What a forked process runs is not seen: whatever runs the function that forks.
            within = min((body for body in _bodies(mutant.file) if mutant.line in body), key=len)
            turns = [{name for line in within for name in lines.get(str(line), [])}]
        chosen, spent = [], 0.0
        for name in dict.fromkeys(name for turn in turns for name in self._quickest(turn)):
            spent += self.seconds.get(name, 0.0)
            if spent > _MOST_SECONDS and chosen:
                break
            chosen.append(name)
        return chosen

    def _quickest(self, names: Iterable[str]) -> list[str]:
        return sorted(names, key=lambda n: (self.seconds.get(n, 0.0), n))

    def cost(self, tests: Iterable[str]) -> float:
        """The processor time of some tests without a mutant, in seconds."""
        return sum(self.seconds.get(name, 0.0) for name in tests)


@functools.cache
def _bodies(file: str) -> list[range]:
    """The lines of each function's body."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [range(n.body[0].lineno, (n.end_lineno or n.body[0].lineno) + 1) for n in found]


def _in_function(file: str, line: int) -> bool:
    return any(line in body for body in _bodies(file))


def covering(package: str, nursery: Nursery) -> Covering:
    """Watch the tests of a package, or remember what was seen when sources and tests were the same."""
    paths = [f"tests/{p}" for p in [*_CLOSE[package].split(), *_EVERYWHERE] if (ROOT / "tests" / p).exists()]
    kept = ROOT / ".make" / "mutants" / f"{package}-{_state(package, paths)}.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        nursery.run(lambda told: watch_tests(paths, told), cpu=3600, wall=7200)
        told = (nursery.place / "told").read_text()
        for old in kept.parent.glob(f"{package}-*.json"):
            old.unlink()
        kept.write_text(told)
    return Covering(json.loads(kept.read_text()))


def _state(package: str, paths: list[str]) -> str:
    total = hashlib.sha256()
    for place in [f"nnctl/{package}", *paths]:
        at = Path(ROOT / place)
        for file in sorted(at.rglob("*.py")) if at.is_dir() else [at]:
            total.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return total.hexdigest()[:16]

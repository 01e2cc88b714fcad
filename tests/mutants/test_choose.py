"""The mutants are what they say: changes that parse, drawn alike for one commit, none where nothing runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

import pytest

pytest.importorskip("cosmic_ray", reason="make mutants installs it")

from cosmic_ray.mutating import mutate_code

from tests.mutants import choose, record
from tests.mutants.choose import Mutant, changed_lines, drawn, mutants_of
from tests.mutants.covering import Covering
from tests.mutants.drop_statement import DropStatement

FILE = "nnctl/runner/rhythm.py"


@cache
def _mutants(file: str) -> list[Mutant]:
    return list(mutants_of(file))


def _changes(file: str, *parts: str) -> Iterator[tuple[str, str]]:
    """What mutants of the lines with one of the parts change, or of those that are within one, one by one."""
    lines = [line.strip() for line in (choose.ROOT / file).read_text().splitlines()]
    near = {i + 1 for i, line in enumerate(lines) if any(p in line or (line and line in p) for p in parts)}
    return (m.change() for m in _mutants(file) if m.line in near)


def test_every_mutant_is_another_program_in_its_line() -> None:
    source = (choose.ROOT / FILE).read_text()
    found = list(mutants_of(FILE))
    assert len(found) > 20
    for mutant in found:
        made = mutant.code()
        assert ast.dump(ast.parse(made)) != ast.dump(ast.parse(source)), mutant
        was, now = mutant.change()
        assert was != now
        assert source.splitlines()[mutant.line - 1].strip().startswith(was.split(" ")[0]), mutant


def test_the_planted_faults_of_old_are_among_them() -> None:
    changes = [*_changes(FILE, "% self.every"), *_changes("nnctl/runner/train.py", "self.best", "bad >= 0")]
    assert any("<=" in now and "self.best" in now for _, now in changes)
    assert any("if bad > 0 else" in now for _, now in changes)
    assert ("return step % self.every == 0", "return step % self.every == 1") in changes


def test_what_is_dropped() -> None:
    for example in DropStatement.examples():
        assert mutate_code(example.pre_mutation_code, DropStatement(), 0) == example.post_mutation_code
    for kept in ["x = f(1)", "raise NotImplementedError", '"""Words."""', "x: int = 3", "return f(x)"]:
        assert mutate_code(kept, DropStatement(), 0) is None


def test_annotations_and_marks_of_parameters_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Where:
        def __truediv__(self, file: str) -> Where:
            return self

        def read_text(self, encoding: str) -> str:
            return "def f(a: Literal[1, 2], *, b: int = 1) -> Literal[3]:\n    c: Literal[4] = 5\n"

    monkeypatch.setattr(choose, "ROOT", Where())
    found = [m for m in mutants_of("x.py") if m.operator == "NumberReplacer"]
    assert [m.line for m in found] == [1, 1, 2, 2]
    assert not any("Mul" in m.operator for m in mutants_of("x.py"))


def test_a_sample_is_drawn_by_the_seed() -> None:
    found = list(mutants_of(FILE))
    assert drawn(found, "a") == drawn(reversed(found), "a")
    assert drawn(found, "a")[:5] != drawn(found, "b")[:5]
    assert sorted(drawn(found, "a"), key=repr) == sorted(found, key=repr)


def test_changed_lines_are_those_of_the_diff(monkeypatch: pytest.MonkeyPatch) -> None:
    diff = "--- a/nnctl/a.py\n+++ b/nnctl/a.py\n@@ -1,2 +1,3 @@ f()\n+x\n@@ -9 +11 @@\n+y\n@@ -20 +30,0 @@\n"
    monkeypatch.setattr(choose, "_git", lambda *arguments: diff)
    assert changed_lines("HEAD~1") == {"nnctl/a.py": {1, 2, 3, 11}}


def test_what_was_tried_is_told_by_package() -> None:
    rows = [
        record.Tried("nnctl/runs/a.py", "AddNot", "if a:", "if not a:", outcome)
        for outcome in ("killed", "killed", "survived")
    ]
    assert record.table(rows).splitlines()[2:] == [
        "| runs | 3 | 2 | 1 | 0 | 66.7% |",
        "| all | 3 | 2 | 1 | 0 | 66.7% |",
    ]


def test_reasons_are_given_for_what_is_there() -> None:
    """A reason whose line has gone is deleted with it."""
    for (file, was, now), why in record.equivalent().items():
        assert why
        assert (was, now) in _changes(file, was), (file, was, now)
    assert Mutant("nnctl/runs/lock.py", "AddNot", 0, 1).package == "runs"


def test_a_dotted_exception_among_several_is_left_alone() -> None:
    """Cosmic Ray cannot replace it; the names beside it are replaced."""
    file = "nnctl/data/sources/arrays.py"
    line = "except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:"
    assert line in (choose.ROOT / file).read_text()
    replaced = [now for was, now in _changes(file, line) if was == line and "CosmicRay" in now]
    names = ("EOFError", "OSError", "RuntimeError")
    assert sorted(name for now in replaced for name in names if name not in now) == list(names)


def test_which_tests_a_mutant_is_tried_by() -> None:
    """The quickest first; of what forks, those of its function; of a declaration, all."""
    source = (choose.ROOT / FILE).read_text().splitlines()
    inside = next(n for n, line in enumerate(source, 1) if line.strip().startswith("return "))
    outside = next(n for n, line in enumerate(source, 1) if line.startswith("class "))
    known = Covering({
        "seconds": {"a": 3.0, "b": 1.0, "c": 0.5, "tests/docs/test_generated.py::pages": 9.0, "long": 80.0},
        "lines": {FILE: {str(inside): ["a", "b"], str(outside): []}},
    })  # fmt: skip
    assert known.tests(Mutant(FILE, "AddNot", 0, inside)) == ["b", "a"]
    declared = known.tests(Mutant(FILE, "NumberReplacer", 0, outside))
    assert declared == ["tests/docs/test_generated.py::pages", "b", "a", "c"]
    forks = Covering({"seconds": {"a": 1.0}, "lines": {FILE: {str(inside - 1): ["a"]}}})
    assert forks.tests(Mutant(FILE, "AddNot", 0, inside)) == ["a"]
    assert Covering({"seconds": {"a": 1.0}, "lines": {}}).tests(Mutant(FILE, "AddNot", 0, outside)) == ["a"]

"""What became of the mutants that were tried: a file in the checkout, and the table in docs/mutants.md."""

from __future__ import annotations

import fcntl
import functools
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import yaml

from tests.mutants.choose import PACKAGES, ROOT

_TRIED = ROOT / "tests" / "mutants" / "tried.jsonl"
_EQUIVALENT = ROOT / "tests" / "mutants" / "equivalent.yaml"
_PAGE = ROOT / "docs" / "mutants.md"


@dataclass(frozen=True)
class Tried:
    """One mutant by what its line was and became (lines move), and whether a test noticed."""

    file: str
    operator: str
    was: str
    now: str
    outcome: str
    """`killed`, `survived`."""
    by: str = ""
    """The first test that failed."""

    @property
    def place(self) -> tuple[str, str, str]:
        return self.file, self.was, self.now


def read() -> dict[tuple[str, str, str], Tried]:
    """What was tried and is still in the sources."""
    rows = [Tried(**json.loads(line)) for line in _TRIED.read_text().splitlines()] if _TRIED.exists() else []
    return {row.place: row for row in rows if row.was in _lines(row.file)}


@functools.cache
def _lines(file: str) -> str:
    """A file's lines as `Tried.was` has them: without indents, one after the other."""
    path = ROOT / file
    return " ".join(map(str.strip, path.read_text(encoding="utf-8").splitlines())) if path.exists() else ""


def keep(row: Tried) -> None:
    """Keep what became of one more, the page too. Several processes may do so at once."""
    with open(__file__, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = read() | {row.place: row}
        kept = sorted(rows.values(), key=lambda row: (row.place, row.operator))
        _TRIED.write_text("".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in kept))
        text = _PAGE.read_text(encoding="utf-8")
        head, mark, _ = text.partition("<!-- table -->\n")
        _PAGE.write_text(head + mark + table(kept), encoding="utf-8")


def equivalent() -> dict[tuple[str, str, str], str]:
    """Mutants that no test can notice, with the reason."""
    listed = yaml.safe_load(_EQUIVALENT.read_text(encoding="utf-8")) or []
    return {(e["file"], e["was"], e["now"]): e["why"] for e in listed}


def table(rows: Iterable[Tried]) -> str:
    """Package by package: how many were tried, killed and survived, and the share killed."""
    rows, reasons = list(rows), equivalent()
    lines = [
        "| package | tried | killed | survived | equivalent | killed of those that can be |",
        "| --- " * 6 + "|",
    ]
    for package in [*PACKAGES, ""]:
        mine = [r for r in rows if not package or r.file.split("/")[1] == package]
        same = sum(r.outcome == "survived" and r.place in reasons for r in mine)
        killed = sum(r.outcome == "killed" for r in mine)
        if mine:
            share = killed / max(1, len(mine) - same)
            survived = len(mine) - killed - same
            lines.append(
                f"| {package or 'all'} | {len(mine)} | {killed} | {survived} | {same} | {share:.1%} |"
            )
    return "\n".join(lines) + "\n"

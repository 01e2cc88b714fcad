"""The fenced blocks of the documentation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])

_FENCE = re.compile(r"^```(\S+) ?(.*?)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it is, its language, the rest of its first line, its text."""

    page: Path
    line: int
    language: str
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(language: str, info: str | None = None) -> list[Block]:
    """Every block of a language; with `info`, those whose first line says so."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            block = Block(page, line, match[1], match[2].strip(), match[3])
            if block.language == language and info in (None, block.info):
                found.append(block)
    return found


def commands(page: Path) -> list[str]:
    """The `nnctl` commands of a page's shell blocks, in order, comments taken off."""
    lines = [line for block in blocks("sh", "") if block.page == page for line in block.text.splitlines()]
    return [re.sub(r"\s{2,}#.*", "", line).strip() for line in lines if line.startswith("nnctl ")]


def programs(page: Path) -> list[Block]:
    """A page's whole Python programs."""
    return [block for block in blocks("python", "") if block.page == page]

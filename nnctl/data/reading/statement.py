"""What can be known of an SQL query without asking a database: that it only reads, and in an order."""

from __future__ import annotations

import re

_APART = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/|[()]|[^'"`$()/-]+|.""",
    re.DOTALL,
)
_ORDER = re.compile(r"\border\s+by\b", re.IGNORECASE)
_BEGIN = re.compile(r"\s*(select|with)\b", re.IGNORECASE)


def outermost(query: str) -> str:
    """The words of a query that stand in no brackets, quotes or comments."""
    depth, said = 0, []
    for found in _APART.finditer(query):
        part = found[0]
        if part == "(":
            depth += 1
        elif part == ")":
            depth -= 1
        elif not part.startswith(("--", "/*")) and depth == 0:
            said.append("?" if part[0] in "'\"`" or found[1] is not None else part)
        if part in "()" or part.startswith(("--", "/*")):
            said.append(" ")
    return "".join(said)


def fault(query: str) -> str | None:
    """What keeps a query from being a table in a known order; None: nothing."""
    words = outermost(query).strip().removesuffix(";")
    if ";" in words:
        return "expected a single statement"
    if not _BEGIN.match(words):
        return "expected a SELECT"
    if not _ORDER.search(words):
        return "needs an ORDER BY at its end: without one the rows have no order, and their split none"
    return None

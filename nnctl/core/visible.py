"""Text from files, as it may reach a terminal: nothing in it moves the cursor, colours, or never ends."""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST = 600
"""Characters of a message that anyone reads."""


_WHO = re.compile(r"(?<=://)[^\s/:@]*:[^\s]*(?=@)")


def without_passwords(text: str) -> str:
    """A text of the same length, in which stars stand for the user and password of addresses."""
    return _WHO.sub(lambda found: "*" * len(found[0]), text) if "://" in text else text


def visible(text: str, longest: int | None = None) -> str:
    """One line in which what a terminal would act on is written out (`\\x1b`); tabs stay.

    Names, manifests, configs and cells come from files, and files from strangers. What is not printable
    (control characters, changes of direction, halves of surrogate pairs) is escaped; a text of more than
    `longest` characters is cut.
    """
    if longest is not None and len(text) > longest:
        text = f"{text[:longest]}..."
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else _escaped(c) for c in text)


def visible_lines(text: str) -> str:
    """`visible` of each line."""
    return "\n".join(map(visible, text.split("\n")))


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names side by side; of very many the first ones, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown

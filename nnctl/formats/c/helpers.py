"""The functions that a C file needs, each a text: only those that are used are written.

A text may speak of `real`, the model's float type, and of FMA, SQRT, FLOOR, ABS,
        COPYSIGN and MIN_NORMAL of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

Text = Callable[[str], str]
"""The C text of a function for models of a dtype, "float32" or "float64"."""

_TEXTS: dict[str, Text] = {}
_CALLED = re.compile(r"([a-z_]\w*)\(")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def helper(name: str, text: str | Text) -> None:
    """Have a function `name`, in C."""
    assert name not in _TEXTS, name
    _TEXTS[name] = text if callable(text) else lambda _: text


def known(name: str) -> bool:
    """Whether there is a function of that name."""
    return name in _TEXTS


class Helpers:
    """The functions of one file, each behind those that it calls."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.texts: dict[str, str] = {}

    def need(self, name: str) -> None:
        """Have a function in the file, and what it calls."""
        if name not in self.texts:
            self.add(name, _TEXTS[name](self.dtype))

    def add(self, name: str, text: str) -> None:
        """Have a function of this text in the file, and what it calls."""
        for word in dict.fromkeys(_CALLED.findall(_COMMENT.sub("", text))):
            if word != name and known(word):
                self.need(word)
        self.texts[name] = text.strip("\n")

    def lines(self) -> Iterable[str]:
        """The functions, in order."""
        for text in self.texts.values():
            yield ""
            yield from text.splitlines()

"""Texts as tokens, byte by byte what Keras's TextVectorization makes of them."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Protocol

from nnctl.data.text_fields import Split, Standardize

WORDS = 4
"""Cells of so many words on average are sentences."""

_PUNCTUATION = string.punctuation.encode()
_LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())


class Cutting(Protocol):
    """What says how texts are cut into tokens."""

    @property
    def standardize(self) -> Standardize | None:
        """What is done to a text first."""

    @property
    def split(self) -> Split:
        """Where it is cut."""

    @property
    def ngrams(self) -> Sequence[int] | None:
        """How many tokens side by side make one; None: each is one."""


def tokens(text: str, how: Cutting) -> list[bytes]:
    """The tokens of a text in order, in UTF-8.

    As TensorFlow's kernels do for Keras, only ASCII's letters are made small, only ASCII's punctuation goes,
    and only ASCII's blanks separate. N-grams come width by width: first all of the first width.
    """
    done = how.standardize or ""
    smaller = _LOWER if done.startswith("lower") else None
    dropped = _PUNCTUATION if done.endswith("strip_punctuation") else b""
    cleaned = text.encode("utf-8", "replace").translate(smaller, dropped)
    found = cleaned.split() if how.split == "whitespace" else [c.encode() for c in cleaned.decode()]
    if how.ngrams is None:
        return found
    return [
        b" ".join(found[start : start + width])
        for width in how.ngrams
        for start in range(len(found) - width + 1)
    ]


def look_like_texts(cells: Sequence[str]) -> bool:
    """Whether the cells are sentences, not names, by the number of their words."""
    return sum(len(cell.split()) for cell in cells) >= WORDS * max(1, len(cells))

"""A YAML parser's words for what is wrong: those that are known become nnctl's, others are quoted."""

from __future__ import annotations

import yaml

from tests.packaging.lock import is_locked

ARE_KNOWN = is_locked("pyyaml") and bool(getattr(yaml, "__with_libyaml__", False))
"""Whether the parser is the one whose words nnctl knows."""


def in_nnctls_words(message: str, words: str) -> bool:
    """Whether `message` has nnctl's `words`; of a parser whose words are not known its own are taken too."""
    return words in message or (not ARE_KNOWN and message.startswith("this is not YAML: "))

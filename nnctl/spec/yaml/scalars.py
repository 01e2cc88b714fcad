"""What an unquoted scalar means: the YAML 1.2 core schema."""

from __future__ import annotations

import re

Scalar = None | bool | int | float | str

MAX_DIGITS = 400
"""Longer integers are refused: no setting needs them, and printing them back can be costly."""

_NULL = frozenset(["", "~", "null", "Null", "NULL"])
_BOOL = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INF = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = frozenset([".nan", ".NaN", ".NAN"])


def read_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar: null, a boolean, a number, or else the text itself.

    Raises:
        ValueError: an integer of more than `MAX_DIGITS` digits.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        if len(text) > MAX_DIGITS:
            raise ValueError(f"a whole number of {len(text)} digits is refused")
        return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INF.fullmatch(text):
        return float(text.replace(".", "").lower())
    return float("nan") if text in _NAN else text

"""Plain data to YAML text that reads back the same by the YAML 1.2 core schema, and by YAML 1.1 readers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nnctl.spec.yaml.scalars import read_scalar

WIDTH = 100
"""A mapping or list that fits in so many columns is written on one line."""

_PLAIN = re.compile(r"[A-Za-z_./*][\w./*+-]*( [\w./*+-]+)*", re.ASCII)
_OLD_BOOLEANS = frozenset(["y", "n", "yes", "no", "on", "off"])
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_QUOTED = re.compile('[\\\\"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]')


def scalar_text(value: Any) -> str:
    """A scalar as YAML on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, int):
        return str(value)
    return value if _is_plain(str(value)) else quoted(str(value))


def _float_text(value: float) -> str:
    if value != value:
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return repr(value).replace("inf", ".inf")
    digits = repr(value)
    if "." not in digits and "e" in digits:
        digits = digits.replace("e", ".0e")
    return digits


def _is_plain(text: str) -> bool:
    if not _PLAIN.fullmatch(text) or text.lower() in _OLD_BOOLEANS or text.startswith("*"):
        return False
    return read_scalar(text) == text and text not in ("...", "---")


def quoted(text: str) -> str:
    """The text in double quotes."""
    return '"' + _QUOTED.sub(lambda found: _escape(found.group()), text) + '"'


def _escape(char: str) -> str:
    code = ord(char)
    return _ESCAPES.get(char) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def flow(value: Any) -> str:
    """Any plain data as YAML on one line: {a: 1, b: [x, y]}."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar_text(str(k))}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar_text(value)


def block(value: Any) -> str:
    """Any plain data as a YAML document; what fits on a line is written on one."""
    if not isinstance(value, dict | list | tuple) or not value:
        return flow(value) + "\n"
    return "".join(line + "\n" for line in _lines(value, 0))


def _lines(value: Any, indent: int) -> Iterator[str]:
    pad = " " * indent
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _entry(f"{pad}{scalar_text(str(key))}:", part, indent, indent == 0)
    else:
        for part in value:
            yield from _entry(f"{pad}-", part, indent, False)


def _entry(head: str, value: Any, indent: int, top: bool) -> Iterator[str]:
    """One `key:` or `-` with its value: on the line if it fits there, else below it."""
    line = f"{head} {flow(value)}"
    nested = isinstance(value, dict | list | tuple) and bool(value)
    has_sections = top and isinstance(value, dict)
    if not nested or (len(line) <= WIDTH and not has_sections):
        yield line
        return
    below = list(_lines(value, indent + 2))
    if head.endswith("-"):
        below[0] = head + below[0][indent + 1 :]
    else:
        yield head
    yield from below

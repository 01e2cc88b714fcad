"""Numbers, names, comments and arrays as C writes them."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Iterator

import numpy as np

from nnctl.core.arrays import Array

WIDTH = 110
"""Characters of a line, at most."""

C_TYPES = {
    "float32": "float", "float64": "double", "int32": "int32_t", "int64": "int64_t", "uint8": "uint8_t",
    "uint32": "uint32_t", "uint64": "uint64_t", "bool": "uint8_t",
}  # fmt: skip
"""A flag is a byte, 0 or 1, as in NumPy."""

_KEYWORDS = frozenset((
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern",
    "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short",
    "signed", "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile",
    "while",
))  # fmt: skip


def number(value: float, dtype: str) -> str:
    """A number of a dtype as a literal of exactly its value.

    Floats are hexadecimal, so that no compiler rounds them.
    """
    if not dtype.startswith("float"):
        suffix = {"uint64": "u", "uint32": "u", "int64": ""}.get(dtype, "")
        whole = int(value)
        if dtype == "int64":
            return f"INT64_C({whole})"
        return f"UINT64_C({whole})" if dtype == "uint64" else f"{whole}{suffix}"
    return _real(float(np.dtype(dtype).type(value)), "f" if dtype == "float32" else "")


def _real(exact: float, suffix: str) -> str:
    if not math.isfinite(exact):
        return "NAN" if math.isnan(exact) else "INFINITY" if exact > 0 else "-INFINITY"
    if exact.is_integer() and abs(exact) < 1 << 20:
        return f"{exact:.1f}{suffix}"
    mantissa, exponent = exact.hex().split("p")
    return f"{mantissa.rstrip('0').rstrip('.')}p{exponent}{suffix}"


def identifier(name: str) -> str:
    """A name as C takes it: letters of ASCII, digits and `_`."""
    made = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower() or "x"
    return f"{made}_" if made in _KEYWORDS else made if not made[0].isdigit() else f"n{made}"


def comment(text: str) -> str:
    """Text that ends no comment, and begins none."""
    return text.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


def quoted(text: str) -> str:
    """A string literal of a text's UTF-8 bytes."""
    made = []
    for byte in text.encode():
        plain = 32 <= byte < 127 and chr(byte) not in '"\\?'
        made.append(chr(byte) if plain else f"\\{byte:03o}")
    return '"' + "".join(made) + '"'


def shown(shape: Iterable[int]) -> str:
    """A shape in a comment."""
    return " x ".join(map(str, shape)) or "1"


def filled(pieces: Iterable[str], indent: str = "    ") -> Iterator[str]:
    """Lines of pieces with commas between them."""
    line = indent
    for piece in pieces:
        if len(line) + len(piece) > WIDTH - 1:
            yield line.rstrip()
            line = indent
        line += f"{piece}, "
    if line.strip():
        yield line.rstrip().rstrip(",")


def wrapped(text: str) -> list[str]:
    """Lines of a comment."""
    return textwrap.wrap(" ".join(text.split()), WIDTH - 4, subsequent_indent="    ")


def array(name: str, values: Array, kind: str | None = None) -> Iterator[str]:
    """Lines that define a constant array of a NumPy array's numbers."""
    dtype = values.dtype.name
    yield f"static const {kind or C_TYPES[dtype]} {name}[{values.size}] = {{"
    if dtype.startswith("float"):
        suffix = "f" if dtype == "float32" else ""
        yield from filled(_real(v, suffix) for v in values.ravel().tolist())
    else:
        yield from filled(number(v, dtype) for v in values.ravel().tolist())
    yield "};"

"""Bytes of a config file to text: size, encoding and forbidden characters are settled before parsing."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from nnctl.core.errors import ConfigError, Place, Problem
from nnctl.spec.yaml.source_text import SourceText, refuse

MAX_BYTES = 4 * 1024 * 1024
"""The largest config that is read."""

_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
"""What YAML's printable set leaves out, and the byte order mark where it is not one (said as what is allowed,
the same takes ten times as long to compile)."""

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def read_source(path: Path | str) -> SourceText:
    """Read a config file.

    Raises:
        ConfigError: the file is missing, unreadable, too large, not text, or holds forbidden characters.
    """
    name = str(path)
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(_about(name, "there is no such file")) from None
    except IsADirectoryError:
        held = Path(path) / "config.yaml"  # the directory of a run has one
        expected = str(held) if held.is_file() else None
        raise ConfigError(_about(name, "this is a directory, not a config file", expected)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(_about(name, f"cannot read this file: {reason}")) from None
    return decode(content, name)


def decode(content: bytes, name: str) -> SourceText:
    """Decode a config (UTF-8; UTF-16 and UTF-32 where a byte order mark says so).

    Raises:
        ConfigError: as `read_source`.
    """
    if len(content) > MAX_BYTES:
        raise ConfigError(_about(name, f"a config of more than {MAX_BYTES // 2**20} MiB is refused"))
    encoding = "utf-8"
    for mark, marked in _MARKS.items():
        if content.startswith(mark):
            content, encoding = content[len(mark) :], marked
            break
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        good = SourceText(name, content[: error.start].decode(encoding, "replace"))
        place = good.place_at(len(good.text))
        byte = content[error.start]
        raise refuse(f"this is not {encoding.upper()} text: byte 0x{byte:02x}", place) from None
    return checked(SourceText(name, text))


def checked(source: SourceText) -> SourceText:
    """`source`, if it holds no character that YAML forbids.

    Raises:
        ConfigError: it does; says which and where.
    """
    found = _FORBIDDEN.search(source.text)
    if found:
        code = f"U+{ord(found.group()):04X}"
        raise refuse(f"a config cannot hold the character {code}", source.place_at(found.start()))
    return source


def _about(file: str, message: str, expected: str | None = None) -> Problem:
    return Problem(message, expected=expected, place=Place(file, 0, 0))

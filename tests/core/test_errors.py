"""Errors as text."""

from __future__ import annotations

from nnctl.core.errors import DataError


def test_an_error_of_data_is_one_line_and_its_hint() -> None:
    """Words of the data stand in it, and a text's first character may be the end of a line."""
    error = DataError("'\n' does not occur", file="a.csv", row=3, column="c", hint="another column")
    assert str(error) == "a.csv:3, column 'c': '\\x0a' does not occur\n  another column"
    assert str(DataError("a\x1b[1m")) == "a\\x1b[1m"

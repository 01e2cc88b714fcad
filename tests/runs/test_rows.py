"""Rows in JSON: the text is json.dumps's own, whatever was remembered."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnctl.runs import rows

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=30,
)


@given(VALUES)
def test_the_same_text(value: Any) -> None:
    assert rows.dumps(value) == json.dumps(value)
    assert rows.dumps({"a": [value] * 9}) == json.dumps({"a": [value] * 9})


def test_a_row_that_changed_is_put_into_words_again() -> None:
    history: list[dict[str, Any]] = [{"epoch": n, "loss": math.nan, "deep": [n]} for n in range(9)]
    plain: list[dict[str, Any]] = [{"epoch": n, "loss": 1 / (n + 1)} for n in range(9)]
    for _ in range(2):
        assert rows.dumps([history, plain]) == json.dumps([history, plain])
        history[4]["deep"].append(7)
        plain[3]["loss"] = 0.25
        plain.append({"epoch": len(plain), "loss": 2.0})


def test_rows_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    history = [{"epoch": n, "loss": 0.5} for n in range(20)]
    rows.dumps(history)
    counted: list[Any] = []
    original = json.dumps

    def counting(value: Any) -> str:
        counted.append(value)
        return original(value)

    monkeypatch.setattr(json, "dumps", counting)
    history.append({"epoch": 20, "loss": 0.5})
    rows.dumps(history)
    assert counted == [history[-1]]

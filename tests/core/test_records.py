"""Records beside the dataclasses that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any

import pytest

from nnctl.core.records import record


def family(decorate: Callable[[type], type]) -> tuple[Any, Any, Any]:
    """A base, what derives from it, and one without fields."""

    @decorate
    class Base:
        kind = "no field"
        size: int
        names: list[str] = field(default_factory=list)

    @decorate
    class Derived(Base):  # type: ignore[misc,valid-type]
        rate: float = 0.5
        hidden: int = field(default=3, repr=False, compare=False)

        def __hash__(self) -> int:
            return 7

    @decorate
    class Empty:
        pass

    return Base, Derived, Empty


RECORDS = family(record)
FROZEN = family(dataclass(frozen=True))


@pytest.mark.parametrize(("base", "derived", "empty"), [RECORDS, FROZEN], ids=["record", "dataclass"])
def test_a_record_is_a_frozen_dataclass(base: Any, derived: Any, empty: Any) -> None:
    made = derived(4, rate=0.25)
    assert (made.size, made.names, made.rate, made.hidden, made.kind) == (4, [], 0.25, 3, "no field")
    assert derived(4).names is not derived(4).names
    assert repr(made).endswith("Derived(size=4, names=[], rate=0.25)")
    assert repr(empty()).endswith("Empty()")
    assert made == derived(4, [], 0.25, 9)
    assert made != derived(4, ["a"], 0.25)
    assert base(4) != derived(4)
    assert base(4) != 4
    assert empty() == empty()
    assert hash(made) == 7
    assert hash(empty()) == hash(empty())
    with pytest.raises(TypeError, match="unhashable"):
        hash(base(4))
    assert [f.name for f in fields(made)] == ["size", "names", "rate", "hidden"]
    assert replace(made, size=5) == derived(5, rate=0.25)
    assert asdict(base(2, ["b"])) == {"size": 2, "names": ["b"]}
    match made:
        case base(size, names):
            assert (size, names) == (4, [])


@pytest.mark.parametrize(("base", "derived", "empty"), [RECORDS, FROZEN], ids=["record", "dataclass"])
def test_what_it_does_not_take(base: Any, derived: Any, empty: Any) -> None:
    for wrong in (
        lambda: base(),
        lambda: base(1, [], 2),
        lambda: base(1, size=2),
        lambda: base(1, other=2),
        lambda: base(1, [], other=2),
        lambda: empty(1),
    ):
        with pytest.raises(TypeError):
            wrong()
    made = base(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'size'"):
        made.size = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'size'"):
        del made.size
    assert made.size == 1


def test_hashes_differ_by_what_is_compared() -> None:
    @record
    class Point:
        x: int
        y: int = field(default=0, compare=False)

    assert hash(Point(1)) == hash(Point(1, 5))
    assert len({Point(1), Point(2), Point(2, 3)}) == 2


def test_an_error_names_what_is_odd() -> None:
    base, _, empty = RECORDS
    with pytest.raises(TypeError, match="Base has size, names: not as given: other, size"):
        base(other=2)
    with pytest.raises(TypeError, match="Empty has no arguments: too many, or one twice"):
        empty(1)

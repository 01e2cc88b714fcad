"""Classes beside Keras with drawn arguments: a quarter of them everyday, all with `make parity`."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("keras")
pytest.importorskip("jax")

from tests.parity.families import FAMILIES
from tests.parity.family import RefusedError

pytestmark = pytest.mark.keras

CLASSES = [(kind, name) for kind, family in FAMILIES.items() for name in family.names()]


def drawn(at: int, kind: str, name: str, number: int) -> Any:
    """A class and a number: of every fourth class the first one everyday."""
    everyday = number == 0 and at % 4 == 0
    return pytest.param(kind, name, number, marks=() if everyday else pytest.mark.slow)


@pytest.mark.parametrize(
    ("kind", "name", "number"),
    [drawn(at, *names, number) for at, names in enumerate(CLASSES) for number in range(12)],
)
def test_as_in_keras(kind: str, name: str, number: int) -> None:
    family = FAMILIES[kind]
    try:
        drawn, found = family.compare(name, number)
    except RefusedError as refusal:
        pytest.skip(f"Keras: {refusal}")
    far = {what: value for what, value in found.items() if not value <= family.allowed(name)}
    assert not far, drawn

"""Every class beside Keras with drawn arguments: one draw a day for each, more with `make parity`."""

from __future__ import annotations

import pytest

pytest.importorskip("keras")
pytest.importorskip("jax")

from tests.parity.families import FAMILIES
from tests.parity.family import RefusedError

pytestmark = pytest.mark.keras

CLASSES = [(kind, name) for kind, family in FAMILIES.items() for name in family.names()]
MORE = [pytest.param(number, marks=pytest.mark.slow) for number in range(1, 12)]


@pytest.mark.parametrize("number", [0, *MORE])
@pytest.mark.parametrize(("kind", "name"), CLASSES, ids=lambda word: str(word))
def test_as_in_keras(kind: str, name: str, number: int) -> None:
    family = FAMILIES[kind]
    try:
        drawn, found = family.compare(name, number)
    except RefusedError as refusal:
        pytest.skip(f"Keras: {refusal}")
    far = {what: value for what, value in found.items() if value > family.tolerance}
    assert not far, drawn

"""What a family of classes says, so that its classes can be drawn and compared with Keras."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from nnctl.core.errors import ShapeError
from nnctl.core.registry import Registry
from tests.parity.draw import varied

TRIES = 40
"""How often a class is drawn anew where nnctl refuses what was drawn."""


class RefusedError(Exception):
    """Keras does not take what was drawn, or does not run it."""


class OverflowedError(Exception):
    """What was drawn leaves the range of floats: infinities and NaN come in another order."""


@dataclass(frozen=True)
class Drawn:
    """A class with drawn fields; `rest` is what its family needs beside them."""

    name: str
    fields: dict[str, Any]
    rest: tuple[Any, ...] = ()


class Family(ABC):
    """One family of classes."""

    registry: Registry[Any]
    tolerance = 1e-5
    """Of the largest magnitude of what is compared, in float32."""

    def names(self) -> list[str]:
        """The classes that have a line."""
        return sorted({name for name, _, _ in self.lines()})

    def allowed(self, name: str) -> float:
        """How far a class may be from Keras's."""
        return self.tolerance

    @abstractmethod
    def lines(self) -> Iterable[tuple[str, Mapping[str, Any], tuple[Any, ...]]]:
        """(class, fields, what else the family's comparison takes) for each line."""

    @abstractmethod
    def deviations(self, drawn: Drawn, draw: random.Random) -> dict[str, float]:
        """How far each quantity is from Keras's, of its largest magnitude.

        Raises:
            ValidationError, ShapeError: nnctl refuses it.
            RefusedError: Keras does.
        """

    def drawn(self, name: str, draw: random.Random) -> Drawn:
        """One of the class's lines, with other values for some arguments."""
        _, fields, rest = draw.choice([line for line in self.lines() if line[0] == name])
        cls = self.registry.get(name)
        assert cls is not None
        return Drawn(name, varied(draw, cls, fields), rest)

    def compare(self, name: str, number: int) -> tuple[Drawn, dict[str, float]]:
        """What this number draws, and how far each of its quantities is from Keras's.

        Raises:
            RefusedError: Keras does not take it.
            AssertionError: what is compared has another shape than Keras's.
        """
        draw = random.Random(f"{name} {number}")
        for _ in range(TRIES):
            drawn = self.drawn(name, draw)
            try:
                return drawn, self.deviations(drawn, draw)
            except (ValidationError, ShapeError, OverflowedError):
                continue
            except AssertionError as error:
                raise AssertionError(f"{drawn}: {error}") from error
        raise AssertionError(f"nnctl refuses each of {TRIES} draws of {name}")


def apart(ours: Any, theirs: Any, least: float = 0.0) -> float:
    """The largest difference, of the largest magnitude or of `least`.

    Raises:
        OverflowedError: theirs is not finite.
    """
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape, f"{ours.shape} for {theirs.shape}"
    if not np.isfinite(theirs).all():
        raise OverflowedError
    assert np.isfinite(ours).all()
    largest = max(float(np.abs(theirs).max(initial=0.0)), least, 1e-30)
    return float(np.abs(ours - theirs).max(initial=0.0)) / largest


def of_keras(run: Any) -> Any:
    """What Keras gives.

    Raises:
        RefusedError: it raises.
    """
    try:
        return run()
    except (ValidationError, ShapeError, AssertionError):
        raise
    except Exception as error:
        raise RefusedError(f"{type(error).__name__}: {error}") from error

"""What a case of the corpus is, and the list of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Made = str | tuple[str, ...]
"""The model's file, and options of `import`."""


@dataclass(frozen=True)
class Case:
    """A hostile file.

    Attributes:
        make: Writes it into a directory.
        says: Part of the error that `import` ends in.
        imports: Whether it comes over, being harmless here; None where either will do.
        large: Whether it takes a second or more.
    """

    make: Callable[[Path], Made]
    says: str
    imports: bool | None
    large: bool

    def command(self, here: Path) -> tuple[str, ...]:
        """Write the file; what `import` is asked."""
        made = self.make(here)
        return (made,) if isinstance(made, str) else made


CORPUS: dict[str, Case] = {}


Maker = Callable[[Path], Made]


def case(says: str = "", imports: bool | None = False, large: bool = False) -> Callable[[Maker], Maker]:
    """Enter what makes a file into the corpus under its own name."""

    def enter(make: Maker) -> Maker:
        CORPUS[make.__name__] = Case(make, says, imports, large)
        return make

    return enter

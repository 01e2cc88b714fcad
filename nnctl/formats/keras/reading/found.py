"""What a file turned out to hold that does not come over, each with its place in the file."""

from __future__ import annotations

from dataclasses import dataclass, field

from nnctl.core.errors import ConfigError, Problem
from nnctl.core.visible import LONGEST, visible

MOST = 25
"""How many problems and notes are told: a file can have a million, and nobody reads them."""


@dataclass
class Findings:
    """Collected while a file is read.

    Attributes:
        file: What messages call it.
        problems: Why it cannot be imported.
        notes: What is left out or becomes something else.
    """

    file: str
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def refuse(self, place: str, message: str, expected: str | None = None) -> None:
        """Something without which the model would be another one; after too many, the rest is not read."""
        if len(self.problems) == MOST:
            self.problems.append(Problem(f"{self.file}: and more problems than these {MOST}"))
            self.check()
        self.problems.append(Problem(visible(f"{self.file}: {place}: {message}", LONGEST), expected=expected))

    def note(self, place: str, message: str) -> None:
        """Something that the model does without; the same is said once."""
        text = visible(f"{place}: {message}", LONGEST)
        if text not in self.notes and len(self.notes) <= MOST:
            self.notes.append(text if len(self.notes) < MOST else f"and more than these {MOST}")

    def check(self) -> None:
        """Raise ConfigError with all problems, if there are some."""
        if self.problems:
            raise ConfigError(self.problems)

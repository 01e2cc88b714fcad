"""What a file turned out to hold that does not come over, each with its place in the file."""

from __future__ import annotations

from dataclasses import dataclass, field

from nnctl.core.errors import ConfigError, Problem


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
        """Something without which the model would be another one."""
        self.problems.append(Problem(f"{self.file}: {place}: {message}", expected=expected))

    def note(self, place: str, message: str) -> None:
        """Something that the model does without; the same is said once."""
        text = f"{place}: {message}"
        if text not in self.notes:
            self.notes.append(text)

    def check(self) -> None:
        """Raise ConfigError with all problems, if there are some."""
        if self.problems:
            raise ConfigError(self.problems)

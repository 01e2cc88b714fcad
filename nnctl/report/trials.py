"""Configs that were trained as tests: a table for the terminal, a summary as Markdown."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nnctl.core.numbers import duration, number, sparkline
from nnctl.report.errors import error_lines
from nnctl.report.markdown import code_block, markdown
from nnctl.report.tables import table

HEAD = "### nnctl:"
"""How every summary begins: by it one of ours is known."""
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The environment variable by which a CI system names the file of a job's summary."""


def verdict(trial: Any) -> str:
    """A trial in a word."""
    if trial.error is not None:
        return "error"
    return "failed" if trial.exit_code else "passed"


def failures(trial: Any) -> list[str]:
    """What does not hold, a line each; where there is no verdict, why."""
    if trial.error is not None:
        return error_lines(trial.error)
    broken = [outcome.line() for outcome in trial.outcomes if not outcome.holds]
    return [*broken, *trial.differences]


def trial_line(trial: Any) -> str:
    """What is said as soon as it is known."""
    return f"{verdict(trial)}: {trial.config} ({duration(trial.seconds)})"


def trial_lines(trials: Sequence[Any]) -> list[str]:
    """The table of all, and below it what does not hold."""
    rows = [(t.config, verdict(t), *_counts(t), duration(t.seconds)) for t in trials]
    lines = table(("config", "", "expectations", "record", "time"), rows, right={4})
    return [*lines, *failure_lines(trials)]


def failure_lines(trials: Sequence[Any]) -> list[str]:
    """Config by config, what does not hold."""
    lines: list[str] = []
    for trial in trials:
        told = failures(trial)
        lines += ["", f"{trial.config}:", *(f"  {line}" for line in told)] if told else []
    return lines


def _counts(trial: Any) -> tuple[str, str]:
    held = sum(outcome.holds for outcome in trial.outcomes)
    compared = ("differs" if trial.differences else "same") if trial.compared else "none"
    told = f"{held} of {len(trial.outcomes)}" if trial.outcomes else "none"
    return (told, compared) if trial.error is None else ("", "")


def markdown_text(trials: Sequence[Any]) -> str:
    """A summary: a table with a curve of each, then what does not hold."""
    return "\n".join(_markdown(trials)) + "\n"


def _markdown(trials: Sequence[Any]) -> Iterator[str]:
    passed = sum(trial.exit_code == 0 for trial in trials)
    yield f"{HEAD} {passed} of {len(trials)} passed"
    yield ""
    yield "| config | | expectations | record | time | loss |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for trial in trials:
        held, compared = _counts(trial)
        curve = f"{sparkline(trial.curve, 16)} {number(trial.curve[-1])}" if trial.curve else ""
        cells = (markdown(str(trial.config)), verdict(trial), held, compared, duration(trial.seconds), curve)
        yield f"| {' | '.join(cells)} |"
    for trial in trials:
        told = failures(trial)
        if told:
            yield ""
            yield f"**{markdown(str(trial.config))}**"
            yield ""
            yield from code_block(told)


def append_step_summary(text: str) -> None:
    """Add the summary to the file that the CI system names, if any; what cannot be written is left."""
    named = os.environ.get(STEP_SUMMARY)
    if named:
        try:
            with Path(named).open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            return

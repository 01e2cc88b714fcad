"""The top of the page: what ran, how it ended, what was expected of it."""

from __future__ import annotations

from collections.abc import Sequence

from nnctl.core.numbers import duration, number
from nnctl.report.page.markup import Markup, joined, tag
from nnctl.report.page.parts import table
from nnctl.workflow.report import RunReport

_ENDS = {"completed": "good", "failed": "bad", "interrupted": "bad"}
"""How the word for a run's end is coloured."""


def status(run: RunReport) -> Markup:
    """How a run ended, in a word."""
    word = run.shown.summary.status or "unreadable"
    return tag("span", word, class_=_ENDS.get(word))


def tiles(run: RunReport) -> Markup:
    """One run in a few numbers."""
    manifest = run.shown.summary.manifest
    told: list[tuple[str, Markup | str]] = [("status", status(run))]
    if manifest is not None:
        told.append(("epochs", f"{manifest.epochs:,}"))
        if manifest.restored_epoch is not None:
            told.append(("weights of epoch", f"{manifest.restored_epoch + 1:,}"))
        told.append(("time", duration(manifest.wall_seconds)))
    if run.weights:
        told.append(("parameters", f"{sum(node.parameters for node in run.nodes):,}"))
    told += [(f"{split} {name.replace('_', ' ')}", number(value)) for split, name, value in numbers(run)]
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in told), class_="tiles")


def numbers(run: RunReport) -> list[tuple[str, str, float]]:
    """Loss and metrics of the split that was evaluated, with its name; else those of the last epoch."""
    if run.evaluated is not None:
        scored = run.evaluated.scored.metrics
        return [(run.evaluated.split, name, value) for name, value in scored.items()]
    logs = run.shown.summary.metrics.items()
    return [("", name, value) for name, value in logs if value is not None and name != "learning_rate"]


def run_table(runs: Sequence[RunReport]) -> Markup:
    """Several runs, a row each."""
    names = list(dict.fromkeys(f"{split} {name}" for run in runs for split, name, _ in numbers(run)))
    rows = []
    for place, run in enumerate(runs, 1):
        manifest = run.shown.summary.manifest
        own = {f"{split} {name}": number(value) for split, name, value in numbers(run)}
        known = (
            (f"{manifest.epochs:,}", duration(manifest.wall_seconds)) if manifest is not None else ("", "")
        )
        link = tag("a", run.name, href=f"#run-{place}")
        named = joined([link, tag("div", status(run), class_="note")])
        rows.append((named, *known, *(own.get(name, "") for name in names)))
    head = ("run", "epochs", "time", *(name.replace("_", " ") for name in names))
    return table(head, rows, right=range(1, len(head)))


def problems(run: RunReport) -> Markup:
    """Why the run ended as it did, and what could not be shown."""
    manifest = run.shown.summary.manifest
    why = [manifest.reason] if manifest is not None and manifest.reason else []
    told = [*why, *([run.shown.summary.problem] if run.shown.summary.problem else []), *run.problems]
    return joined(tag("p", text, class_="problem") for text in told)


def expectations(run: RunReport) -> Markup:
    """What was expected of the run and what came of it."""
    manifest = run.shown.summary.manifest
    rows = [
        (
            str(one.get("wanted", "")),
            str(one.get("found", "")),
            tag("span", "holds", class_="good")
            if one.get("holds") is True
            else tag("span", "does not hold", class_="bad"),
        )
        for one in (manifest.expectations if manifest is not None else [])
    ]
    return table(("expected", "found", ""), rows) if rows else Markup("")

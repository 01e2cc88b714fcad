"""The whole page: everything it needs is in it, and it asks for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files

from nnctl import __version__
from nnctl.report.page import history, origin, scores, summary, sweep, weights, wrong
from nnctl.report.page.graph import graph
from nnctl.report.page.markup import Markup, joined, tag
from nnctl.report.page.parts import section
from nnctl.report.page.scripts import code_script, policy, within
from nnctl.workflow.report import RunReport
from nnctl.workflow.sweep.kept import KeptSweep

HEAD = "<!doctype html>\n<!-- nnctl report -->\n"
"""How every report begins: by it one of ours is known."""


def document(runs: Sequence[RunReport], library: str, swept: KeptSweep | None = None) -> str:
    """The report of runs as HTML; the same runs give the same text.

    Args:
        runs: Each a `workflow.report.RunReport`.
        library: The JavaScript that draws charts: Vega-Embed and what it needs.
        swept: The sweep of which the only run is the best trial.
    """
    title = runs[0].name if len(runs) == 1 else f"{len(runs)} runs"
    if swept is not None:
        title = f"{swept.study}: a sweep of {len(swept.trials)} trials"
    style, code = _file("page.css"), _file("page.js")
    allowed = policy([within(library), within(code)], [style])
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=allowed),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{title}: nnctl report"),
        tag("style", Markup(style)),
    )
    sections = joined([*_of_sweep(swept), *_sections(runs)])
    top = _header(title, runs, sections)
    scripts = code_script(library), code_script(code)
    body = tag("body", top, tag("main", sections), tag("footer", _MADE), *scripts)
    return f"{HEAD}{tag('html', head, body, lang='en')}\n"


def _file(name: str) -> str:
    return files("nnctl.report.page").joinpath(name).read_text(encoding="utf-8")


def _header(title: str, runs: Sequence[RunReport], sections: Markup) -> Markup:
    single = len(runs) == 1
    anchors = _NAMES.items() if single else [(f"run-{at}", run.name) for at, run in enumerate(runs, 1)]
    links = [tag("a", name, href=f"#{anchor}") for anchor, name in anchors if f'id="{anchor}"' in sections]
    numbers = summary.tiles(runs[0]) if single else summary.run_table(runs)
    no_script = tag(
        "noscript", tag("p", "The charts of this page are drawn by JavaScript.", class_="problem")
    )
    told = summary.problems(runs[0]) if single else None
    return tag("header", tag("h1", title), tag("nav", *links), numbers, told, no_script)


_MADE = (
    f"Made by nnctl {__version__}. Its charts are drawn by Vega, Vega-Lite and Vega-Embed, which are in this "
    "page: copyright University of Washington Interactive Data Lab and others, BSD 3-clause licence."
)
_NAMES = {
    "trials": "Trials",
    "settings": "Importance of settings",
    "expectations": "Expectations",
    "curves": "Curves",
    "evaluation": "Evaluation",
    "wrong": "Most wrong about",
    "importance": "Importance",
    "model": "Model",
    "weights": "Weights",
    "origin": "Origin",
    "config": "Config",
}
"""The sections by their anchors, in order."""


def _of_sweep(swept: KeptSweep | None) -> Iterator[Markup]:
    if swept is not None:
        yield section("trials", _NAMES["trials"], sweep.trials(swept))
        yield section("settings", _NAMES["settings"], sweep.settings(swept))


def _sections(runs: Sequence[RunReport]) -> Iterator[Markup]:
    if len(runs) == 1:
        (run,) = runs
        yield section("expectations", _NAMES["expectations"], summary.expectations(run))
        yield section("curves", _NAMES["curves"], history.history(runs))
        yield from _of_run(run, "")
        return
    yield section("curves", _NAMES["curves"], history.history(runs))
    for place, run in enumerate(runs, 1):
        of_it = [summary.problems(run), summary.expectations(run), *_of_run(run, f"run-{place}-")]
        yield section(f"run-{place}", run.name, summary.tiles(run), *of_it)


def _of_run(run: RunReport, before: str) -> Iterator[Markup]:
    """The sections of one run.

    Args:
        before: What their anchors begin with.
    """
    made: dict[str, Markup] = {}
    if run.evaluated is not None:
        made["evaluation"] = scores.scores(run.evaluated)
        made["wrong"] = wrong.wrong_examples(run.evaluated)
        made["importance"] = wrong.importance(run.evaluated.importances)
    made["model"] = graph(run.nodes) if run.nodes else Markup("")
    made["weights"] = weights.weights(run.weights)
    made["origin"] = origin.origin(run)
    made["config"] = origin.config(run)
    of = f" on the {run.evaluated.split} split" if run.evaluated is not None else ""
    for anchor, content in made.items():
        yield section(f"{before}{anchor}", _NAMES[anchor] + (of if anchor == "evaluation" else ""), content)

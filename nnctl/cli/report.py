"""`nnctl report RUN... -o FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from nnctl.cli import complete
from nnctl.cli.options import Force, JsonOption, Plugins, QuietOption, Threads

Runs = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN",
        help="Runs: directories, or names under runs/ (the newest run of a name); or one sweep.",
        show_default=False,
        autocompletion=complete.runs,
    ),
]


def command(
    runs: Runs,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The HTML file to write.", show_default=False)
    ],
    split: Annotated[
        Literal["train", "validation", "test"] | None,
        typer.Option(
            "--split",
            help="What models are evaluated on; default: test, if there is one.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Where the training data is now.", show_default=False)
    ] = None,
    threads: Threads = None,
    force: Force = False,
    allow_plugins: Plugins = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write what there is to see of runs as one HTML page: curves, evaluation, model, origin."""
    from nnctl.cli.output import say, write_json
    from nnctl.report.page.document import HEAD, document
    from nnctl.report.page.library import library, need_library
    from nnctl.report.progress import progress
    from nnctl.workflow.kernels import kept_beside
    from nnctl.workflow.output import check_report, write_report
    from nnctl.workflow.report import report
    from nnctl.workflow.sweep.kept import best_run, kept_sweep

    check_report(output, HEAD, force=force)
    need_library()
    found_sweep = kept_sweep(runs[0]) if len(runs) == 1 else None
    if found_sweep is not None:
        runs = [best_run(*found_sweep)]
    with progress(quiet=quiet) as show:
        found = report(
            runs,
            split=split,
            data=data,
            threads=threads,
            allow_plugins=allow_plugins,
            watch=show,
        )
    text = document(found, library(kept_beside()), found_sweep[1] if found_sweep else None)
    write_report(output, text)
    problems = [f"{run.name}: {problem}" for run in found for problem in run.problems]
    if json:
        write_json(
            {
                "runs": [run.name for run in found],
                "output": str(output),
                "bytes": len(text.encode()),
                "problems": problems,
            }
        )
    elif not quiet:
        for problem in problems:
            say(problem)
        say(f"a report of {', '.join(run.name for run in found)} in {output}")

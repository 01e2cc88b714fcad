"""`nnctl eval RUN`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from nnctl.cli.options import JsonOption, Plugins, RunArgument, Threads


def command(
    run: RunArgument,
    split: Annotated[
        Literal["train", "validation", "test"] | None,
        typer.Option("--split", help="Which split to evaluate; default: test.", show_default=False),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="A file to evaluate whole; with --split, where the training data is now.",
            show_default=False,
        ),
    ] = None,
    threads: Threads = None,
    allow_plugins: Plugins = False,
    json: JsonOption = False,
) -> None:
    """Evaluate a run or a checkpoint: loss and metrics over a split or a file."""
    from nnctl.cli.output import write_json, write_lines
    from nnctl.report.evaluation import evaluation_lines
    from nnctl.report.progress import progress
    from nnctl.workflow.evaluate import evaluate

    with progress() as show:
        result = evaluate(
            run, split=split, data=data, threads=threads, allow_plugins=allow_plugins, watch=show
        )
    if json:
        write_json(result.as_json())
    else:
        write_lines(evaluation_lines(f"{result.run}, {result.split}", result.scored))

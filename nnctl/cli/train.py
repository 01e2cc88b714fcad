"""`nnctl train CONFIG`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from nnctl.cli.options import Config, JsonOption, Plugins, QuietOption, SeedOption, Set, Strict, Threads


def command(
    config: Config,
    run_dir: Annotated[
        Path | None,
        typer.Option(
            "--run-dir", help="Where the run is kept; default: runs/NAME/NUMBER.", show_default=False
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    folds: Annotated[
        int | None,
        typer.Option(
            "--folds", min=2, max=1000, help="Train once for each of so many folds.", show_default=False
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", min=1, max=1000, help="Train with so many seeds.", show_default=False),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="How many folds or seeds are trained at a time.")
    ] = 1,
    set_: Set = None,
    seed: SeedOption = None,
    threads: Threads = None,
    allow_plugins: Plugins = False,
    strict: Strict = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train the experiment of CONFIG and keep everything about it in a run directory."""
    from nnctl.cli.output import write, write_json
    from nnctl.cli.together import together
    from nnctl.ranks.launch import ranks as find_ranks
    from nnctl.report.progress import progress
    from nnctl.report.run_page import run_page
    from nnctl.workflow.train import start

    ranks = find_ranks()
    how: dict[str, Any] = {
        "run_dir": run_dir,
        "resume": resume,
        "overrides": set_ or (),
        "seed": seed,
        "threads": threads,
        "allow_plugins": allow_plugins,
        "strict": strict,
    }
    if folds is not None or seeds is not None:
        from nnctl.cli.repeats import repeated

        several = {"folds": folds, "seeds": seeds, "jobs": jobs}
        raise typer.Exit(repeated(config, ranks, json=json, quiet=quiet, **several, **how))
    with together(ranks), progress(quiet=quiet or not ranks.first) as show:
        training = start(
            config, page=partial(run_page, allow_plugins=allow_plugins), watch=show, ranks=ranks, **how
        )
        for event in training.events():
            show(event)
    if not ranks.first:
        raise typer.Exit(training.exit_code)
    if json:
        write_json(training.result())
    elif sys.stdout is not None:
        write(str(training.path))
    raise typer.Exit(training.exit_code)

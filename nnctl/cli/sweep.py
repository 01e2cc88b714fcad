"""`nnctl sweep CONFIG`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnctl.cli.options import Config, JsonOption, Plugins, QuietOption, SeedOption, Set, Strict, Threads


def command(
    config: Config,
    run_dir: Annotated[
        Path | None,
        typer.Option(
            "--run-dir", help="Where its trials are kept; default: runs/STUDY-sweep.", show_default=False
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            "--study",
            help="The study's name in its storage; default: the experiment's.",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="How many trials are trained at a time here.")
    ] = 1,
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="How many trials there are.", show_default=False)
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=0, help="After how long no trial is begun.", show_default=False),
    ] = None,
    set_: Set = None,
    seed: SeedOption = None,
    threads: Threads = None,
    allow_plugins: Plugins = False,
    strict: Strict = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Search the settings that CONFIG gives ranges for; begin a study, join it or go on with it."""
    from nnctl.cli.output import say, write_json, write_lines
    from nnctl.report.sweep import sweep_lines, trial_line
    from nnctl.workflow.sweep.sweep import sweep

    found = sweep(
        config,
        run_dir=run_dir,
        study=study,
        jobs=jobs,
        trials=trials,
        seconds=seconds,
        overrides=set_ or (),
        seed=seed,
        threads=threads,
        allow_plugins=allow_plugins,
        strict=strict,
        watch=lambda trial: None if quiet else say(trial_line(trial)),
    )
    if not found.begun and not quiet:
        say(f"the study '{found.study}' is finished: {found.ended} trials; --trials adds more")
    if json:
        write_json(found.as_json())
    else:
        write_lines(sweep_lines(found))
    raise typer.Exit(found.exit_code)

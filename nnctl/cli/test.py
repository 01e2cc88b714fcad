"""`nnctl test PATH...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnctl.cli import complete
from nnctl.cli.options import Force, JsonOption, Plugins, QuietOption, Set, Strict, Threads

Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH",
        help="Configs, or directories with configs.",
        show_default=False,
        autocompletion=complete.configs,
    ),
]
Jobs = Annotated[
    int, typer.Option("--jobs", "-j", min=1, help="How many are trained at a time; they share the cores.")
]


def command(
    paths: Paths,
    jobs: Jobs = 1,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", help="Write a report that CI systems read (JUnit XML).", show_default=False),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Write a summary as Markdown.", show_default=False)
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Write records anew that no longer hold, in place of comparing.")
    ] = False,
    set_: Set = None,
    threads: Threads = None,
    force: Force = False,
    allow_plugins: Plugins = False,
    strict: Strict = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train configs as tests: what they expect, and the records beside them, have to hold."""
    from nnctl.cli.output import say, write_json, write_lines
    from nnctl.report import junit as xml
    from nnctl.report import trials as shown
    from nnctl.workflow.output import check_report, write_report
    from nnctl.workflow.test import configs_in, exit_code, run_all, update_records

    if junit is not None:
        check_report(junit, xml.HEAD, force=force)
    if markdown is not None:
        check_report(markdown, shown.HEAD, force=force)
    found = configs_in(paths)
    trials = run_all(
        found,
        jobs=jobs,
        threads=threads,
        overrides=set_ or (),
        allow_plugins=allow_plugins,
        strict=strict,
        recording=update,
        watch=lambda trial: None if quiet else say(shown.trial_line(trial)),
    )
    if update:
        for trial in update_records(trials):
            say(f"written anew: {trial.record}")
    if junit is not None:
        write_report(junit, xml.junit_text(trials))
    text = shown.markdown_text(trials)
    if markdown is not None:
        write_report(markdown, text)
    shown.append_step_summary(text)
    if json:
        write_json({"exit_code": exit_code(trials), "configs": [trial.as_json() for trial in trials]})
    else:
        write_lines(shown.trial_lines(trials))
    raise typer.Exit(exit_code(trials))

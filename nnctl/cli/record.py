"""`nnctl record CONFIG...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnctl.cli import complete
from nnctl.cli.options import JsonOption, Plugins, QuietOption, Strict, Threads
from nnctl.cli.test import Jobs

Configs = Annotated[
    list[Path],
    typer.Argument(
        metavar="CONFIG",
        help="Configs, or directories with configs.",
        show_default=False,
        autocompletion=complete.configs,
    ),
]


def command(
    configs: Configs,
    jobs: Jobs = 1,
    threads: Threads = None,
    allow_plugins: Plugins = False,
    strict: Strict = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train configs and write what they came to beside them: records, which `test` compares with."""
    from nnctl.cli.output import say, write_json, write_lines
    from nnctl.report.trials import failure_lines, trial_line
    from nnctl.workflow.test import configs_in, exit_code, run_all, write_record

    trials = run_all(
        configs_in(configs),
        jobs=jobs,
        threads=threads,
        allow_plugins=allow_plugins,
        strict=strict,
        recording=True,
        watch=lambda trial: None if quiet else say(trial_line(trial)),
    )
    for line in failure_lines(trials):
        say(line)
    written = [trial for trial in trials if trial.exit_code == 0]
    for trial in written:
        write_record(trial)
    if json:
        write_json({"exit_code": exit_code(trials), "configs": [trial.as_json() for trial in trials]})
    elif written:
        write_lines(str(trial.record) for trial in written)
    raise typer.Exit(exit_code(trials))

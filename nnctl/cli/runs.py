"""`nnctl runs`, `nnctl runs show RUN`, `nnctl runs compare RUN RUN...`, `nnctl runs rm RUN...`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from nnctl.cli import complete
from nnctl.cli.help import help_of
from nnctl.cli.options import JsonOption, RunArgument

app = typer.Typer(invoke_without_command=True)


@app.callback()
def list_(
    context: typer.Context,
    sort: Annotated[
        str | None,
        typer.Option(
            help="Order by name, started, epochs, steps, time or a metric, e.g. val_loss.", show_default=False
        ),
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="The largest first.")] = False,
    name: Annotated[
        str | None, typer.Option(help="Only runs of this name or pattern, e.g. 'iris*'.", show_default=False)
    ] = None,
    status: Annotated[
        Literal["running", "completed", "interrupted", "failed", "unreadable"] | None,
        typer.Option(help="Only runs of this status.", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the runs under runs/; show, compare or remove some with the commands below."""
    if context.invoked_subcommand is not None:
        return
    from nnctl.cli.output import write_json, write_lines
    from nnctl.report.runs import list_json, list_lines
    from nnctl.runs.compare import list_runs

    found = list_runs(sort=sort, reverse=reverse, name=name, status=status)
    if json:
        write_json({"runs": list_json(found)})
    else:
        write_lines(list_lines(found))


@app.command(**help_of("runs show"))
def show(run: RunArgument, json: JsonOption = False) -> None:
    """Show one run: what it was, how far it came, its numbers and its config."""
    from nnctl.cli.output import write_json, write_lines
    from nnctl.report.runs import show_json, show_lines
    from nnctl.workflow.runs import shown

    found = shown(run)
    if json:
        write_json(show_json(found))
    else:
        write_lines(show_lines(found))


@app.command(**help_of("runs compare"))
def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN", help="Two runs or more.", autocompletion=complete.runs),
    ],
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As a Markdown table, for a pull request.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Compare runs: where their configs and data differ, and their numbers side by side."""
    from nnctl.cli.output import write_json, write_lines
    from nnctl.report.runs import compare_json, compare_lines, compare_markdown
    from nnctl.workflow.runs import compared

    found = compared(runs)
    if json:
        write_json(compare_json(found))
    else:
        write_lines(compare_markdown(found) if markdown else compare_lines(found))


@app.command(**help_of("runs rm"))
def rm(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN", help="A run's directory or NAME/NUMBER.", autocompletion=complete.runs),
    ],
    force: Annotated[bool, typer.Option("--force", help="Also remove files that it did not write.")] = False,
    json: JsonOption = False,
) -> None:
    """Remove runs with all that they kept; one that is training is refused."""
    from nnctl.cli.output import say, write_json
    from nnctl.workflow.runs import removed

    gone = removed(runs, force=force)
    if json:
        write_json({"removed": gone})
    else:
        say(f"removed {', '.join(gone)}")

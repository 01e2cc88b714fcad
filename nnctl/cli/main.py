"""The command line: a file a command; this one puts them together and turns errors into exit codes."""

# ruff: noqa: E402
from __future__ import annotations

import gc
import os
import signal
import sys
from typing import Any

# A start makes many objects and no garbage; training looks for garbage again.
gc.disable()
# Looking for Pydantic plugins in every installed package costs 30 ms, and nnctl has no use for any.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
# NumPy's BLAS would start threads, with memory of their own, that nothing here ever uses.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import typer

from nnctl.cli import (
    check,
    evaluate,
    export,
    init,
    plan,
    predict,
    runs,
    schema,
    train,
    verify,
    warm,
)
from nnctl.core.errors import NnctlError

app = typer.Typer(
    name="nnctl",
    help="Train neural networks on CPUs from one YAML file: one config, one seed, one hash.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train")(train.command)
app.command("eval")(evaluate.command)
app.command("predict")(predict.command)
app.command("export")(export.command)
app.command("check")(check.command)
app.command("plan")(plan.command)
app.add_typer(runs.app, name="runs")
app.command("verify")(verify.command)
app.command("init")(init.command)
app.command("schema")(schema.command)
app.command("warm")(warm.command)


def _version(value: bool) -> None:
    if value:
        from nnctl import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and leave."
    ),
) -> None:
    """Train neural networks on CPUs from one YAML file: one config, one seed, one hash."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; the process's exit code follows the contract."""
    signal.signal(signal.SIGINT, _interrupted)
    try:
        app(arguments)
    except NnctlError as error:
        from nnctl.report.errors import show_error

        show_error(error)
        sys.exit(error.exit_code)


def _interrupted(signum: int, frame: Any) -> None:
    """Ctrl-C outside of training leaves at once; `train` puts its own handler in place."""
    sys.exit(128 + signum)

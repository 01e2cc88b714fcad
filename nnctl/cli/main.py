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
    bisect,
    check,
    evaluate,
    export,
    import_,
    init,
    inspect,
    plan,
    predict,
    record,
    report,
    runs,
    schema,
    sweep,
    test,
    train,
    verify,
    warm,
)
from nnctl.cli.help import CODES, DOCS, help_of
from nnctl.core.errors import NnctlError

_start = "\n\n".join(
    [
        "\b\nTo begin:\n  nnctl init          a commented config, table.yaml, with its data\n"
        "  nnctl train table.yaml\n  nnctl eval table",
        "\n".join(["\b", "Exit codes:", *(f"{code:>5}  {meaning}" for code, meaning in CODES.items())]),
        f"More: {DOCS}; COMMAND --help shows examples.",
    ]
)

app = typer.Typer(
    name="nnctl",
    help="Train neural networks on CPUs from one YAML file: one config, one seed, one hash.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_start,
)
_COMMANDS = {
    "train": train,
    "eval": evaluate,
    "predict": predict,
    "export": export,
    "import": import_,
    "inspect": inspect,
    "check": check,
    "plan": plan,
    "sweep": sweep,
    "verify": verify,
    "test": test,
    "record": record,
    "bisect": bisect,
    "report": report,
    "init": init,
    "schema": schema,
    "warm": warm,
}
for _name, _module in _COMMANDS.items():
    app.command(_name, **help_of(_name))(_module.command)
app.add_typer(runs.app, name="runs", **help_of("runs"))


def _version(value: bool) -> None:
    if value:
        from nnctl import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", "-V", callback=_version, is_eager=True, help="Show the version and leave."
    ),
) -> None:
    """Train neural networks on CPUs from one YAML file: one config, one seed, one hash."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; the process's exit code follows the contract.

    With `--json` an error is a JSON object on stdout too, so that stdout always holds one.
    """
    signal.signal(signal.SIGINT, _interrupted)
    words = sys.argv[1:] if arguments is None else arguments
    json = "--json" in words[: words.index("--") if "--" in words else None]
    try:
        code = app(arguments, standalone_mode=False)
    except NnctlError as error:
        from nnctl.cli.failure import show_failure

        show_failure(error, json=json)
        sys.exit(error.exit_code)
    except Exception as error:
        from nnctl.cli.failure import explained, show_failure, show_fault, show_usage

        if show_usage(error, json=json):
            sys.exit(2)
        known = explained(error)
        if known is not None and "NNCTL_TRACEBACK" not in os.environ:
            show_failure(known, json=json)
            sys.exit(known.exit_code)
        show_fault(error, json=json)
        raise
    sys.exit(code if isinstance(code, int) else 0)


def _interrupted(signum: int, frame: Any) -> None:
    """Ctrl-C outside of training leaves at once; `train` puts its own handler in place."""
    sys.exit(128 + signum)

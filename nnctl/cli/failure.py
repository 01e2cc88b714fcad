"""How a command that could not do its work says so: on stderr and, with `--json`, as JSON on stdout."""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import Any

from nnctl.cli.output import write_json
from nnctl.core.errors import NnctlError, ResourceError, RunError, StorageError, problem_fields
from nnctl.core.memory import memory, ran_out_of_memory
from nnctl.report.errors import show_error
from nnctl.report.problems import error_json, report
from nnctl.storage.disk import explain

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE)
"""What an operation on a file may answer without anybody's fault, wherever it is."""


def explained(error: Exception) -> NnctlError | None:
    """The error behind an exception that is no fault of nnctl's own: a plugin's, the disk's, the memory's."""
    if ran_out_of_memory(error):
        there, who = memory() or (0, "")
        given = f": {who} {there / 2**30:,.2f} GiB" if there else ""
        return ResourceError(f"there is not enough memory{given}\n  a larger limit helps, or smaller batches")
    from nnctl.workflow.plugins import plugin_error

    found = plugin_error(error)
    if found is None and isinstance(error, OSError) and error.errno in _OF_THE_DISK:
        where = f"{error.filename}: " if error.filename else ""
        return StorageError(f"{where}{explain(error)}")
    return found


def show_failure(error: NnctlError, *, json: bool) -> None:
    """An error that nnctl raised on purpose."""
    show_error(error)
    _write(error_json(error), json)


def show_usage(error: Exception, *, json: bool) -> bool:
    """A command line that Typer does not understand; False for any other exception.

    Typer's own exceptions have moved between packages, so they are known by what they can do.
    """
    show, message = getattr(error, "show", None), getattr(error, "format_message", None)
    if show is None or message is None:
        return False
    if type(error).__name__ == "NoArgsIsHelpError":
        show()
        return True
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help" if context is not None else None
    said = message().replace("Value error, ", "")
    usage = ["", context.get_usage()] if context is not None else []
    show_error(RunError("\n".join([said, *usage, f"Help:  {hint}"]) if hint else said))
    _write(report("usage", 2, [problem_fields(message=said, hint=hint)]), json)
    return True


def show_fault(error: Exception, *, json: bool) -> None:
    """A fault of nnctl's own, whose traceback Python shows."""
    _write(report("fault", 1, [problem_fields(message=f"{type(error).__name__}: {error}")]), json)


def _write(value: dict[str, Any], json: bool) -> None:
    if json:
        # Whoever reads stdout may be gone, or the disk full, which may be the very error.
        with suppress(StorageError, OSError):
            write_json(value)

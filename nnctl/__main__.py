"""`nnctl` as a process: what must be in place before anything else is imported."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

_NO_MEMORY = b"error: there is not enough memory to start; a larger limit (ulimit -v) helps\n"


def main() -> None:
    """Run the command line."""
    # Imports take a moment, and a Ctrl-C in it is no reason for a traceback of them.
    signal.signal(signal.SIGINT, _leave)
    _open_missing_streams()
    try:
        from nnctl.cli.main import main as command

        command()
    except (MemoryError, ImportError) as error:
        if isinstance(error, ImportError) and "failed to map segment" not in str(error):
            raise
        # Not even the imports that would say more.
        os.write(2, _NO_MEMORY)
        os._exit(1)


def _leave(signum: int, frame: FrameType | None) -> None:
    os._exit(128 + signum)


def _open_missing_streams() -> None:
    """Point what is closed of stdin, stdout and stderr at nothing, so that no file is opened in its place.

    Python goes on without them, but a library's message on stderr would go into a checkpoint.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        # NumPy 2.0 writes to it while it is imported.
        sys.stderr = os.fdopen(2, "w", closefd=False)


if __name__ == "__main__":
    main()

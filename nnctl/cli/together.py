"""A command that several processes run at once: one of them is heard, and none is left waiting."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from nnctl.core.errors import NnctlError
from nnctl.ranks.base import Ranks


@contextmanager
def together(ranks: Ranks) -> Iterator[None]:
    """End all processes where one of them fails for a reason of its own, and say which one it was.

    What all of them agreed on is said once.
    """
    try:
        yield
    except NnctlError as error:
        if ranks.waiting:
            from nnctl.cli.failure import show_failure

            _name(ranks)
            show_failure(error, json=False)
            ranks.end(error.exit_code)
        if not ranks.first:
            sys.exit(error.exit_code)
        raise
    except Exception:
        if ranks.waiting:
            import traceback

            _name(ranks)
            traceback.print_exc()
            ranks.end(1)
        raise


def _name(ranks: Ranks) -> None:
    if sys.stderr is not None:
        print(f"rank {ranks.rank} of {ranks.size} failed, and ends the others:", file=sys.stderr, flush=True)

"""The report of a run that has just ended, for whoever keeps it elsewhere."""

from __future__ import annotations

from pathlib import Path


def run_page(run: Path, *, allow_plugins: bool = False) -> str:
    """The HTML page that `nnctl report` writes of it; all that it needs is imported when it is made.

    Raises:
        ConfigError: the library that draws is not installed.
    """
    from nnctl.report.page.document import document
    from nnctl.report.page.library import library, need_library
    from nnctl.workflow.kernels import kept_beside
    from nnctl.workflow.report import report

    need_library()
    return document(report([str(run)], allow_plugins=allow_plugins), library(kept_beside()))

"""`python -m nnctl`."""

from __future__ import annotations

from nnctl.cli.main import main

main()

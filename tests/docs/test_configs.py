"""`docs/configs.md`: every config, and what it reaches."""

from __future__ import annotations

import re

import pytest

from tests.cli.command import ROOT
from tests.docs.whole_configs import NAMES, cells

PAGE = (ROOT / "docs" / "configs.md").read_text(encoding="utf-8")


def _row(name: str) -> list[str]:
    """The cells of a config's row."""
    (row,) = re.findall(rf"^\| (\[{name}\].*) \|$", PAGE, re.M)
    return str(row).split(" | ")


def test_each_config_has_a_row_and_a_section() -> None:
    assert sorted(re.findall(r"^## (\w+)$", PAGE, re.M)) == list(NAMES)
    assert all(len(_row(name)) == 6 for name in NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_reaches_what_the_page_says(name: str) -> None:
    written, found = _row(name), cells(name)
    del written[-2], found[-2]
    assert found == written

"""`docs/configs.md`: every config, and what it reaches."""

from __future__ import annotations

import re

import pytest

from nnctl.runs.record import Record
from nnctl.spec.load import load
from nnctl.spec.output.resolved import config_sha256
from tests.cli.command import CONFIGS, ROOT
from tests.docs.whole_configs import NAMES, cells

PAGE = (ROOT / "docs" / "configs.md").read_text(encoding="utf-8")


def _row(name: str) -> list[str]:
    """The cells of a config's row."""
    (row,) = re.findall(rf"^\| (\[{name}\].*) \|$", PAGE, re.M)
    return str(row).split(" | ")


def test_each_config_has_a_row_and_a_section() -> None:
    assert sorted(re.findall(r"^## (\w+)$", PAGE, re.M)) == list(NAMES)
    assert all(len(_row(name)) == 6 for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_its_record_is_of_the_config_and_the_bits_that_the_page_names(name: str) -> None:
    """Whoever changes a config writes its record anew: `nnctl record configs/NAME.yaml`."""
    record = Record.read(CONFIGS / f"{name}.record.json")
    assert record.config_sha256 == config_sha256(load(CONFIGS / f"{name}.yaml").experiment)
    assert f"`{record.weights_sha256[:12]}`" == _row(name)[-1]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_reaches_what_the_page_says(name: str) -> None:
    written, found = _row(name), cells(name)
    del written[-2], found[-2]
    assert found == written

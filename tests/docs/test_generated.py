"""Generated pages are what the code says now; templates are whole."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import environment
from tests.docs.blocks import ROOT
from tests.packaging.lock import is_locked

REFERENCE = ROOT / "docs" / "reference"


def _generate() -> Any:
    if str(ROOT / "docs") not in sys.path:
        sys.path.append(str(ROOT / "docs"))
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module
    spec.loader.exec_module(module)
    return module


def test_pages_are_current() -> None:
    """Run `make docs` where this fails. How a schema is written is up to Pydantic: the page is the lock's."""
    pages: dict[Path, str] = _generate().pages()
    assert {page for page in pages if page.parent == REFERENCE} == set(REFERENCE.iterdir())
    stale = [file.name for file, text in pages.items() if file.read_text(encoding="utf-8") != text]
    assert not stale or (stale == ["schema.json"] and not is_locked("pydantic"))


def test_schema_command_prints_the_schema() -> None:
    command = [sys.executable, "-m", "nnctl", "schema"]
    ran = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == json.loads(_generate().pages()[REFERENCE / "schema.json"])


@pytest.mark.parametrize(
    "file", sorted((ROOT / "nnctl" / "templates" / "data").iterdir()), ids=lambda f: f.name
)
def test_template_data_is_that_of_the_configs(file: Path) -> None:
    assert file.read_bytes() == (ROOT / "configs" / "data" / file.name).read_bytes()


def test_a_wheel_has_the_templates_and_their_data() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["nnctl"]
    packed = {file for pattern in patterns for file in (ROOT / "nnctl").glob(pattern)}
    wanted = {file for file in (ROOT / "nnctl" / "templates").rglob("*") if file.is_file()}
    assert len(wanted) == 19
    assert wanted <= packed

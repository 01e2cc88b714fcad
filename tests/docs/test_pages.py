"""What the documentation shows, runs: configs, fragments of configs, commands, programs, links."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nnctl.spec.load import load
from nnctl.spec.yaml.document import parse_document, read_document
from nnctl.spec.yaml.emit import block as emit
from nnctl.spec.yaml.source_text import SourceText
from nnctl.workflow.check import check
from tests.cli.command import environment, nnctl
from tests.docs.blocks import PAGES, ROOT, Block, blocks, commands, programs


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory with the configs, their data, and the examples, as in a checkout."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    shutil.copytree(ROOT / "configs" / "data", tmp_path / "data")
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    return tmp_path


@pytest.mark.parametrize("block", blocks("yaml", ""), ids=str)
def test_config_trains(block: Block, here: Path) -> None:
    (here / "config.yaml").write_text(block.text)
    checked = check(here / "config.yaml")
    assert checked.summary["valid"]
    assert not checked.warnings
    done = nnctl("train", "config.yaml", "--quiet", "--json", "--set", "training.epochs=1", cwd=here)
    assert done.code == 0, done.err
    assert done.json["status"] == "completed"


@pytest.mark.parametrize("block", blocks("yaml", "fragment"), ids=str)
def test_fragment_fits_into_a_config(block: Block, here: Path) -> None:
    """Put into the iris config: `training` key by key, other sections as a whole."""
    base = read_document(ROOT / "configs" / "iris.yaml").data
    fragment = parse_document(SourceText(str(block), block.text)).data
    training = {**base["training"], **fragment.get("training", {})}
    file = here / "config.yaml"
    file.write_text(emit({**base, **fragment, "training": training}))
    if "plugins" in fragment:
        assert load(file).experiment.plugins
    else:
        assert check(file).summary["valid"]


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p) or programs(p)], ids=lambda p: p.name)
def test_commands_and_programs_run(page: Path, here: Path) -> None:
    """Commands one after the other in one directory, training cut to an epoch; then the programs."""
    _run_commands(page, here)
    for block in programs(page):
        if "import keras" not in block.text:
            _run_program(block, here)


@pytest.mark.keras
def test_programs_with_keras_run(here: Path) -> None:
    pytest.importorskip("keras")
    page = ROOT / "docs" / "export.md"
    _run_commands(page, here)
    for block in programs(page):
        if "import keras" in block.text:
            _run_program(block, here)


def _run_commands(page: Path, here: Path) -> None:
    for command in commands(page):
        words = shlex.split(command)[1:]
        if "--allow-plugins" in words:
            continue  # these run in a process of their own: see tests/docs/test_examples.py
        if words[0] == "train":
            words += ["--set", "training.epochs=1"]
        done = nnctl(*words, cwd=here)
        assert done.code == 0, f"{command}\n{done.out}\n{done.err}"


def _run_program(block: Block, here: Path) -> None:
    """In a process of its own: what it registers must not stay."""
    program = block.text
    if "def weights_sha256" in program:
        done = nnctl("train", "configs/iris.yaml", "--run-dir", "run", "--json", "-q", cwd=here)
        program += f"\nassert weights_sha256('run/model.h5') == '{done.json['weights_sha256']}'\n"
    (here / "program.py").write_text(program)
    command = [sys.executable, "program.py"]
    ran = subprocess.run(command, cwd=here, env=environment(), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("block", [b for b in blocks("python") if b.info], ids=str)
def test_excerpt_is_in_its_file(block: Block) -> None:
    assert block.text.strip() in (ROOT / block.info).read_text()


@pytest.mark.parametrize(
    "page", [*PAGES, *sorted((ROOT / "docs").glob("*/*.md"))], ids=lambda p: str(p.relative_to(ROOT))
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        file, _, anchor = target.partition("#")
        if file.startswith("http"):
            continue
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), target
        if anchor:
            assert anchor in _anchors(found), target


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_errors_shown_in_the_readme_are_the_errors(here: Path) -> None:
    (shown,) = [b for b in blocks("text") if b.page.name == "README.md" and "error:" in b.text]
    text = (here / "configs" / "digits_cnn.yaml").read_text()
    wrong = text.replace("activation: softmax", "activaton: softmax").replace("filters: 64", "filters: many")
    (here / "digits.yaml").write_text(wrong)
    lines = nnctl("check", "digits.yaml", cwd=here).err.splitlines()
    assert [line for line in lines if "one of" not in line] == shown.text.splitlines()

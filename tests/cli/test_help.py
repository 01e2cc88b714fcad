"""`--help`: nothing cut, examples that run, exit codes, a link; what the shell completes."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nnctl.cli.help import ABOUT, CODES, DOCS
from nnctl.workflow.init import TEMPLATES
from tests.cli.command import CONFIGS, ROOT, environment, nnctl


def helped(name: str, monkeypatch: pytest.MonkeyPatch, columns: int = 80) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERMINAL_WIDTH", str(columns))
    done = nnctl(*name.split(), "--help")
    assert (done.code, done.err) == (0, "")
    return done.out


@pytest.mark.parametrize("name", ["", *ABOUT])
def test_every_command_has_examples_exit_codes_and_a_link(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = helped(name, monkeypatch)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "..." not in text.partition("\n")[2]
    for code in (0, *(ABOUT[name].codes if name else CODES)):
        assert f"{code:>5}  {CODES[code]}" in text
    assert f"More: {DOCS}" in text
    assert all(f"    {example}" in text for example in (ABOUT[name].examples if name else ()))


def test_commands_are_listed_with_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = helped("", monkeypatch) + helped("runs", monkeypatch)
    for name, about in ABOUT.items():
        line = rf"^  {name.split()[-1]} +{re.escape(about.summary)}$"
        assert re.search(line, listed, re.M), name


@pytest.mark.parametrize("name", ABOUT)
def test_links_lead_to_a_heading_that_says_all_options(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option of `--help` is on the command's part of the page, or in the table of shared ones."""
    page = (ROOT / DOCS).read_text()
    wanted = re.search(r"More: \S+#(\S+)", helped(name, monkeypatch))
    assert wanted is not None
    parts = re.split(r"^## (.*)$", page, flags=re.M)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    said = sections[wanted[1]]
    options = set(re.findall(r"(--[a-z-]+)", helped(name, monkeypatch).partition("Examples:")[0]))
    assert {option for option in options if option not in said} <= {"--help", "--output", "--quiet"}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples name: a config, three runs of it, exported models, new data, a copied run."""
    directory = tmp_path_factory.mktemp("examples")
    shutil.copytree(CONFIGS / "data", directory / "data")
    text = (CONFIGS / "iris.yaml").read_text().replace("epochs: 60", "epochs: 2")
    search = "sweep: {ranges: {data.batch_size: [8, 16]}, trials: 1}\n"
    (directory / "iris.yaml").write_text(text + search)
    (directory / "runs" / "iris-sweep").mkdir(parents=True)
    (directory / "runs" / "iris-sweep" / "sweep.json").write_text('{"key": "here"}')
    best = text.replace("data/iris.csv", "../../data/iris.csv")
    (directory / "runs" / "iris-sweep" / "best.yaml").write_text(best)
    (directory / "configs").mkdir()
    (directory / "configs" / "iris.yaml").write_text(text.replace("data/iris.csv", "../data/iris.csv"))
    rows = (directory / "data" / "iris.csv").read_text().splitlines()
    (directory / "iris.csv").write_text("\n".join(rows) + "\n")
    cells = [f"id,{rows[0]}", *(f"{i:03d},{row}" for i, row in enumerate(rows[1:]))]
    (directory / "new.csv").write_text("\n".join(cells) + "\n")
    for number in ("1", "2", "3"):
        done = nnctl("train", "iris.yaml", "-q", "--run-dir", f"runs/iris/{number}", cwd=directory)
        assert done.code == 0, done.err
    for format, file in (("keras", "keras"), ("h5", "h5"), ("h5", "weights.h5"), ("json", "json")):
        done = nnctl("export", "iris", "--format", format, "-o", f"model.{file}", cwd=directory)
        assert done.code == 0, done.err
    shutil.copytree(directory / "runs" / "iris" / "1", directory / "copied" / "run")
    return directory


EXAMPLES = [each for about in ABOUT.values() for each in about.examples]
# All kernels are half a minute where the cache is cold; other tests sweep and fold in fewer processes.
SLOW = ("nnctl warm", "nnctl train iris.yaml --folds", "nnctl sweep")


@pytest.mark.parametrize(
    "example",
    [pytest.param(e, marks=pytest.mark.slow if e.startswith(SLOW) else ()) for e in EXAMPLES],
)
def test_examples_run(example: str, workplace: Path, tmp_path: Path) -> None:
    """Each as it stands, in a directory of its own; only what the shell does is left out."""
    here = tmp_path / "here"
    shutil.copytree(workplace, here)
    command = example.removeprefix("run=$(").partition(")")[0].partition(" > ")[0]
    done = nnctl(*shlex.split(command)[1:], cwd=here)
    assert done.code == 0, done.err


def completed(line: str, cwd: Path) -> list[str]:
    """What bash offers behind `line`, in a process of its own that must not load numba."""
    program = (
        "import sys, atexit; sys.argv[0] = 'nnctl'\n"
        "atexit.register(lambda: print('HEAVY') if {'numba', 'h5py'} & set(sys.modules) else None)\n"
        "from nnctl.cli.main import main; main()"
    )
    words = line.split(" ")
    variables = {"_NNCTL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, cwd=cwd, env=environment(**variables), capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_the_shell_completes_runs_configs_and_templates(workplace: Path) -> None:
    for command in ("eval", "predict", "export", "verify", "bisect", "runs show", "runs compare"):
        assert completed(f"nnctl {command} ir", workplace) == ["iris"]
    assert completed("nnctl eval iris/", workplace) == ["iris/1", "iris/2", "iris/3"]
    assert completed("nnctl eval copied/", workplace) == ["copied/run/"]
    assert completed("nnctl eval copied/run/m", workplace) == ["copied/run/model.h5"]
    assert completed("nnctl runs compare iris/1 iris/2", workplace) == ["iris/2"]
    assert completed("nnctl export iris --format np", workplace) == ["npz"]
    for command in ("train", "check", "plan", "warm"):
        assert completed(f"nnctl {command} i", workplace) == ["iris.yaml"]
    assert completed("nnctl init ", workplace) == sorted(TEMPLATES)
    assert completed("nnctl init im", workplace) == ["image"]
    assert completed("nnctl export iris --format ke", workplace) == ["keras"]


def test_nothing_to_complete(tmp_path: Path) -> None:
    """No runs yet, a directory that cannot be read: no words, no traceback."""
    assert completed("nnctl eval ", tmp_path) == []
    assert completed("nnctl eval no/such/", tmp_path) == []
    assert completed("nnctl train x", tmp_path) == []


def test_version() -> None:
    assert nnctl("--version") == nnctl("-V")
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", nnctl("--version").out)

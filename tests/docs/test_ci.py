"""`docs/ci.md` from top to bottom; the action, the GitLab job and the hook by the commands that they run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from nnctl.kernels.folder import Folder
from tests.docs.blocks import ROOT, Block, blocks

PAGE = ROOT / "docs" / "ci.md"


def named(language: str, info: str) -> Block:
    """The page's block with this first line."""
    (found,) = [block for block in blocks(language, info) if block.page == PAGE]
    return found


def on_page() -> list[Block]:
    """The page's blocks that are executed in their order."""
    found = [*blocks("sh", "green"), *blocks("sh", "red"), *blocks("text")]
    return sorted((block for block in found if block.page == PAGE), key=lambda block: block.line)


def installed(place: Path) -> Path:
    """A folder with an empty repository, and a `bin` where `nnctl` is this checkout's, as if installed."""
    (place / "bin").mkdir()
    script = f'#!/bin/sh\nexec "{sys.executable}" -m nnctl "$@"\n'
    (place / "bin" / "nnctl").write_text(script)
    (place / "bin" / "nnctl").chmod(0o755)
    (place / "work").mkdir()
    return place


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """Where scripts run, in an empty repository."""
    return installed(tmp_path)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that the page's first block makes."""
    made = installed(tmp_path_factory.mktemp("first"))
    check_block(on_page()[0], made)
    return made / "work"


@pytest.fixture
def begun(shell: Path, first: Path) -> Path:
    """Where scripts run, in a repository with a config and its record."""
    shutil.copytree(first, shell / "work", dirs_exist_ok=True)
    return shell


def bash(script: str, shell: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a CI system does: it ends with the first command that fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    path = f"{shell / 'bin'}:{os.environ['PATH']}"
    environment = {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "NNCTL_THREADS": "1", **more}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=shell / "work", env=environment, capture_output=True, text=True)


def cases(file: Path) -> tuple[int, int]:
    """How many test cases a JUnit file has, and how many of them fail."""
    root = ElementTree.parse(file).getroot()
    return len(list(root.iter("testcase"))), len(list(root.iter("failure")))


def check_block(block: Block, shell: Path) -> str:
    """Run a block; what it says. A green one ends with 0, a red one with 4, and the reports say the same."""
    done = bash(block.text, shell)
    said = done.stdout + done.stderr
    assert done.returncode == (4 if block.info == "red" else 0), f"{block}\n{said}"
    found, failed = cases(shell / "work" / "junit.xml")
    assert found >= 3
    assert bool(failed) == (block.info == "red")
    assert (shell / "work" / "summary.md").read_text().startswith("### nnctl:")
    return said


def test_the_page_from_top_to_bottom(begun: Path) -> None:
    """What is shown of an output is in it."""
    said = ""
    for block in on_page()[1:]:
        if block.language == "text":
            assert [line for line in block.text.splitlines() if line not in said] == [], f"{block}\n{said}"
        else:
            said = check_block(block, begun)


EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")


def filled(text: str, known: Mapping[str, str]) -> str:
    """A value of the action with its expressions worked out."""
    return EXPRESSION.sub(lambda found: known[found[1]], text)


def github(
    step: Mapping[str, Any], shell: Path, known: Mapping[str, str], **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a step of the action as a runner does."""
    own = {name: filled(value, known) for name, value in step.get("env", {}).items()}
    files = {
        name: str(shell / name.lower()) for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
    }
    return bash(step["run"], shell, RUNNER_TEMP=str(shell), **files, **own, **more)


@pytest.fixture
def action() -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "action.yml").read_text())
    assert found["runs"]["using"] == "composite"
    return dict(found)


def inputs(action: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    """What the steps see, of what a workflow gives."""
    assert set(given) <= set(action["inputs"])
    values = {name: about["default"] for name, about in action["inputs"].items()} | dict(given)
    return {f"inputs.{name}": str(value) for name, value in values.items()}


def test_the_workflow_and_the_steps_of_the_action(begun: Path, action: dict[str, Any]) -> None:
    """The workflow of the page, its inputs in the action's steps (but for installing): green, then red."""
    workflow = yaml.safe_load(named("yaml", ".github/workflows/experiments.yml").text)
    (job,) = workflow["jobs"].values()
    (use,) = [step for step in job["steps"] if "/nnctl@" in step["uses"]]
    known = inputs(action, use["with"]) | {"github.action_path": str(ROOT), "runner.temp": str(begun)}
    steps = {step.get("name", step.get("uses")): step for step in action["runs"]["steps"]}
    (begun / "nnctl").mkdir()
    shutil.copytree(begun / "bin", begun / "nnctl" / "bin")

    done = github(steps["Name the kernels"], begun, known)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"key=[0-9a-f]{32}\n", (begun / "github_output").read_text())
    assert (begun / "github_env").read_text() == f"NNCTL_CACHE_DIR={begun}/nnctl-kernels\n"

    done = github(steps["Test"], begun, known)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 passed" in (begun / "github_step_summary").read_text()
    assert cases(begun / "nnctl-reports" / "junit.xml")[1] == 0
    config = begun / "work" / "configs" / "iris.yaml"
    config.write_text(config.read_text().replace("at_least: 0.9", "at_least: 1.1"))
    done = github(steps["Test"], begun, known)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "0 of 1 passed" in (begun / "github_step_summary").read_text()
    assert cases(begun / "nnctl-reports" / "junit.xml")[1] > 0
    for step in ("Keep kernels", "Keep reports"):
        assert steps[step]["if"].startswith("always()"), "of a red job, too"


def test_no_step_reads_an_input_as_a_command(action: dict[str, Any]) -> None:
    """What a workflow gives comes by the environment: in the text of a script it would be run."""
    scripts = [step for step in action["runs"]["steps"] if "run" in step]
    assert len(scripts) == 3
    for step in scripts:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"


def test_paths_and_arguments_are_one_a_line(shell: Path, action: dict[str, Any]) -> None:
    """Names with spaces and with a leading dash stay names."""
    (step,) = [step for step in action["runs"]["steps"] if step.get("name") == "Test"]
    (shell / "nnctl" / "bin").mkdir(parents=True)
    told = shell / "nnctl" / "bin" / "nnctl"
    told.write_text('#!/bin/sh\nfor word in "$@"; do echo "<$word>"; done\n')
    told.chmod(0o755)
    known = inputs(action, {"paths": "a b.yaml\n-c.yaml\n", "arguments": "--strict\n--set\nseed=$(id)\n"})
    words = github(step, shell, known).stdout.split("\n")
    reports = [
        "--junit",
        f"{shell}/nnctl-reports/junit.xml",
        "--markdown",
        f"{shell}/nnctl-reports/summary.md",
    ]
    wanted = ["test", "--jobs", "1", "--strict", "--set", "seed=$(id)", *reports, "--", "a b.yaml", "-c.yaml"]
    assert words == [*(f"<{word}>" for word in wanted), ""]
    bare = github(step, shell, inputs(action, {})).stdout.split("\n")
    assert bare == [*(f"<{word}>" for word in ["test", "--jobs", "1", *reports, "--", "."]), ""]


@pytest.fixture
def gitlab() -> dict[str, Any]:
    text = named("yaml", ".gitlab-ci.yml").text
    assert text == (ROOT / "docs" / "examples" / "gitlab-ci.yml").read_text()
    return dict(yaml.safe_load(text)["nnctl"])


def test_the_gitlab_job(begun: Path, gitlab: dict[str, Any]) -> None:
    """Its script, in a project whose folders anybody may write to, as GitLab's runner makes them."""
    work = begun / "work"
    variables = {
        name: text.replace("$CI_PROJECT_DIR", str(work)) for name, text in gitlab["variables"].items()
    }
    kernels = Path(variables.pop("NNCTL_CACHE_DIR"))
    assert [f"{kernels.relative_to(work)}/"] == gitlab["cache"]["paths"]
    kernels.mkdir()
    kernels.chmod(0o777)
    installs, made_safe = gitlab["before_script"][:2], gitlab["before_script"][2:]
    assert all("python -m" in line for line in installs)
    assert Folder(kernels).root is None
    assert bash("\n".join(made_safe), begun, NNCTL_CACHE_DIR=str(kernels)).returncode == 0
    assert Folder(kernels).root == kernels
    done = bash("\n".join(gitlab["script"]), begun, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cases(work / gitlab["artifacts"]["reports"]["junit"])[1] == 0
    assert all((work / path).is_file() for path in gitlab["artifacts"]["paths"])


def test_the_hook(shell: Path) -> None:
    """Its entry with the files that it takes: each is told of."""
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    (repository,) = yaml.safe_load(named("yaml", ".pre-commit-config.yaml").text)["repos"]
    (used,) = repository["hooks"]
    hook = hooks[used["id"]]
    assert bash(on_page()[0].text.splitlines()[0], shell).returncode == 0
    work = shell / "work"
    text = (work / "configs" / "iris.yaml").read_text()
    (work / "configs" / "wrong one.yaml").write_text(text.replace("units: 16", "unit: 16"))
    (work / "other.yaml").write_text("a: 1\n")
    found = sorted(str(path.relative_to(work)) for path in work.rglob("*.yaml"))
    for files in (hook["files"], used["files"]):
        taken = [path for path in found if re.search(files, path)]
        assert taken == ["configs/iris.yaml", "configs/wrong one.yaml"]
    done = bash(f"{hook['entry']} configs/iris.yaml 'configs/wrong one.yaml'", shell)
    assert done.returncode == 2
    assert "configs/iris.yaml: ok" in done.stderr
    assert "did you mean 'units'?" in done.stderr


@pytest.fixture
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a runner has of nnctl: installing from it leaves files behind."""
    place = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place)
    for name in ("nnctl", "requirements"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    return place


@pytest.mark.slow
def test_the_action_installs_itself(begun: Path, action: dict[str, Any], checkout: Path) -> None:
    """By the hashes of the lock, into an environment of its own; then its other steps run with that."""
    known = inputs(action, {"paths": "configs"}) | {"github.action_path": str(checkout)}
    (begun / "bin" / "nnctl").unlink()
    (begun / "bin" / "python").symlink_to(sys.executable)
    for step in action["runs"]["steps"]:
        if "run" in step:
            done = github(step, begun, known, PYTHONPATH="")
            assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 passed" in (begun / "github_step_summary").read_text()


@pytest.mark.slow
def test_the_gitlab_job_installs_what_it_is_told(begun: Path, gitlab: dict[str, Any], checkout: Path) -> None:
    """All of its lines, kernels compiled into the job's folder."""
    (begun / "bin" / "nnctl").unlink()
    (begun / "bin" / "python").symlink_to(sys.executable)
    work = begun / "work"
    variables = {
        name: text.replace("$CI_PROJECT_DIR", str(work)) for name, text in gitlab["variables"].items()
    }
    lines = [*gitlab["before_script"], *gitlab["script"]]
    script = "\n".join(lines).replace("/tmp/nnctl", str(begun / "environment"))
    done = bash(script, begun, **variables | {"NNCTL": str(checkout), "PYTHONPATH": ""})
    assert done.returncode == 0, done.stdout + done.stderr
    assert any(Path(variables["NNCTL_CACHE_DIR"]).iterdir())
    assert cases(work / "junit.xml")[1] == 0

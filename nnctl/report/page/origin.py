"""Where a run comes from: its config, its hashes, what it ran on, and how to have it again."""

from __future__ import annotations

import shlex
from pathlib import Path

from nnctl.core.numbers import duration
from nnctl.report.page.markup import Child, Markup, joined, tag
from nnctl.report.page.parts import code, facts
from nnctl.runs.manifest import Manifest
from nnctl.workflow.report import RunReport

_NO_PACKAGES = ("python",)


def origin(run: RunReport) -> Markup:
    """Hashes, versions and machine, then how to have the same run again."""
    manifest = run.shown.summary.manifest
    if manifest is None:
        return Markup("")
    machine = manifest.machine
    told: dict[str, Child] = {
        "directory": str(run.shown.summary.path),
        "started": manifest.started,
        "ended": manifest.ended or "",
        "time": duration(manifest.wall_seconds)
        + (f", resumed {manifest.resumed} times" if manifest.resumed else ""),
        "seed": str(manifest.seed),
        "overrides": ", ".join(manifest.overrides),
        "config": _hash(manifest.config_sha256),
        "data": _hash(manifest.data_sha256),
        "weights": _hash(manifest.weights_sha256),
        "git commit": _hash(manifest.git_commit),
        "versions": ", ".join(f"{name} {version}" for name, version in manifest.versions.items()),
        "machine": ", ".join(
            str(machine[name]) for name in ("cpu", "architecture", "system") if name in machine
        ),
        "threads": str(manifest.threads or ""),
    }
    return joined([facts(told), tag("h3", "The same again"), code(again(manifest, run.shown.summary.path))])


def _hash(value: str | None) -> Child:
    return tag("code", value) if value else None


def again(manifest: Manifest, path: Path) -> str:
    """The commands that lead to the same bits."""
    packages = [
        f"{name}=={version}" for name, version in manifest.versions.items() if name not in _NO_PACKAGES
    ]
    lines = [
        f"pip install {shlex.join(packages)}" if packages else "",
        f"git checkout {shlex.quote(manifest.git_commit)}" if manifest.git_commit else "",
        f"nnctl verify {shlex.quote(str(path))}   # trains it again and compares the bits",
        f"nnctl train {shlex.quote(str(path / 'resolved.yaml'))}",
    ]
    return "\n".join(line for line in lines if line)


def config(run: RunReport) -> Markup:
    """The config as it was given, overrides applied."""
    return code(run.shown.config.rstrip())

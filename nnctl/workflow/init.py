"""`init`: a commented config that trains as it stands, with its data beside it."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from nnctl.core import below
from nnctl.core.errors import ConfigError, Problem, RunError, nearest
from nnctl.storage.disk import DISK, commit, make_directories

TEMPLATES: dict[str, str] = {
    "table": "iris.csv",
    "regression": "diabetes.csv",
    "image": "digits.csv.gz",
    "sequence": "sunspots.csv",
    "two-inputs": "penguins.csv",
    "residual": "digits.csv.gz",
    "siamese": "digit_pairs.csv.gz",
    "autoencoder": "digits.csv.gz",
    "text": "sentences.csv",
    "language-model": "constitution.txt",
    "transformer": "constitution.txt",
}
"""Each template and the data file that comes with it."""


def template_path(name: str) -> Path:
    """The template's file inside the package; its data lies where its config says."""
    return Path(str(files("nnctl").joinpath("templates", f"{name}.yaml")))


def init(name: str, output: Path | None = None, *, force: bool = False) -> list[Path]:
    """Write the template's config to `output` (default: NAME.yaml) and its data into `data/` beside it.

    Raises:
        ConfigError: there is no such template, or a file is in the way and `force` is not said.
        StorageError: it cannot be written.
    """
    if name not in TEMPLATES:
        known = ", ".join(TEMPLATES)
        raise ConfigError(
            Problem(
                f"there is no template '{name}'",
                expected=f"one of {known}",
                suggestion=nearest(name, list(TEMPLATES)),
            )
        )
    config = output or Path(f"{name}.yaml")
    data = config.parent / "data" / TEMPLATES[name]
    source = template_path(name).parent / "data" / TEMPLATES[name]
    content = {config: template_path(name).read_bytes(), data: source.read_bytes()}
    for path, wanted in content.items():
        if _in_the_way(path, wanted, force):
            other = "file" if path == config else "directory"
            way_out = f"another {other}, with --output FILE"
            if below.is_file(path):
                way_out = f"--force to replace it, or {way_out}"
            raise ConfigError(Problem(f"{path} is there already", expected=way_out))
    make_directories(DISK, data.parent)
    for path, wanted in content.items():
        commit(DISK, path, [wanted])
    return list(content)


def _in_the_way(path: Path, wanted: bytes, force: bool) -> bool:
    """Whether something else than what shall be written is at `path`; a file gives way to `force`."""
    if not os.path.lexists(path):
        return False
    if not below.is_file(path):
        return True
    try:
        return not force and below.read_capped(path, None, len(wanted)) != wanted
    except (OSError, RunError):
        return True

"""The lock says what pyproject.toml says: every package, one version of each, by hash and from nowhere."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.lock import ROOT, locked

FILES = ["run.txt", "dev.txt", "lowest.txt", "mutants.txt", "site.txt", "mlflow.txt"]
PYTHONS = ["3.11.0", "3.12.0", "3.13.0"]


def declared(groups: tuple[str, ...] = ()) -> list[Requirement]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    written = list(settings["project"]["dependencies"])
    for group in groups:
        written += [entry for entry in settings["dependency-groups"][group] if isinstance(entry, str)]
    return [Requirement(text) for text in written]


@pytest.mark.parametrize("python", PYTHONS)
def test_everything_that_is_declared_is_locked_within_its_range(python: str) -> None:
    for file, groups in [
        ("run.txt", ("build",)),
        ("dev.txt", ("build", "test", "dev", "keras")),
        ("lowest.txt", ("build", "test", "keras")),
    ]:
        versions = locked(file, python)
        for requirement in declared(groups):
            version = versions[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), (file, requirement, version)


@pytest.mark.parametrize("python", PYTHONS)
def test_tests_run_on_what_users_get(python: str) -> None:
    tested = locked("dev.txt", python)
    assert locked("run.txt", python).items() <= tested.items()
    for file in ("mutants.txt", "site.txt"):
        beside = locked(file, python)
        assert {name: tested.get(name, version) for name, version in beside.items()} == beside


def test_lowest_is_the_lower_bound() -> None:
    versions = locked("lowest.txt", "3.11.0")
    for requirement in declared():
        (lower,) = [s.version for s in requirement.specifier if s.operator == ">="]
        locked_version = versions[canonicalize_name(requirement.name)]
        assert re.fullmatch(re.escape(lower) + r"(\.0)*", locked_version), (requirement, locked_version)


def test_private_parts_are_used_of_tried_versions_alone() -> None:
    """Kernels are stored and loaded by Numba's private classes: a version that was not tried is not taken."""
    (numba,) = [requirement for requirement in declared() if requirement.name == "numba"]
    assert any(specifier.operator == "<" for specifier in numba.specifier)


@pytest.mark.parametrize("file", FILES)
def test_every_package_has_hashes_and_no_place(file: str) -> None:
    text = (ROOT / "requirements" / file).read_text()
    entries = re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) > 10
    for entry in entries:
        assert "--hash=sha256:" in entry
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host", text)

"""A 64-bit ARM userland in a folder: Debian's packages unpacked, wheels for aarch64, an emulator to run them.

Nothing of it is installed, and nobody needs to be root: apt downloads packages into a folder of ours as for
another machine, `dpkg-deb` unpacks them, pip downloads wheels for another platform.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("python3", "libstdc++6", "libgomp1")
"""With what they need: a Python, and what wheels expect of a system."""
WHEELS = ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
TOOLS = ("apt-get", "dpkg-deb")


class Missing(Exception):
    """Something that this machine does not have, and what would help."""


@dataclass(frozen=True)
class Userland:
    """The folder, and how a Python in it is run."""

    place: Path

    @property
    def root(self) -> Path:
        """Where packages are unpacked."""
        return self.place / "root"

    @property
    def python(self) -> Path:
        """The Python of ARM, by its full version: others are links to it."""
        found = sorted((self.root / "usr" / "bin").glob("python3.[0-9]*[0-9]"))
        if not found:
            raise Missing(f"no Python was unpacked into {self.root}: remove {self.place} and run it again")
        return found[0]

    @property
    def emulator(self) -> list[str]:
        """The command that runs a program of ARM here; none where this is such a machine."""
        if platform.machine() == "aarch64":
            return []
        own = self.place / "emulator" / "usr" / "bin" / "qemu-aarch64-static"
        found = str(own) if own.exists() else shutil.which("qemu-aarch64-static")
        if found is None:
            raise Missing("there is no qemu-aarch64-static: apt-get install qemu-user-static")
        return [found, "-L", str(self.root)]

    def run(self, arguments: Sequence[str], more: Mapping[str, str] | None = None) -> str:
        """What a module or script of Python prints in the userland.

        Raises:
            RuntimeError: it fails.
        """
        environment = {
            **{name: os.environ[name] for name in ("HOME", "PATH", "LANG") if name in os.environ},
            "PYTHONHOME": str(self.root / "usr"),
            "PYTHONPATH": f"{self.place / 'site'}:{ROOT}",
            "NNCTL_CACHE_DIR": str(self.place / "kernels"),
            **(more or {}),
        }
        command = [*self.emulator, str(self.python), *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} ends with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout


def made(place: Path) -> Userland:
    """The userland in a folder, made there if it is not yet: some 400 MB, a minute or two.

    Raises:
        Missing: a tool that it takes is not here.
    """
    userland = Userland(place)
    if not (place / "whole").exists():
        for tool in TOOLS:
            if shutil.which(tool) is None:
                raise Missing(f"there is no {tool}: a userland of ARM is made of Debian's packages")
        shutil.rmtree(place, ignore_errors=True)
        _unpack(_packages(place / "apt", PACKAGES), userland.root)
        if platform.machine() != "aarch64" and shutil.which("qemu-aarch64-static") is None:
            _unpack(_emulator(place / "emulator-package"), place / "emulator")
        _wheels(userland)
        (place / "whole").touch()
    return userland


def _packages(place: Path, names: Sequence[str]) -> list[Path]:
    """Packages of ARM and all that they need, downloaded."""
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (place / folder).mkdir(parents=True)
    (place / "status").touch()
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures::": "arm64",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Dir::State": str(place / "state"),
        "Dir::State::status": str(place / "status"),
        "Dir::Cache": str(place / "cache"),
        "Debug::NoLocking": "1",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    _do(["apt-get", *options, "-qq", "update"])
    _do(["apt-get", *options, "-qq", "-y", "--download-only", "install", *names])
    return sorted((place / "cache" / "archives").glob("*.deb"))


def _emulator(place: Path) -> list[Path]:
    """Debian's package of the emulator, for this machine."""
    place.mkdir(parents=True)
    _do(["apt-get", "-qq", "-o", "APT::Sandbox::User=", "download", "qemu-user-static"], place)
    return sorted(place.glob("*.deb"))


def _unpack(packages: Sequence[Path], to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for package in packages:
        _do(["dpkg-deb", "-x", str(package), str(to)])


def _wheels(userland: Userland) -> None:
    """What nnctl needs, as the lock names it, for the Python that was unpacked."""
    platforms = [word for wheel in WHEELS for word in ("--platform", wheel)]
    version = userland.python.name.removeprefix("python")
    lock = ROOT / "requirements" / "run.txt"
    _do(
        [
            *(sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", *platforms),
            *("--target", str(userland.place / "site"), "--python-version", version),
            *("--implementation", "cp", "--only-binary", ":all:", "--no-deps", "--require-hashes"),
            *("-r", str(lock)),
        ]
    )


def _do(command: Sequence[str], place: Path | None = None) -> None:
    """Run a command. Raises Missing: it fails, with what it says."""
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"{' '.join(command)} ends with {done.returncode}: {done.stderr.strip()[-1000:]}")

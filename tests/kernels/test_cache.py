"""The kernel cache serves the right code or none: upgrades, kills, errors, dtypes, CPUs, many processes."""

from __future__ import annotations

import errno
import importlib
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nnctl.kernels import cache, entry, folder
from nnctl.kernels.jit import config, kernel

from .faulty_os import FaultyOs, Killed

ROOT = Path(__file__).parents[2]

KERNELS = """
from nnctl.kernels.jit import kernel
from cached_factors import (
    FACTOR,
    shifted,
)

@kernel
def scaled(x, out):
    for i in range(x.shape[0]):
        out[i] = shifted(x[i] * FACTOR)
"""

FACTORS = """
from nnctl.kernels.jit import inline
FACTOR = {factor}

@inline
def shifted(x):
    return x + {shift}
"""


def write(site: Path, factor: int, shift: int = 0) -> Path:
    """One version of two kernel files: for x = 1 it gives `factor` + `shift`."""
    site.mkdir(exist_ok=True)
    (site / "cached_kernels.py").write_text(KERNELS)
    (site / "cached_factors.py").write_text(FACTORS.format(factor=factor, shift=shift))
    return site


def load(site: Path) -> Any:
    """The kernel, as a new process has it: nothing is remembered."""
    cache.folder.cache_clear()
    for name in ("cached_kernels", "cached_factors"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
    sys.path.insert(0, str(site))
    try:
        return importlib.import_module("cached_kernels").scaled
    finally:
        sys.path.remove(str(site))


def call(kernel: Any, dtype: type = np.float32) -> tuple[float, int]:
    """What it gives for 1, and how often it had to be compiled so far."""
    out = np.zeros(3, dtype)
    kernel(np.ones(3, dtype), out)
    return float(out[0]), sum(kernel.stats.cache_misses.values())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache of this test's own; no byte code is left behind."""
    monkeypatch.setenv("NNCTL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    cache.folder.cache_clear()
    for name in ("cached_kernels", "cached_factors"):
        sys.modules.pop(name, None)


@pytest.fixture
def under(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """Have the cache work on a faulty `os` from now on."""

    def use(faulty: object) -> None:
        monkeypatch.setattr(entry, "os", faulty)
        monkeypatch.setattr(folder, "os", faulty)

    return use


def test_what_was_compiled_is_loaded(place: Path) -> None:
    site = write(place / "site", 3)
    assert call(load(site)) == (3, 1)
    assert call(load(site)) == (3, 0)


PLAIN = """
import numpy as np
from nnctl.kernels.jit import kernel

@kernel
def twice(x, out):
    room = np.empty(x.shape[0])
    for i in range(x.shape[0]):
        room[i] = x[i]
        out[i] = 2 * room[i]

@kernel
def _numba_hashsecret(x):
    x[0] += 1
"""
CALLS = """
import sys
import numpy as np
from plain import twice, _numba_hashsecret
x = np.arange(3.0)
twice(x, x)
compilers = "numba.np.linalg" in sys.modules
_numba_hashsecret(x)
misses = sum(sum(k.stats.cache_misses.values()) for k in (twice, _numba_hashsecret))
print(x.tolist(), compilers, "numba.np.linalg" in sys.modules, misses)
"""


def test_kept_code_is_loaded_without_what_compiles(place: Path) -> None:
    """But with all that it refers to: memory, and the secret of hashes, which here is only a name."""
    (place / "plain.py").write_text(PLAIN)
    for expected in ("[1.0, 2.0, 4.0] True True 2", "[1.0, 2.0, 4.0] False True 0"):
        process = subprocess.run(
            [sys.executable, "-c", CALLS],
            cwd=place,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert process.stdout.strip() == expected, process.stderr


def test_what_else_of_a_package_is_loaded_changes_no_kernel(place: Path) -> None:
    """A module becomes an attribute of its package when some command loads it, and another command does not."""
    site = write(place / "site", 3)
    assert call(load(site)) == (3, 1)
    scaled = load(site)
    sys.modules["cached_factors"].further = ModuleType("cached_factors.further")  # type: ignore[attr-defined]
    assert call(scaled) == (3, 0)


def test_an_upgrade_of_any_file_that_a_kernel_is_made_of(place: Path) -> None:
    """And back again: the version before is still there."""
    for factor, shift, misses in ((3, 0, 1), (4, 0, 1), (4, 2, 1), (3, 0, 0)):
        assert call(load(write(place / "site", factor, shift))) == (factor + shift, misses)


def test_an_upgrade_while_a_process_runs(place: Path) -> None:
    """The process goes on with what it loaded; what it keeps is not taken for the new version."""
    running = load(write(place / "site", 3))
    write(place / "site", 4)
    assert call(running) == (3, 1)
    assert call(load(place / "site")) == (4, 1)
    assert call(load(write(place / "site", 3))) == (3, 1)


Pick = Callable[[list[str]], list[int]]


def sample(operations: list[str]) -> list[int]:
    """Where the two files are written and where they get their names; the rest is slow, and in test_entry.py."""
    return [at for at, name in enumerate(operations) if name in ("write", "replace")]


def every(operations: list[str]) -> list[int]:
    return list(range(len(operations)))


def picks(function: Any) -> Any:
    slow = pytest.param(every, marks=pytest.mark.slow, id="every")
    return pytest.mark.parametrize("pick", [pytest.param(sample, id="sample"), slow])(function)


@picks
def test_killed_at_any_operation_after_an_upgrade(
    place: Path, under: Callable[[object], None], pick: Pick
) -> None:
    """Numba's own cache served the old version's code from then on, or another dtype's."""
    site = place / "site"
    counting = FaultyOs()
    under(counting)
    upgraded(site)
    for at in pick(counting.operations):
        under(os)
        call(load(write(site, 3)))
        under(FaultyOs(at))
        with pytest.raises(Killed):
            upgraded(site, at + 4)
        under(os)
        kernel = load(site)
        for dtype in (np.float64, np.float32):
            assert call(kernel, dtype)[0] == at + 4
        kernel = load(site)
        assert call(kernel), call(kernel, np.float64) == ((at + 4, 0), (at + 4, 0))


def upgraded(site: Path, factor: int = 99) -> folder.Folder:
    """A process that runs the new version for two dtypes."""
    kernel = load(write(site, factor))
    assert call(kernel)[0] == factor
    assert call(kernel, np.float64)[0] == factor
    return cache.folder()


@picks
@pytest.mark.parametrize("fault", [errno.ENOSPC, pytest.param(errno.EACCES, marks=pytest.mark.slow)])
def test_an_error_at_any_operation_after_an_upgrade(
    place: Path, under: Callable[[object], None], fault: int, pick: Pick
) -> None:
    """The process computes what it should, and so does the next one."""
    site = place / "site"
    counting = FaultyOs()
    under(counting)
    upgraded(site)
    for at in pick(counting.operations)[::2]:
        under(os)
        call(load(write(site, 3)))
        under(FaultyOs(at, fault, sticky=bool(at % 2)))
        assert len(upgraded(site, at + 4).notices) <= 1
        under(os)
        upgraded(site, at + 4)


def entries(place: Path) -> list[Path]:
    return sorted((place / "cache").glob("*.kernel"))


def key_of(path: Path) -> str:
    """The key that an entry holds."""
    content = path.read_bytes()
    length = entry._HEAD.unpack_from(content)[1]
    return content[entry._HEAD.size : entry._HEAD.size + length].decode()


def test_the_key_says_what_the_code_follows_from(place: Path) -> None:
    call(load(write(place / "site", 3)))
    (found,) = entries(place)
    label, variant, types, target, versions, stamp = json.loads(key_of(found))
    assert label == "cached_kernels.scaled"
    assert variant in ("parts", "plain")
    assert types == ["array(float32, 1d, C)"] * 2
    assert target[1:] == list(_magic()[1:])
    assert np.__version__ in versions
    assert len(stamp) == 64


def _magic() -> tuple[str, ...]:
    from numba.core.registry import cpu_target

    return tuple(cpu_target.target_context.codegen().magic_tuple())


@pytest.mark.parametrize("payload", [b"", b"garbage", pickle.dumps(5), pickle.dumps((1, 2, 3))])
def test_an_entry_that_cannot_be_used_is_made_again(place: Path, payload: bytes) -> None:
    site = write(place / "site", 3)
    call(load(site))
    (found,) = entries(place)
    entry.write_entry(found, key_of(found), payload)
    assert call(load(site)) == (3, 1)
    assert call(load(site)) == (3, 0)


def test_code_for_other_types_under_a_right_key_is_not_used(place: Path) -> None:
    site = write(place / "site", 3)
    scaled = load(site)
    call(scaled)
    call(scaled, np.float64)
    one, other = entries(place)
    for path, from_ in ((one, other), (other, one)):
        payload = entry.read_entry(from_, key_of(from_))
        assert payload is not None
        (place / path.name).write_bytes(b"")
        entry.write_entry(place / path.name, key_of(path), payload)
    for path in (one, other):
        os.replace(place / path.name, path)
    scaled = load(site)
    assert call(scaled) == (3, 1)
    assert call(scaled, np.float64) == (3, 2)


class _Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def test_what_another_user_may_have_written_is_not_unpickled(place: Path) -> None:
    site = write(place / "site", 3)
    call(load(site))
    (found,) = entries(place)
    entry.write_entry(found, key_of(found), pickle.dumps(_Evil(place / "ran")))
    found.chmod(0o666)
    assert call(load(site)) == (3, 1)
    entry.write_entry(found, key_of(found), pickle.dumps(_Evil(place / "ran")))
    (place / "cache").chmod(0o777)
    assert call(load(site)) == (3, 1)
    assert not (place / "ran").exists()


def test_options_of_numba_that_change_code(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = write(place / "site", 3)
    call(load(site))
    monkeypatch.setattr(config, "OPT", type(config.OPT)(1))
    cache._versions.cache_clear()
    try:
        assert call(load(site)) == (3, 1)
    finally:
        cache._versions.cache_clear()


def test_kernels_made_by_a_function(place: Path) -> None:
    """One name and one line, but not one kernel; what has no lasting name is not kept."""

    def made(factor: Any, count: Callable[[Any], int] = int) -> Any:
        @kernel
        def scaled(x: Any, out: Any) -> None:
            for i in range(x.shape[0]):
                out[i] = x[i] * factor

        return scaled

    cache.folder.cache_clear()
    assert [call(made(f)) for f in (3, 4, 3)] == [(3, 1), (4, 1), (3, 0)]
    tables = [np.array([f], np.float32) for f in (3, 4, 3)]

    def table(values: Any) -> Any:
        @kernel
        def scaled(x: Any, out: Any) -> None:
            for i in range(x.shape[0]):
                out[i] = x[i] * values[0]

        return scaled

    assert [call(table(t)) for t in tables] == [(3, 1), (4, 1), (3, 0)]
    before = len(entries(place))
    unnamed = made(3)
    unnamed._cache._function.__defaults__ = (object(),)
    assert call(unnamed) == (3, 1)
    assert len(entries(place)) == before


def test_kernels_made_of_functions_of_other_modules(place: Path) -> None:
    """All that such a function's module has is part of the kernel, though its own module does not import it."""

    def made(shifted: Any) -> Any:
        @kernel
        def scaled(x: Any, out: Any) -> None:
            for i in range(x.shape[0]):
                out[i] = shifted(x[i])

        return scaled

    site = place / "site"
    for factor, shift, misses in ((3, 0, 1), (3, 2, 1), (3, 0, 0)):
        write(site, factor)
        text = FACTORS.format(factor=factor, shift="FURTHER(x)")
        further = f"@inline\ndef FURTHER(x):\n    return x * {factor + shift}\n"
        (site / "cached_factors.py").write_text(text + further)
        load(site)
        found = call(made(sys.modules["cached_factors"].shifted))
        assert found == (1 + factor + shift, misses)


PROCESS = """
import json, os, signal, sys
import numpy as np
from nnctl.kernels import entry, folder
from tests.kernels.faulty_os import FaultyOs, Killed

class Real(FaultyOs):
    def _step(self, name, args, real):
        try:
            super()._step(name, args, real)
        except Killed:
            os.kill(os.getpid(), signal.SIGKILL)

site, at = sys.argv[1], int(sys.argv[2])
sys.path.insert(0, site)
sys.dont_write_bytecode = True
from cached_kernels import scaled
counting = Real(at if at >= 0 else None)
entry.os = folder.os = counting
values = []
for dtype in (np.float32, np.float64) if os.getpid() % 2 else (np.float64, np.float32):
    out = np.zeros(3, dtype)
    scaled(np.ones(3, dtype), out)
    values.append(float(out[0]))
from nnctl.kernels.jit import folder
print(json.dumps([*values, sum(scaled.stats.cache_misses.values()), folder().notices, counting.operations]))
"""


def start(place: Path, at: int = -1, **more: str) -> subprocess.Popen[str]:
    """A process of its own that runs the kernel for two dtypes; killed at its operation number `at`."""
    environ = {**os.environ, "NNCTL_CACHE_DIR": str(place / "cache"), "PYTHONPATH": str(ROOT), **more}
    command = [sys.executable, "-c", PROCESS, str(place / "site"), str(at)]
    return subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> list[Any]:
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    found: list[Any] = json.loads(out)
    return found


def killed(place: Path, pick: Pick) -> None:
    """Fill the cache, upgrade, kill -9 the first process after it; the next has the new version's results."""
    write(place / "site", 3)
    operations = finish(start(place))[4]
    for number, at in enumerate(pick(operations)):
        write(place / "site", 4 + number)
        process = start(place, at)
        process.communicate(timeout=300)
        assert process.returncode == -signal.SIGKILL
        assert finish(start(place))[:2] == [4 + number] * 2
        assert finish(start(place))[:4] == [4 + number, 4 + number, 0, []]


def test_killed_for_good(place: Path) -> None:
    killed(place, lambda operations: [operations.index("replace")])


@pytest.mark.slow
def test_killed_for_good_at_every_operation(place: Path) -> None:
    killed(place, every)


def at_once(place: Path, rounds: int, count: int) -> None:
    """Many processes, two dtypes, two CPU targets, one cache, an upgrade each round."""
    targets: list[dict[str, str]] = [{"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}, {}]
    for number in range(rounds):
        write(place / "site", 3 + number)
        running = [start(place, **targets[i % 2]) for i in range(count)]
        assert {tuple(finish(process)[:2]) for process in running} == {(3 + number,) * 2}
        assert len(entries(place)) == 4 * (number + 1), "a file a target and dtype"
        assert not list((place / "cache").glob("*.tmp"))
    keys = [json.loads(key_of(path)) for path in entries(place)]
    assert {(key[3][1], key[3][2]) for key in keys} == {("generic", ""), _magic()[1:]}
    for target in targets:
        assert finish(start(place, **target))[:4] == [3 + number, 3 + number, 0, []]


def test_processes_and_targets_at_once(place: Path) -> None:
    at_once(place, 1, 2)


@pytest.mark.slow
def test_many_processes_and_targets_at_once(place: Path) -> None:
    at_once(place, 6, 8)

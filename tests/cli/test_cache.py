"""A kernel cache that cannot be used ends nothing but `warm`; a notice says what is wrong and the way out."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.command import environment, nnctl, process

FEW = ("iris.yaml", "--run-dir", "run", "--set", "training.epochs=1")


def finished(running: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = running.communicate(timeout=300)
    return running.returncode, out, err


def test_a_fault_of_the_cache_is_told_once(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnctl.kernels.jit import folder

    monkeypatch.setattr(folder(), "notices", ["compiled kernels cannot be kept"])
    done = nnctl("train", *FEW, cwd=here)
    assert done.code == 0
    assert done.err.count("compiled kernels cannot be kept\n") == 1
    assert nnctl("eval", "run", cwd=here).err.count("compiled kernels cannot be kept\n") == 1
    warm = nnctl("warm", "iris.yaml", cwd=here)
    assert warm.code == 1
    assert warm.err == "error: compiled kernels cannot be kept\n"


@pytest.mark.slow
def test_a_cache_that_others_may_write(here: Path) -> None:
    """Nothing is loaded from it, nothing is kept in it, and nothing is left of what took its place."""
    cache, temporary = here / "cache", here / "temporary"
    cache.mkdir()
    temporary.mkdir()
    cache.chmod(0o777)
    environ = environment(NNCTL_CACHE_DIR=str(cache), TMPDIR=str(temporary))
    code, out, err = finished(process("train", *FEW, "--json", cwd=here, env=environ))
    assert code == 0, err
    assert json.loads(out)["status"] == "completed"
    said = f"compiled kernels are not taken from {cache}: others may write to it, and what is there is run"
    assert err.count(said) == 1
    assert f"`chmod go-w {cache}`, or set NNCTL_CACHE_DIR" in err
    assert list(cache.iterdir()) == []
    assert list(temporary.iterdir()) == []
    code, out, err = finished(process("warm", "iris.yaml", cwd=here, env=environ))
    assert code == 1
    assert out == ""
    assert err.splitlines()[-1].startswith(f"error: {said}")
    assert err.count(said) == 1


@pytest.mark.slow
def test_a_cache_that_cannot_be_written(here: Path) -> None:
    (here / "file").write_text("")
    environ = environment(NNCTL_CACHE_DIR=str(here / "file" / "cache"))
    code, out, err = finished(process("train", *FEW, "--json", cwd=here, env=environ))
    assert code == 0, err
    assert json.loads(out)["status"] == "completed"
    assert f"compiled kernels cannot be kept in {here}/file/cache: Not a directory (ENOTDIR); set" in err


def test_the_key_of_a_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled for it; it follows from the sources, what compiles, and the kind of CPU."""
    from nnctl.kernels import cache
    from nnctl.kernels.cache import folder

    monkeypatch.setattr("nnctl.workflow.warm.ready_kernels", None)
    plain = nnctl("warm", "--key", cwd=here)
    assert (plain.code, plain.err) == (0, "")
    found = nnctl("warm", "--key", "--json", cwd=here).json
    assert found == {"folder": str(folder().root), "key": plain.out.strip()}
    assert re.fullmatch("[0-9a-f]{32}", found["key"])
    assert cache.key() == found["key"]
    monkeypatch.setattr(cache, "_versions", lambda: ["another"])
    others = {found["key"], cache.key()}
    monkeypatch.undo()
    other = SimpleNamespace(codegen=lambda: SimpleNamespace(magic_tuple=lambda: ("arm64", "", "")))
    monkeypatch.setattr(cache, "cpu_target", SimpleNamespace(target_context=other))
    others.add(cache.key())
    monkeypatch.undo()
    (here / "nnctl" / "kernels").mkdir(parents=True)
    (here / "nnctl" / "kernels" / "cache.py").write_text("")
    monkeypatch.setattr(cache, "__file__", str(here / "nnctl" / "kernels" / "cache.py"))
    others.add(cache.key())
    (here / "nnctl" / "other.py").write_text("x = 1")
    others.add(cache.key())
    (here / "nnctl" / "other.py").write_text("x = 2")
    others.add(cache.key())
    (here / "nnctl" / "other.py").rename(here / "nnctl" / "another.py")
    others.add(cache.key())
    assert len(others) == 7

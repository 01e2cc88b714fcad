"""What the page on C shows: its program compiles against an exported file and prints what nnctl predicts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import nnctl
from tests.docs.blocks import ROOT, blocks


def test_the_pages_program_runs(tmp_path: Path) -> None:
    cc = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
    if cc is None:
        pytest.skip("there is no cc")
    (shown,) = blocks("c", "iris_main.c")
    (tmp_path / "iris_main.c").write_text(shown.text)
    config = str(ROOT / "configs" / "iris.yaml")
    run = str(tmp_path / "run")
    assert nnctl("train", config, "--quiet", "--run-dir", run, "--set", "training.epochs=1").code == 0
    assert nnctl("export", run, "--format", "c", "-o", str(tmp_path / "iris.c")).code == 0
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1"]
    command = [cc, *flags, "iris.c", "iris_main.c", "-o", "iris", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    ran = subprocess.run([str(tmp_path / "iris")], capture_output=True, text=True, check=True)
    (tmp_path / "in.csv").write_text("sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n")
    assert nnctl("predict", run, str(tmp_path / "in.csv"), "-o", str(tmp_path / "out.npy")).code == 0
    (predicted,) = np.load(tmp_path / "out.npy")
    names = ("setosa", "versicolor", "virginica")
    line = ", ".join(f"{name} {value:.4f}" for name, value in zip(names, predicted, strict=True))
    assert ran.stdout == f"{line}\n"

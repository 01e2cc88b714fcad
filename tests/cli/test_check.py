"""`check`: what it says besides ok."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import nnctl


def test_what_patterns_took(here: Path) -> None:
    config = here / "iris.yaml"
    said = ["--set", 'data.inputs=["*", "!petal_width"]']
    done = nnctl("check", config, *said, cwd=here)
    assert done.code == 0, done.err
    assert f"{config}: data.inputs takes sepal_length, sepal_width, petal_length\n" in done.err
    found = nnctl("check", config, *said, "--json", cwd=here).json
    assert found["patterns"]["inputs"] == ["sepal_length", "sepal_width", "petal_length"]


def test_many_columns_are_not_all_named(here: Path) -> None:
    (here / "wide.csv").write_text(
        ",".join([f"p{i}" for i in range(30)] + ["y"]) + "\n" + ("1," * 30 + "0\n" + "2," * 30 + "1\n") * 3
    )
    said = ["--set", "data.source=wide.csv", "--set", "data.target=y", "--set", 'data.inputs="p*"']
    said += ["--set", "data.columns={}", "--set", "data.split={}"]
    done = nnctl("check", "iris.yaml", *said, cwd=here)
    assert "p9, ..., p29 (30 columns)" in done.err


def test_a_guessed_delimiter_is_said(here: Path) -> None:
    """By `check` and by `train`."""
    data = here / "data" / "iris.csv"
    data.write_text(data.read_text().replace(",", ";"))
    said = "iris.csv: cells are separated by ';', by the look of the first lines"
    for command in (["check", "iris.yaml"], ["train", "iris.yaml", "--set", "training.epochs=1"]):
        done = nnctl(*command, cwd=here)
        assert done.code == 0, done.err
        assert done.err.count(said) == 1
    assert said in nnctl("check", "iris.yaml", "--json", cwd=here).json["notes"][0]


def test_several_configs(here: Path) -> None:
    """Each is told of, with `--json` in one object; the exit code is that of the first one that is wrong."""
    text = (here / "iris.yaml").read_text()
    (here / "wrong.yaml").write_text(text.replace("epochs:", "epoch:"))
    (here / "gone.yaml").write_text(text.replace("data/iris.csv", "data/gone.csv"))
    (here / "data" / "odd.csv").write_text("a,species\nx\n")
    (here / "odd.yaml").write_text(text.replace("data/iris.csv", "data/odd.csv"))
    good = nnctl("check", "iris.yaml", "iris.yaml", cwd=here)
    assert (good.code, good.err.count("iris.yaml: ok: ")) == (0, 2)
    done = nnctl("check", "odd.yaml", "iris.yaml", "wrong.yaml", cwd=here)
    assert done.code == 3
    assert done.out == ""
    odd, ok, wrong = (
        done.err.index(text) for text in ("odd.csv", "iris.yaml: ok: ", "did you mean 'epochs'")
    )
    assert odd < ok < wrong
    done = nnctl("check", "iris.yaml", "wrong.yaml", "--json", cwd=here)
    assert done.code == 2
    assert (done.json["valid"], [row["valid"] for row in done.json["configs"]]) == (False, [True, False])
    assert done.json["configs"][0] == nnctl("check", "iris.yaml", "--json", cwd=here).json
    alone = nnctl("check", "wrong.yaml", "--json", cwd=here).json
    assert done.json["configs"][1] == {"config": "wrong.yaml", "valid": False, **alone}
    assert "did you mean 'epochs'" in done.err
    assert "ok: " not in done.err
    assert nnctl("check", "iris.yaml", "iris.yaml", "--json", cwd=here).json["valid"] is True

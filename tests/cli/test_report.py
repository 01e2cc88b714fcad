"""`nnctl report`: one file, written anew at will, over nothing else; what it wants is said first."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnctl.report.page import library
from nnctl.report.page.document import HEAD
from tests.cli.command import nnctl


@pytest.fixture(autouse=True)
def _library() -> None:
    pytest.importorskip("vl_convert", reason="the extra nnctl[report] is not installed")


def test_a_page_of_runs(trained: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = nnctl("report", "iris", "penguins/1", "-o", page, "--json", cwd=trained)
    assert done.code == 0, done.err
    text = page.read_text()
    assert done.json == {
        "runs": ["iris/1", "penguins/1"],
        "output": str(page),
        "bytes": len(text.encode()),
        "problems": [],
    }
    assert text.startswith(HEAD)
    assert len(text.encode()) < 3 << 20
    again = nnctl("report", "iris", "penguins/1", "-o", page, "-q", cwd=trained)
    assert (again.code, again.out, again.err) == (0, "", "")
    assert page.read_text() == text


def test_the_script_is_made_once_for_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    kept: dict[tuple[str, str], bytes] = {}

    class Folder:
        def read(self, name: str, key: str) -> bytes | None:
            return kept.get((name, key))

        def write(self, name: str, key: str, payload: bytes) -> bool:
            kept[name, key] = payload
            return True

    monkeypatch.setattr(library, "_bundled", lambda: made.append("ü") or "ü;")
    assert [library.library(Folder()) for _ in range(2)] == ["ü;", "ü;"]
    assert len(made) == 1
    monkeypatch.setattr(library, "VEGA_LITE", "another")
    assert library.library(Folder()) == "ü;"
    assert len(made) == 2
    assert library.library() == "ü;"
    assert (len(made), len(kept)) == (3, 2)


def test_what_is_no_report_stays(trained: Path, tmp_path: Path) -> None:
    page = tmp_path / "mine.html"
    page.write_text("<!doctype html>\nmine")
    refused = nnctl("report", "iris", "-o", page, cwd=trained)
    assert refused.code == 2
    assert page.read_text() == "<!doctype html>\nmine"
    assert nnctl("report", "iris", "-o", page, "--force", cwd=trained).code == 0
    assert page.read_text().startswith(HEAD)


def test_without_the_extra_it_says_how_to_have_it(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "find_spec", lambda name: None)
    refused = nnctl("report", "iris", "-o", tmp_path / "report.html", cwd=trained)
    assert refused.code == 2
    assert "pip install 'nnctl[report]'" in refused.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(["nowhere"], 2, "no run 'nowhere'"), (["iris", "--split", "validation"], 0, "a report of iris/1")],
)
def test_other_words(trained: Path, tmp_path: Path, words: list[str], code: int, said: str) -> None:
    done = nnctl("report", *words, "-o", tmp_path / "report.html", cwd=trained)
    assert (done.code, done.out) == (code, "")
    assert said in done.err

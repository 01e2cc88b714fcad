"""The documentation as a site: built without a warning, nothing fetched; its search in Chromium."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import chromium as opened_chromium
from tests.browser.chromium import requested
from tests.docs.blocks import ROOT


def test_the_index_leads_to_every_page() -> None:
    """The site's menu is made of its links."""
    index = (ROOT / "docs" / "index.md").read_text()
    linked = set(re.findall(r"\]\(([\w/.-]+\.md)", index))
    found = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").glob("**/*.md")}
    assert linked == found - {"index.md"}


def sphinx(source: Path, out: Path, builder: str = "html") -> subprocess.CompletedProcess[str]:
    """What `make site` does."""
    options = [
        "-q",
        "-W",
        "--keep-going",
        "-b",
        builder,
        "-d",
        str(out / "doctrees"),
        "-c",
        str(source / "docs/site"),
    ]
    command = [sys.executable, "-m", "sphinx", *options, str(source), str(out / builder)]
    return subprocess.run(command, cwd=source, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sphinx")
    out = tmp_path_factory.mktemp("site")
    done = sphinx(ROOT, out)
    assert done.returncode == 0, done.stderr
    return out / "html"


@pytest.mark.browser
def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    """A page, a heading, a picture that is not there; and a page that no other leads to."""
    pytest.importorskip("sphinx")
    copy = tmp_path / "copy"
    left = {".git", ".venv", ".make", "runs", "build"}
    shutil.copytree(ROOT, copy, ignore=lambda at, names: left if at == str(ROOT) else {"__pycache__"})
    page = copy / "docs" / "export.md"
    wrong = ("[x](nowhere.md)", "[x](runs.md#no-such-heading)", "![x](images/none.svg)")
    page.write_text("\n\n".join([page.read_text(), *wrong]))
    (copy / "docs" / "alone.md").write_text("# Alone\n")
    done = sphinx(copy, tmp_path, "dummy")
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if "WARNING" in line]
    assert len(told) == 4, done.stderr
    for part in ("'nowhere.md'", "'no-such-heading'", "images/none.svg", "docs/alone.md"):
        assert sum(part in line for line in told) == 1, done.stderr


@pytest.mark.browser
def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """No font, script, style or picture comes from another place; every link inside leads to a file."""
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        text = page.read_text()
        for tag in re.findall(r"<(?:link|script|img|iframe|source|object)\b[^>]*>", text):
            assert not re.search(r"""(?:href|src|data)=["'](?:https?:)?//""", tag), (page, tag)
        for target in re.findall(r'<a\b[^>]*href="([^"#?]+)', text):
            if not re.match(r"[a-z]+:", target):
                assert (page.parent / target).exists(), (page, target)
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(?:https?:)?//|@import", style.read_text()), style


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def chromium() -> Iterator[Any]:
    """A browser that remembers what it fetched and what its console said."""
    with opened_chromium() as browser:
        yield browser


def wait(browser: Any, holds: Callable[[Any], Any]) -> Any:
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 30).until(holds)


@pytest.mark.browser
@pytest.mark.parametrize("by", ["http", "file"])
@pytest.mark.parametrize(
    ("word", "page", "title"),
    [
        ("EarlyStopping", "docs/reference/callbacks.html", "Callbacks"),
        ("zzxyqqv", None, None),
        ("kernels cache folder", "docs/commands.html", "Commands"),
    ],
)
def test_the_search(
    site: Path, address: str, chromium: Any, by: str, word: str, page: str | None, title: str | None
) -> None:
    """From the first page, typed as a reader does; from a folder of files as from a server."""
    from selenium.webdriver.common.by import By

    def summary(browser: Any) -> str:
        return str(browser.find_element(By.CSS_SELECTOR, ".search-summary").text)

    root = address if by == "http" else site.as_uri()
    chromium.get(f"{root}/index.html")
    wait(chromium, lambda browser: browser.current_url.endswith("/docs/index.html"))
    box = wait(chromium, lambda browser: browser.find_element(By.CSS_SELECTOR, "input[name=q]"))
    box.send_keys(word)
    box.submit()
    wait(chromium, lambda browser: re.search("found|did not match", summary(browser)))
    links = chromium.find_elements(By.CSS_SELECTOR, "ul.search li a")
    found = [link.get_attribute("href").partition("?")[0].partition("#")[0] for link in links]
    if page is None:
        assert found == []
    else:
        assert f"{root}/{page}" in found
        links[found.index(f"{root}/{page}")].click()
        assert wait(chromium, lambda browser: browser.find_element(By.TAG_NAME, "h1")).text.startswith(title)
    assert all(url.startswith((root, "data:")) for url in requested(chromium)), (
        "nothing is fetched from elsewhere"
    )
    # The excerpts below the links are fetched, which a browser allows from a server only.
    wrong = [entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"]
    assert by == "file" or wrong == []

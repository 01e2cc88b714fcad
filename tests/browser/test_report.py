"""Reports in a real browser: they draw, ask for nothing, and show what strangers wrote as text."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import chromium, complaints, prefer, requested, show
from tests.cli.command import CONFIGS, nnctl
from tests.page.runs import HOSTILE, run

pytestmark = pytest.mark.browser

REPORTS = ["digits_cnn", "diabetes", "several", "hostile"]
MOST_BYTES = 3 << 20


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an image model and of a regression, of two runs, and of one whose every name is markup."""
    pytest.importorskip("vl_convert", reason="the extra nnctl[report] is not installed")
    from nnctl.report.page.document import document
    from nnctl.report.page.library import library

    here = tmp_path_factory.mktemp("reports")
    shutil.copytree(CONFIGS / "data", here / "data")
    for name in ("digits_cnn", "diabetes"):
        shutil.copy(CONFIGS / f"{name}.yaml", here)
        for number in ("1", "2"):
            trained = nnctl(
                "train",
                f"{name}.yaml",
                "-q",
                "--run-dir",
                f"{name}/{number}",
                "--set",
                "training.epochs=3",
                "--seed",
                number,
                cwd=here,
            )
            assert trained.code == 0, trained.err
        made = nnctl("report", f"{name}/1", "-o", f"{name}.html", cwd=here)
        assert made.code == 0, made.err
    assert nnctl("report", "diabetes/1", "diabetes/2", "-o", "several.html", cwd=here).code == 0
    page = document([run(word=HOSTILE, nodes=5), run("other", word=HOSTILE)], library())
    (here / "hostile.html").write_text(page)
    return here


@pytest.mark.parametrize("name", REPORTS)
def test_it_draws_asks_for_nothing_and_complains_of_nothing(browser: Any, reports: Path, name: str) -> None:
    page = reports / f"{name}.html"
    assert page.stat().st_size < MOST_BYTES
    requested(browser), complaints(browser)
    show(browser, page)
    assert [url for url in requested(browser) if not url.startswith("data:")] == [page.as_uri()]
    assert complaints(browser) == []
    figures, drawn = (
        browser.execute_script(f"return document.querySelectorAll('{of}').length")
        for of in ("figure", "figure svg")
    )
    assert figures == drawn > 3
    empty = """return [...document.querySelectorAll('figure svg')]
        .filter(svg => !svg.querySelector('path[d], rect')).length"""
    assert browser.execute_script(empty) == 0


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [390, 1100])
def test_nothing_is_cut_off(browser: Any, reports: Path, name: str, width: int) -> None:
    show(browser, reports / f"{name}.html", width=width, height=844)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    outside = """
        return [...document.querySelectorAll('body *')].filter(e => {
            const box = e.getBoundingClientRect();
            return box.width && (box.right > arguments[0] + 1 || box.left < -1);
        }).map(e => `${e.tagName} ${e.className.baseVal ?? e.className} ${e.textContent.slice(0, 40)}`)"""
    assert browser.execute_script(outside, width) == []


def test_pointing_at_a_line_tells_its_numbers(browser: Any, reports: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    show(browser, reports / "digits_cnn.html")
    plot = browser.find_element(By.CSS_SELECTOR, "figure .plot")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
    shown = "return document.querySelector('#vg-tooltip-element.visible')?.textContent"
    assert browser.execute_script(shown) is None
    ActionChains(browser).move_to_element(plot).move_by_offset(5, 5).perform()
    told = browser.execute_script(shown)
    assert told is not None
    assert all(word in told for word in ("run", "epoch", "value"))
    assert complaints(browser) == []


def test_dark_light_and_print(browser: Any, reports: Path) -> None:
    """The page and what is drawn in it change colours at once, without drawing anew; paper is white."""
    show(browser, reports / "digits_cnn.html")
    colours = """
        const of = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
        return [of('body', 'backgroundColor'), of('body', 'color'), of('figure svg text', 'fill'),
                of('.mark-line path', 'stroke')]"""
    light = browser.execute_script(colours)
    prefer(browser, "dark")
    dark = browser.execute_script(colours)
    assert light[0] == "rgb(255, 255, 255)"
    assert all(one != other for one, other in zip(light, dark, strict=True)), (light, dark)
    assert sum(map(int, dark[0][4:-1].split(","))) < 120
    prefer(browser, "dark", "print")
    assert browser.execute_script(colours) == light


def test_names_of_strangers_are_text(browser: Any, reports: Path) -> None:
    """An open dialog would make every command fail; the name is there to be read, in tooltips, too."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    show(browser, reports / "hostile.html")
    assert HOSTILE in browser.find_element(By.TAG_NAME, "body").text
    for plot in browser.find_elements(By.CSS_SELECTOR, "figure .plot")[:8]:
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
        ActionChains(browser).move_to_element(plot).perform()
    assert browser.execute_script("return document.querySelectorAll('img:not([src^=\"data:\"])').length") == 0
    assert complaints(browser) == []

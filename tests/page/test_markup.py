"""HTML is escaped where it is made."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from nnctl.report.page.markup import Markup, joined, tag
from tests.page.runs import HOSTILE


def read(markup: str) -> tuple[list[tuple[str, dict[str, str | None]]], str]:
    """The elements of a text and what is between them, as a browser reads it."""
    found: list[tuple[str, dict[str, str | None]]] = []
    texts: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

        def handle_data(self, data: str) -> None:
            texts.append(data)

    reader = Reader()
    reader.feed(markup)
    reader.close()
    return found, "".join(texts)


def test_text_stays_text_in_elements_and_attributes() -> None:
    elements, text = read(tag("p", HOSTILE, title=HOSTILE))
    assert elements == [("p", {"title": HOSTILE})]
    assert text == HOSTILE


def test_markup_is_written_as_it_is_and_nothing_is_nothing() -> None:
    assert tag("p", tag("b", "a"), None, "", "<") == "<p><b>a</b>&lt;</p>"
    assert joined(["<", Markup("<i></i>")]) == "&lt;<i></i>"


@pytest.mark.parametrize(
    ("attributes", "written"),
    [
        ({"class_": "a"}, ' class="a"'),
        ({"aria_label": "a"}, ' aria-label="a"'),
        ({"hidden": True, "id": None, "open": False}, " hidden"),
        ({"width": 0}, ' width="0"'),
    ],
)
def test_attributes(attributes: dict[str, str | bool | None], written: str) -> None:
    assert tag("i", **attributes) == f"<i{written}></i>"


def test_what_holds_nothing_has_no_end() -> None:
    assert tag("img", src="a") == '<img src="a">'
    assert tag("line", x1=0) == '<line x1="0"/>'


def test_what_does_not_print_is_written_out() -> None:
    assert read(tag("p", "a\x1b[0m\u202eb\nc"))[1] == "a\\x1b[0m\\u202eb\nc"

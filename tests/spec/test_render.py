"""Rendering: the caret stands under the place, whatever the line holds."""

from __future__ import annotations

from nnctl.core.errors import Place, Problem
from nnctl.spec.output.render import WIDTH, excerpt, render, render_all


def test_without_a_place_or_a_line() -> None:
    assert str(render(Problem("wrong", expected="right"))) == "wrong\n  expected: right"
    assert str(render(Problem("no such file", place=Place("c.yaml", 0, 0)))) == "c.yaml: no such file"
    assert str(render(Problem("empty", place=Place("c.yaml", 1, 1)))) == "c.yaml:1:1: empty"


def test_tabs_and_wide_characters_keep_the_caret_right() -> None:
    assert excerpt("a:\tb", 4) == ("a:    b", "      ^")
    assert excerpt("漢字: b", 5) == ("漢字: b", "      ^")
    assert excerpt("e\u0301: b", 5) == ("e\u0301: b", "   ^")
    assert excerpt("a: b", 9) == ("a: b", "    ^")


def test_a_long_line_is_cut_around_the_caret() -> None:
    for column in (1, 50, 99, 100, 101, 200, 999, 1000, 1001):
        text = "".join(chr(97 + i % 26) for i in range(1000))
        line, caret = excerpt(text, column)
        assert len(line) <= WIDTH + 6
        if column <= 1000:
            assert line[len(caret) - 1] == text[column - 1]


def test_nothing_reaches_the_terminal_raw() -> None:
    text = str(render(Problem("a\x1b[31m", expected="\x07", place=Place("x\x1b", 1, 1, "\x1b[2J: a"))))
    assert "\x1b" not in text
    assert "\x07" not in text


def test_a_long_line_shows_seventy_columns_before_the_caret() -> None:
    text = "".join(chr(97 + i % 26) for i in range(1000))
    assert excerpt(text, 501) == (f"...{text[430:530]}...", " " * 73 + "^")
    assert excerpt(text, 1) == (f"{text[:100]}...", "^")
    assert excerpt(text, 71) == (f"{text[:100]}...", " " * 70 + "^")
    assert excerpt(text, 72) == (f"...{text[1:101]}...", " " * 73 + "^")
    assert excerpt(text, 1000) == (f"...{text[929:]}", " " * 73 + "^")
    assert excerpt(text[:100], 90) == (text[:100], " " * 89 + "^")
    assert excerpt(text[:101], 90) == (f"...{text[19:101]}", " " * 73 + "^")


def test_where_there_is_nothing_to_show() -> None:
    assert excerpt("  \t", 1) == ("", "")
    assert excerpt("a: b", 0) == ("", "")
    assert excerpt("a: b", 1) == ("a: b", "^")
    place = Place("c.yaml", 3, 2, "a: b")
    assert str(render(Problem("wrong", place=place, suggestion="x"))) == (
        "c.yaml:3:2: wrong\n  a: b\n   ^\n  did you mean 'x'?"
    )
    assert render_all([Problem("one"), Problem("two")]) == "one\ntwo"


def test_no_password_of_an_address_is_quoted() -> None:
    text = "{path: 'mysql://ann:s/e:c@x@host/d', at: [https://h:80/a, pg://:pw@h]} # me@home, a://b.c/d@e"
    shown = "{path: 'mysql://***********@host/d', at: [https://h:80/a, pg://***@h]} # me@home, a://b.c/d@e"
    assert excerpt(text, 2) == (shown, " ^")
    for column in range(80, 105):
        assert "s/e" not in excerpt(f"{text}{'x' * 400}", column)[0]
    problem = render(Problem(f"cannot be {text}", expected=text, suggestion=text))
    assert (problem.message, problem.expected, problem.suggestion) == (f"cannot be {shown}", shown, shown)

"""Times as text, directive by directive, at the edges of what each takes."""

from __future__ import annotations

import math

import pytest

from nnctl.data.time_format import PARTS, look_like_times, parse, pattern, seconds


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        ("1970-01-01", 0),
        ("1970-01-02", 86400),
        ("1969-12-31T23:59", -60),
        ("1970-01-01 01:02:03", 3723),
        ("1970-01-01T00:00:00.25", 0.25),
        ("1970-01-01T00:00:01,5Z", 1.5),
        ("1970-01-01T00:00:00.000000001", 1e-9),
        ("1970-01-01T00:00:59", 59),
        ("1970-01-01T02:30+02:30", 0),
        ("1970-01-01T02:30+0230", 0),
        ("1970-01-01T02:30 -01:15", 13500),
        ("1970-01-01T02:30z", None),
        ("2024-02-29", 1709164800),
        ("1970-01-01T00:00:60", None),
        ("2023-02-29", None),
        ("1970-13-01", None),
        ("1970-00-01", None),
        ("1970-01-01T24:00", None),
        ("1970-01-01T00:60", None),
        ("1970-1-1", None),
        ("70-01-01", None),
        ("1970-01-01T00", None),
        ("1970-01-01T00:00:00.", None),
        (" 1970-01-01", None),
        ("1970-01-01x", None),
        ("١٩٧٠-01-01", None),
    ],
)
def test_iso_8601(text: str, epoch: float | None) -> None:
    found = seconds(text)
    assert math.isnan(found) if epoch is None else found == epoch
    assert look_like_times([text]) == (epoch is not None)
    assert look_like_times(["1970-01-01", text]) == (epoch is not None)


def test_no_words_are_no_times() -> None:
    assert not look_like_times([])


@pytest.mark.parametrize(
    ("form", "text", "shown"),
    [
        ("%d.%m.%Y", "7.5.2024", "2024-05-07 00:00"),
        ("%Y", "1999", "1999-01-01 00:00"),
        ("%H:%M", "7:5", "1970-01-01 07:05"),
        ("%y", "68", "2068-01-01 00:00"),
        ("%y", "69", "1969-01-01 00:00"),
        ("%y", "00", "2000-01-01 00:00"),
        ("%y", "99", "1999-01-01 00:00"),
        ("%y", "1", None),
        ("%b %Y", "MAR 2024", "2024-03-01 00:00"),
        ("%b", "dec", "1970-12-01 00:00"),
        ("%B", "january", "1970-01-01 00:00"),
        ("%B", "jan", None),
        ("%I %p", "12 AM", "1970-01-01 00:00"),
        ("%I %p", "1 am", "1970-01-01 01:00"),
        ("%I %p", "11 pm", "1970-01-01 23:00"),
        ("%I %p", "12 pm", "1970-01-01 12:00"),
        ("%I", "12", "1970-01-01 00:00"),
        ("%I", "1", "1970-01-01 01:00"),
        ("%I", "0", None),
        ("%I", "13", None),
        ("%d%%.", "3%.", "1970-01-03 00:00"),
        ("(%d)*", "(3)*", "1970-01-03 00:00"),
        ("%d", "32", None),
        ("%m", "0", None),
        ("%d", "3x", None),
    ],
)
def test_formats(form: str, text: str, shown: str | None) -> None:
    found = parse(text, pattern(form))
    assert (found and found.at.strftime("%Y-%m-%d %H:%M")) == shown


def test_parts_of_a_format() -> None:
    form = "%Y-%m-%d %H.%M.%S.%f %z"
    found = parse("2024-12-31 23.58.07.125 -0130", pattern(form))
    assert found is not None
    assert {name: part(found) for name, part in PARTS.items()} == {
        "year": 2024,
        "month": 12,
        "day": 31,
        "weekday": 1,
        "hour": 23,
        "minute": 58,
        "second": 7.125,
        "day_of_year": 366,
        "epoch": 1735694887.125,
    }
    assert found.offset == -5400


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("%q", "'%q' is none of %Y, %y, %m, %d, %H, %I, %M, %S, %f, %p, %b, %B, %z, %%"),
        ("%d %", "'%' is none of %Y, %y, %m, %d, %H, %I, %M, %S, %f, %p, %b, %B, %z, %%"),
        ("%d.%d", "a directive stands there twice"),
    ],
)
def test_formats_that_are_none(form: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        pattern(form)
    assert str(caught.value) == why

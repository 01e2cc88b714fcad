"""What sections are made of: headings, tables, figures, lists of facts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from nnctl.report.page.charts import Spec
from nnctl.report.page.markup import Child, Markup, joined, tag
from nnctl.report.page.scripts import data_script


def section(anchor: str, title: str, *children: Child) -> Markup:
    """A part of the page that links lead to; nothing where it would be empty."""
    content = joined(children)
    return tag("section", tag("h2", title), content, id=anchor) if content else Markup("")


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[Child]],
    *,
    right: Collection[int] = (),
    ruled: Collection[int] = (),
    class_: str | None = None,
) -> Markup:
    """A table; the columns `right` hold numbers, a line stands above the rows `ruled`."""
    sides = ["right" if number in right else None for number in range(len(head))]
    top = tag(
        "tr", *(tag("th", name, class_=side, scope="col") for name, side in zip(head, sides, strict=True))
    )
    body = [
        tag(
            "tr",
            *(tag("td", cell, class_=side) for cell, side in zip(row, sides, strict=True)),
            class_="rule" if number in ruled else None,
        )
        for number, row in enumerate(rows)
    ]
    return tag("div", tag("table", tag("thead", top), tag("tbody", *body), class_=class_), class_="scroll")


def facts(told: Mapping[str, Child]) -> Markup:
    """What is known, by name; what is empty is left out."""
    rows = (
        tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in told.items() if value
    )
    return tag("table", tag("tbody", *rows), class_="facts")


def chart(title: str, spec: Spec, note: str = "") -> Markup:
    """A figure that the page's script draws."""
    caption = tag("figcaption", tag("b", title), f" {note}" if note else None)
    plot = tag("div", class_="plot", role="img", aria_label=title)
    return tag("figure", caption, plot, data_script(spec))


def charts(*figures: Markup) -> Markup:
    """Figures side by side, where there are any; two or four of them in pairs."""
    even = len(figures) in (2, 4)
    return tag("div", *figures, class_="charts pairs" if even else "charts") if figures else Markup("")


def note(text: str) -> Markup:
    """A remark in small letters."""
    return tag("p", text, class_="note")


def code(text: str) -> Markup:
    """Text as it is written, in lines."""
    return tag("pre", tag("code", text))

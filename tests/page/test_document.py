"""The page as a whole: what is in it, and that what users write stays text."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from nnctl.report.page.document import HEAD, document
from nnctl.workflow.report import RunReport
from tests.page.runs import HOSTILE, run
from tests.page.test_markup import read

LIBRARY = "window.vegaEmbed = () => 0;"


def test_a_run_has_every_section() -> None:
    page = document([run()], LIBRARY)
    assert page.startswith(HEAD)
    elements, text = read(page)
    sections = [attributes["id"] for name, attributes in elements if name == "section"]
    assert sections == [
        "expectations",
        "curves",
        "evaluation",
        "wrong",
        "importance",
        "model",
        "weights",
        "origin",
        "config",
    ]
    links = [attributes["href"] for name, attributes in elements if name == "a"]
    assert links == [f"#{name}" for name in sections]
    for told in (
        "completed",
        "it was long enough",
        "does not hold",
        "the data has moved",
        "e5" * 32,
        "dense/kernel",
    ):
        assert told in text


def test_several_runs_are_over_each_other_and_one_after_the_other() -> None:
    page = document([run(), run("runs/second/1", epochs=2)], LIBRARY)
    elements, _ = read(page)
    identities = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(identities) == len(set(identities))
    assert next(i for i in identities if i and i.startswith("run-1")) == "run-1"
    specs = [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', page)]
    curves = [spec for spec in specs if "run" in spec["data"]["values"][0]]
    assert {row["run"] for row in curves[0]["data"]["values"]} == {"runs/first/1", "runs/second/1"}
    links = {attributes["href"] for name, attributes in elements if name == "a"}
    assert links == {"#run-1", "#run-2"}


def test_names_of_strangers_are_text() -> None:
    """The page has the same elements whatever things are called, and each name is read back as it was."""
    harmless = "x" * len(HOSTILE)
    plain, strange = (
        document([run(word=word), run("other", word=word)], LIBRARY) for word in (harmless, HOSTILE)
    )
    (elements, _), (found, text) = read(plain), read(strange)
    assert [name for name, _ in found] == [name for name, _ in elements]
    assert [sorted(attributes) for _, attributes in found] == [
        sorted(attributes) for _, attributes in elements
    ]
    assert text.count(HOSTILE) > 40
    for name, attributes in found:
        if name == "script":
            assert "src" not in attributes
        assert not any(key.startswith("on") for key in attributes)


def test_only_what_is_written_here_may_run() -> None:
    page = document([run(word=HOSTILE)], LIBRARY)
    elements, _ = read(page)
    (policy,) = [a["content"] for name, a in elements if name == "meta" and a.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    addresses = [a[key] or "" for _, a in elements for key in ("src", "href", "action") if key in a]
    assert addresses
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in addresses)
    assert not [a for _, a in elements if "style" in a]


def test_the_same_runs_give_the_same_page() -> None:
    assert document([run()], LIBRARY) == document([run()], LIBRARY)


def test_a_run_without_a_model_has_what_is_known() -> None:
    bare = replace(run(), nodes=(), weights=(), evaluated=None)
    elements, text = read(document([bare], LIBRARY))
    sections = [attributes["id"] for name, attributes in elements if name == "section"]
    assert sections == ["expectations", "curves", "origin", "config"]
    assert "the data has moved" in text


def test_a_run_that_cannot_be_read_says_why() -> None:
    whole = run()
    summary = replace(whole.shown.summary, manifest=None, status=None, problem="no manifest", metrics={})
    bare = RunReport(replace(whole.shown, summary=summary, metrics=[]), (), (), None, ())
    assert "no manifest" in read(document([bare], LIBRARY))[1]

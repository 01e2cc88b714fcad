"""JUnit XML, as CI systems read it: a suite for each config, a case for each thing that is expected of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from nnctl.report.trials import failures

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to say."""


HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites'
"""How every report begins: by it one of ours is known."""


def junit_text(trials: Sequence[Any]) -> str:
    """The report of all trials. Source: the schema of Jenkins's xUnit plugin (junit-10.xsd)."""
    root = ElementTree.Element("testsuites")
    for trial in trials:
        root.append(_suite(trial))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", f"{sum(trial.seconds for trial in trials):.3f}")
    ElementTree.indent(root)
    declared = HEAD.removesuffix("<testsuites")
    return f"{declared}{ElementTree.tostring(root, encoding='unicode')}\n"


def _suite(trial: Any) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=_text(str(trial.config)))
    cases = list(_cases(trial))
    suite.extend(cases)
    # The time of a config is its training's, which is the first case.
    cases[0].set("time", f"{trial.seconds:.3f}")
    for kind, tag in (("failures", "failure"), ("errors", "error")):
        suite.set(kind, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("tests", str(len(cases)))
    suite.set("skipped", "0")
    suite.set("time", f"{trial.seconds:.3f}")
    return suite


def _cases(trial: Any) -> Iterator[ElementTree.Element]:
    yield _case(trial, "trains", "error", "\n".join(failures(trial)) if trial.error is not None else None)
    for outcome in trial.outcomes:
        yield _case(trial, outcome.wanted, "failure", None if outcome.holds else outcome.line())
    if trial.compared:
        yield _case(trial, "as recorded", "failure", "\n".join(trial.differences) or None)


def _case(trial: Any, name: str, tag: str, fault: str | None) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=_text(str(trial.config)), name=_text(name), time="0.000")
    if fault is not None:
        first = _text(fault.splitlines()[0] if fault else "")
        found = ElementTree.SubElement(
            case, tag, message=first, type="expectation" if tag == "failure" else "error"
        )
        found.text = _text(fault)
    return case


def _text(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)

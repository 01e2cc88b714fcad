"""What stands in <script>: data that cannot end it, code by its hash."""

from __future__ import annotations

import base64
import hashlib
import json

from nnctl.report.page.scripts import code_script, data_script, policy, within
from tests.page.runs import HOSTILE
from tests.page.test_markup import read


def test_data_comes_back_and_ends_nothing() -> None:
    value = {HOSTILE: [HOSTILE, 1.5, None, True], "n": 0.1234567891}
    script = data_script(value)
    elements, text = read(script)
    assert elements == [("script", {"type": "application/json"})]
    assert json.loads(text) == {**value, "n": 0.123457}
    within_it = script.removeprefix('<script type="application/json">').removesuffix("</script>")
    assert not set("<>&") & set(within_it)


def test_what_is_not_finite_is_null() -> None:
    assert json.loads(read(data_script([float("nan"), float("inf"), (1, 2)]))[1]) == [None, None, [1, 2]]


def test_code_ends_nothing() -> None:
    code = 'const a = "</script></SCRIPT><!--"; b = /</g;'
    written = 'const a = "<\\/script><\\/SCRIPT><\\!--"; b = /</g;'
    assert read(code_script(code)) == ([("script", {})], written)


def test_the_policy_names_what_may_run() -> None:
    code = 'let a = "</script>";'
    said = policy([within(code)], ["p {}"])
    digest = base64.b64encode(hashlib.sha256(b'let a = "<\\/script>";').digest()).decode()
    parts = dict(part.split(" ", 1) for part in said.split("; "))
    assert parts["default-src"] == "'none'"
    assert parts["script-src"] == f"'sha256-{digest}'"
    assert parts["style-src"].startswith("'sha256-")
    assert parts["img-src"] == "data:"
    assert "unsafe" not in said

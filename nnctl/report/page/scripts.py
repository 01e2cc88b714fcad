"""What stands in <script>: data as JSON, the page's code, and the policy that lets only that code run."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Sequence
from typing import Any

from nnctl.report.page.markup import Markup, tag

_ENDS = re.compile("<(/script|!--)", re.IGNORECASE)
"""What ends a script element, or begins a comment in one.

Source: the HTML standard, "Restrictions for contents of script elements"."""


def data_script(value: Any) -> Markup:
    """Data that a script reads. No text in it ends the element: `<`, `>` and `&` are written as escapes."""
    written = json.dumps(_plain(value), allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        written = written.replace(sign, f"\\u{ord(sign):04x}")
    return tag("script", Markup(written), type="application/json")


def _plain(value: Any) -> Any:
    """As JSON can hold it; six digits of a number are more than a screen shows."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def code_script(code: str) -> Markup:
    """Code, in which nothing ends the element; strings and patterns with such a backslash mean the same."""
    return tag("script", Markup(within(code)))


def within(code: str) -> str:
    """Code as it stands in a script element."""
    return _ENDS.sub(r"<\\\1", code)


def policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """The Content-Security-Policy of a page with these scripts and styles: nothing else runs or is fetched.

    Source: https://www.w3.org/TR/CSP3/
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {' '.join(map(_hash, styles))}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"

"""The documentation as a site: `make site` has Sphinx read the Markdown that a repository shows, too.

The names are Sphinx's settings. Every warning is an error there: a link that leads nowhere, a page that no
other leads to.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

project = "nnctl"
html_title = "nnctl"
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/*.md",
    "docs/reference/*.md",
    "docs/adr/*.md",
    "benchmarks/README.md",
    "configs/data/README.md",
]
exclude_patterns = [".*", "nnctl", "tests", "requirements", "runs", "build"]
myst_heading_anchors = 4
# Text in a terminal and the like has no grammar that could be coloured.
suppress_warnings = ["misc.highlighting_failure"]

# Furo takes its fonts from the reader's machine, and all of it lies in the site: nothing is fetched.
html_theme = "furo"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_favicon = "favicon.svg"
html_extra_path = ["extra"]

_LINK = re.compile(r"\[([^][]*)\]\(([^()\s#]+)(#[^()\s]*)?\)")


def setup(app: Any) -> None:
    """What Sphinx calls first."""
    app.connect("source-read", prepare)


def prepare(app: Any, page: str, source: list[str]) -> None:
    """A page as Sphinx needs it: no links to folders, which a site has no page for; the index with a menu."""
    place = (ROOT / page).parent
    source[0] = _LINK.sub(lambda link: link[1] if (place / link[2]).is_dir() else link[0], source[0])
    if page == root_doc:
        source[0] += "".join(_menu(source[0]))


def _menu(index: str) -> list[str]:
    """The index's own links as a menu, in its order."""
    linked = [link[2].removesuffix(".md") for link in _LINK.finditer(index) if link[2].endswith(".md")]
    parts = {
        "Guide": [page for page in linked if "/" not in page],
        "Reference": [page for page in linked if page.startswith("reference/")],
        "Decisions": [page for page in linked if page.startswith("adr/")],
        "Project": ["/README", "/CONTRIBUTING", "/CHANGELOG", "/benchmarks/README", "/configs/data/README"],
    }
    return [
        "\n```{toctree}\n:hidden:\n:caption: " + name + "\n\n" + "\n".join(dict.fromkeys(pages)) + "\n```\n"
        for name, pages in parts.items()
    ]

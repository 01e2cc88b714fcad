"""The library that draws charts, which comes with the extra `nnctl[report]`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from nnctl.core.errors import ConfigError

VEGA_LITE = "6.1"
"""The version of Vega-Lite whose specifications `charts` writes."""
NEEDED = "a report needs the package vl-convert-python: pip install 'nnctl[report]'"


def need_library() -> None:
    """See that the library is there, before anything is computed. Raises ConfigError."""
    if find_spec("vl_convert") is None:
        raise ConfigError(NEEDED)


def library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script. Source: https://github.com/vega/vl-convert"""
    import vl_convert

    # Its types want a snippet of our own to put in; it takes none as well.
    bundle: Any = vl_convert.javascript_bundle
    return str(bundle(vl_version=VEGA_LITE))

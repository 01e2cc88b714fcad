"""The library that draws charts, which comes with the extra `nnctl[report]`."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Protocol

from nnctl.core.errors import ConfigError

VEGA_LITE = "6.1"
"""The version of Vega-Lite whose specifications `charts` writes."""
_NAME = "vega.js"
NEEDED = "a report needs the package vl-convert-python: pip install 'nnctl[report]'"


def need_library() -> None:
    """See that the library is there, before anything is computed. Raises ConfigError."""
    if find_spec("vl_convert") is None:
        raise ConfigError(NEEDED)


class Kept(Protocol):
    """A folder that keeps what takes long to make, under a name and for a key."""

    def read(self, name: str, key: str) -> bytes | None: ...
    def write(self, name: str, key: str, payload: bytes) -> bool: ...


def library(kept: Kept | None = None) -> str:
    """Vega, Vega-Lite and Vega-Embed as one script. Source: https://github.com/vega/vl-convert

    Args:
        kept: Where the script is kept: it takes seconds to make.
    """
    key = f"vl-convert-python {version('vl-convert-python')}, Vega-Lite {VEGA_LITE}"
    found = kept.read(_NAME, key) if kept is not None else None
    if found is not None:
        return found.decode()
    script = _bundled()
    if kept is not None:
        kept.write(_NAME, key, script.encode())
    return script


def _bundled() -> str:
    import vl_convert

    # Its types want a snippet of our own to put in; it takes none as well.
    bundle: Any = vl_convert.javascript_bundle
    return str(bundle(vl_version=VEGA_LITE))

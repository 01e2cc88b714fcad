"""Keras's JSON where a config says `model: {path: FILE}`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnctl.core.errors import ConfigError, Problem, RunError


def keras_structure(file: Path) -> dict[str, Any] | None:
    """The `model` section that a file of Keras's `to_json` stands for; None if it is another file.

    Raises:
        ConfigError: something in it does not come over.
    """
    from nnctl.formats.json_text import MAX_BYTES, parse_json

    with file.open("rb") as opened:
        text = opened.read(MAX_BYTES + 1)
    if not text.startswith(b"{"):
        return None
    from nnctl.formats.keras.reading.found import Findings
    from nnctl.formats.keras.reading.whole import described
    from nnctl.spec.output.short import short_model

    try:
        config = parse_json(text, file.name)
    except RunError:
        return None  # As YAML, a mapping may begin so, too.
    if not isinstance(config, dict) or "class_name" not in config:
        return None
    findings = Findings(file.name)
    found = described(config, None, findings, made_by="Keras")
    findings.check()
    if findings.notes:
        problems = [Problem(f"{file.name}: {note}", expected="nnctl import") for note in findings.notes]
        raise ConfigError(problems)
    return None if found.model is None else short_model(found.model)

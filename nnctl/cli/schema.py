"""`nnctl schema`."""

from __future__ import annotations


def command() -> None:
    """Print the JSON Schema of the configuration language, for editors."""
    import json

    from nnctl.cli.output import write
    from nnctl.spec.output.schema import json_schema

    write(json.dumps(json_schema(), indent=2))

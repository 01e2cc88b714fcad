"""`nnctl schema`."""

from __future__ import annotations


def command() -> None:
    """Print the JSON Schema of the configuration language, for editors."""
    import json

    import typer

    from nnctl.spec.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))

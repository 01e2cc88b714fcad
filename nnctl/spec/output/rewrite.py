"""A config's text with overrides written into it, comments kept where they can be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from nnctl.core.errors import ConfigError
from nnctl.spec.overrides import Override, apply, resolve_path
from nnctl.spec.yaml.document import Document
from nnctl.spec.yaml.emit import block, flow, quoted, scalar_text
from nnctl.spec.yaml.nodes import MappingNode, ScalarNode, SequenceNode, YamlNode, child, plain
from nnctl.spec.yaml.parse import compose
from nnctl.spec.yaml.source_text import SourceText


def rewritten_text(original: Document, overrides: Sequence[Override]) -> str:
    """The text of `original` with `overrides` written in; a comment at the top lists them.

    Each override edits the place that it names, if the text then reads as it should; else (an alias, say) the
    data is written anew and only the comments at the top of the file stay.
    """
    text, root = original.source.text, original.root
    for override in overrides:
        applied, _ = apply(root, [override])
        wanted = plain(applied)
        edits = (edit for edit in _edits(text, root, override) if _reads_as(edit, wanted))
        text = next(edits, None) or _anew(text, wanted)
        root = compose(SourceText(original.source.file, text))
    return "".join(_note(override) for override in overrides) + text


def _note(override: Override) -> str:
    text = override.text if override.text.isprintable() else quoted(override.text)
    return f"# {override.source.file} {text}\n"


def _reads_as(text: str, wanted: Any) -> bool:
    try:
        return _key(plain(compose(SourceText("", text)))) == _key(wanted)
    except ConfigError:
        return False


def _key(data: Any) -> str:
    """Text that is equal for equal data only: 1, 1.0 and true differ, NaN equals NaN."""
    return json.dumps(data, sort_keys=True)


def _anew(text: str, data: Any) -> str:
    head = []
    for line in text.splitlines(keepends=True):
        if line.strip() and not line.lstrip().startswith("#"):
            break
        head.append(line)
    return "".join(head) + block(data)


def _edits(text: str, root: YamlNode, override: Override) -> Iterator[str]:
    """Ways to write the override into the text, the nicest first; not all of them need to read right."""
    container, key = resolve_path(root, override)
    value = flow(plain(override.value))
    raw = override.value_text
    for written in [raw, value] if raw and raw.isprintable() else [value]:
        found = child(container, key)
        if found is not None:
            yield _replaced(text, found[1], written)
        elif isinstance(container, ScalarNode):
            entry = f"{scalar_text(str(key))}: {written}"
            for bare in ("type", "path"):
                fields = "" if container.value is None else f"{bare}: {container.span.text}, "
                yield _replaced(text, container, f"{{{fields}{entry}}}")
        elif isinstance(container, MappingNode):
            yield _added(text, container, f"{scalar_text(str(key))}: {written}")


def _replaced(text: str, node: YamlNode, written: str) -> str:
    start, end = node.span.start, _end(node)
    if start == end:
        gap = "" if text[start - 1 : start].isspace() else " "
        return text[:start] + gap + written + text[start:]
    return text[:start] + written + text[end:]


def _added(text: str, mapping: MappingNode, entry: str) -> str:
    if mapping.flow:
        values = [value for _, value in mapping.entries.values()]
        at = _end(values[-1]) if values else mapping.span.start + 1
        return text[:at] + (", " if values else "") + entry + text[at:]
    newline = "\r\n" if "\r\n" in text else "\n"
    end = _end(mapping)
    at = end + len(text[end:].partition(newline)[0])
    return text[:at] + newline + " " * mapping.span.column + entry + text[at:]


def _end(node: YamlNode) -> int:
    """Where the node's last character stands; a block collection's own mark lies at the next token."""
    if isinstance(node, SequenceNode | MappingNode) and not node.flow:
        below = node.items if isinstance(node, SequenceNode) else [v for _, v in node.entries.values()]
        return _end(below[-1])
    written = node.span.text
    return node.span.start + len(written.rstrip())

"""Changes to JSON data, as somebody would make them who wants to see nnctl stumble."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

ESCAPES = "\x1b]0;gone\x07\x1b[31mred\u202e\x9b2J"
"""What a terminal must never get: a title, a colour, a change of direction, a cleared screen."""
DEEP = "[" * 100_000

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 7, 2**31, 2**70, -(2**70), 0.5, -0.0, 1e308, 1e-320),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "0", "nan", "x", "../../secret.txt", "/dev/zero"),
    *(ESCAPES, "\0", "\ud800", "é" * 50_000, [], {}, [None], [[]], {"": None}, [1, 2, 3], ["a", "a"]),
    *({"type": "Dense"}, {"kind": "number"}, [float("nan")] * 4, [0] * 20_000),
)


def paths(tree: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every value in a tree is, the root first."""
    found = [at]
    if isinstance(tree, dict):
        found += [p for key, below in tree.items() for p in paths(below, (*at, key))]
    elif isinstance(tree, list):
        found += [p for i, below in enumerate(tree[:20]) for p in paths(below, (*at, i))]
    return found


def value_at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def changed(tree: Any, chance: random.Random) -> tuple[str, str]:
    """The tree as JSON text with one to three changes, and what they are."""
    tree, what = copy.deepcopy(tree), []
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        every = [p for p in paths(tree) if p]
        if not isinstance(tree, dict | list) or not every or chance.random() < 0.02:
            tree = chance.choice(VALUES)
            what.append(f"all = {str(tree)[:20]!r}")
            continue
        path = chance.choice(every)
        parent, key = value_at(tree, path[:-1]), path[-1]
        what.append(_change(parent, key, tree, every, chance) + f" at {'.'.join(map(str, path))[:80]}")
    text = json.dumps(tree)
    if chance.random() < 0.02:
        text, what = chance.choice([DEEP, text[: len(text) // 2], "", "5", text + "{", "\0" * 9]), ["text"]
    return text, "; ".join(what)


def _change(parent: Any, key: Any, tree: Any, every: list[tuple[Any, ...]], chance: random.Random) -> str:
    kind = chance.choice(["set", "set", "set", "set", "delete", "swap", "rename", "negate", "repeat"])
    old = parent[key]
    if kind == "delete":
        del parent[key]
    elif kind == "swap":
        parent[key] = copy.deepcopy(value_at(tree, chance.choice(every)))
    elif kind == "rename" and isinstance(parent, dict):
        parent[chance.choice(["", "x", ESCAPES, "name", "é"])] = parent.pop(key)
    elif kind == "negate" and isinstance(old, int | float):
        parent[key] = -old - 1
    elif kind == "repeat" and isinstance(old, list | str):
        parent[key] = old + old
    else:
        parent[key] = copy.deepcopy(chance.choice(VALUES))
        return f"{str(parent[key])[:20]!r}"
    return kind


def bytes_changed(raw: bytes, chance: random.Random) -> bytes:
    """The bytes with one to six small changes; sometimes cut off."""
    changed = bytearray(raw)
    for _ in range(chance.randint(1, 6)):
        if not changed:
            break
        at, kind = chance.randrange(len(changed)), chance.random()
        if kind < 0.7:
            changed[at] ^= chance.choice([1, 128, 255, chance.randrange(1, 256)])
        elif kind < 0.8:
            del changed[at : at + chance.randint(1, 8)]
        elif kind < 0.9:
            changed[at:at] = chance.randbytes(3)
        elif kind < 0.95:
            changed[at : at + 8] = chance.choice([b"\0", b"\xff"]) * 8
        else:
            del changed[at:]
    return bytes(changed)

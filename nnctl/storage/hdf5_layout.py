"""The metadata of an HDF5 file, laid out without the HDF5 library.

Importing h5py costs a training run 0.1 s and 12 MB, and its bytes depend on the library's version. What nnctl
writes needs little of the format: groups with hard links, contiguous arrays, fixed-length strings. Tests hold
every file against h5py.

Source: "HDF5 File Format Specification Version 3.0" (superblock 2, object headers 2, compact groups).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from nnctl.core.records import record

ArraySpec = tuple[str, str, tuple[int, ...]]
"""One dataset: its path, NumPy's `dtype.str` (a fixed-length string is `|S<n>`), its shape."""

Attribute = str | bytes | tuple[bytes, ...]
"""An attribute of a group: a short ASCII string; an ASCII text of any length, which lies in a heap of its own
and which readers know as a string of variable length; or strings, padded to the longest."""

Attributes = Mapping[str, Attribute]

Messages = list[tuple[int, bytes]]
"""An object header's messages: type and body."""

_UNDEFINED = (1 << 64) - 1
_SUPERBLOCK = 48
_ALIGN = 64
_HEAP_ALIGN, _LEAST_HEAP = 8, 4096
_MASK = 0xFFFFFFFF

_DATASPACE, _LINK_INFO, _DATATYPE, _FILL, _LINK, _LAYOUT, _GROUP_INFO, _ATTRIBUTE = 1, 2, 3, 5, 6, 8, 10, 12


@record
class Layout:
    """Metadata by address, and each dataset's address (None: no bytes), from the file's start."""

    metadata: tuple[tuple[int, bytes], ...]
    offsets: tuple[int | None, ...]
    size: int


@dataclass
class _Group:
    """A group while the tree is built.

    Attributes:
        children: Groups, or indices of datasets.
        heaps: The addresses of its texts, by attribute.
    """

    children: dict[str, _Group | int] = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)
    heaps: dict[str, int] = field(default_factory=dict)


def lay_out(
    specs: Iterable[ArraySpec],
    attributes: Attributes,
    base: int,
    groups: Mapping[str, Attributes] = MappingProxyType({}),
) -> Layout:
    """Place metadata and data of these datasets behind a user block of `base` bytes.

    Args:
        specs: The datasets; groups follow from their paths.
        attributes: Those of the root group.
        groups: Those of other groups, by path; a group that holds nothing else is there as well.

    Raises:
        ValueError: A dtype that is neither integer, float nor string, or a path used twice.
    """
    specs = tuple(specs)
    root = _tree(specs)
    root.attributes = attributes
    for path, own in groups.items():
        _group_at(root, path.split("/"), path).attributes = own
    data = _SUPERBLOCK + _extent(root, specs)
    heaps: list[tuple[int, bytes]] = []
    for group in _walk(root):
        for name, text in group.attributes.items():
            if isinstance(text, bytes):
                data = group.heaps[name] = -(-data // _HEAP_ALIGN) * _HEAP_ALIGN
                heaps.append((data + base, _heap(text)))
                data += len(heaps[-1][1])
    addresses = []
    for _, dtype, shape in specs:
        size = _bytes(dtype, shape)
        start = -(-data // _ALIGN) * _ALIGN
        addresses.append(start if size else _UNDEFINED)
        data = start + size if size else data
    blocks = _blocks(root, specs, addresses, _SUPERBLOCK)
    metadata, at = [(base, _superblock(base, data, _SUPERBLOCK))], base + _SUPERBLOCK
    for block in blocks:
        metadata.append((at, block))
        at += len(block)
    metadata += heaps
    offsets = tuple(None if a == _UNDEFINED else a + base for a in addresses)
    return Layout(tuple(metadata), offsets, base + data)


def _tree(specs: tuple[ArraySpec, ...]) -> _Group:
    root = _Group()
    for index, (path, _, _) in enumerate(specs):
        *groups, name = path.split("/")
        at = _group_at(root, groups, path)
        if name in at.children:
            raise ValueError(f"'{path}' is used twice")
        at.children[name] = index
    return root


def _group_at(root: _Group, names: Iterable[str], path: str) -> _Group:
    """The group of these names below each other, made where it is not there; `path` is whose they are."""
    at = root
    for name in names:
        below = at.children.setdefault(name, _Group())
        if not isinstance(below, _Group):
            raise ValueError(f"'{path}' lies below an array")
        at = below
    return at


def _walk(group: _Group) -> Iterator[_Group]:
    """A group and all below it."""
    yield group
    for child in group.children.values():
        if isinstance(child, _Group):
            yield from _walk(child)


def _extent(group: _Group, specs: tuple[ArraySpec, ...]) -> int:
    """The bytes that the headers of a group and of all below it take."""
    total = _size(_group_messages(group, [(name, 0) for name in group.children]))
    for child in group.children.values():
        if isinstance(child, _Group):
            total += _extent(child, specs)
        else:
            _, dtype, shape = specs[child]
            total += _size(_dataset_messages(dtype, shape, 0))
    return total


def _blocks(group: _Group, specs: tuple[ArraySpec, ...], addresses: list[int], at: int) -> list[bytes]:
    """The headers of a group and of all below it, the group's own first, the first at address `at`."""
    end = at + _size(_group_messages(group, [(name, 0) for name in group.children]))
    links: list[tuple[str, int]] = []
    blocks: list[bytes] = []
    for name, child in group.children.items():
        links.append((name, end))
        if isinstance(child, _Group):
            below = _blocks(child, specs, addresses, end)
        else:
            _, dtype, shape = specs[child]
            below = [_dataset_header(dtype, shape, addresses[child])]
        blocks += below
        end += sum(map(len, below))
    return [_header(_group_messages(group, links)), *blocks]


def _superblock(base: int, end: int, root: int) -> bytes:
    body = b"\x89HDF\r\n\x1a\n" + struct.pack("<4B4Q", 2, 8, 8, 0, base, _UNDEFINED, base + end, root)
    return body + struct.pack("<I", checksum(body))


def _header(messages: Messages) -> bytes:
    """An object header, version 2, in one chunk."""
    chunk = b"".join(struct.pack("<BHB", kind, len(body), 0) + body for kind, body in messages)
    block = b"OHDR" + struct.pack("<BBI", 2, 2, len(chunk)) + chunk
    return block + struct.pack("<I", checksum(block))


def _size(messages: Messages) -> int:
    """The length of `_header(messages)`."""
    return 14 + sum(4 + len(body) for _, body in messages)


def _group_messages(group: _Group, links: list[tuple[str, int]]) -> Messages:
    messages = [(_LINK_INFO, struct.pack("<BBQQ", 0, 0, _UNDEFINED, _UNDEFINED)), (_GROUP_INFO, b"\0\0")]
    for name, value in group.attributes.items():
        messages.append((_ATTRIBUTE, _attribute(name, value, group.heaps.get(name, 0))))
    return messages + [(_LINK, _link(name, address)) for name, address in links]


def _link(name: str, address: int) -> bytes:
    data = name.encode()
    wide = len(data) > 255
    head = struct.pack("<BBBH" if wide else "<BBBB", 1, 0x10 | wide, 1, len(data))
    return head + data + struct.pack("<Q", address)


def _attribute(name: str, value: Attribute, heap: int) -> bytes:
    """The message of an attribute; `heap` is where its text lies, if it lies in a heap."""
    space = _dataspace(())
    if isinstance(value, str):
        kind, data = struct.pack("<BBBBI", 0x13, 0x01, 0, 0, len(value)), value.encode("ascii")
    elif isinstance(value, bytes):
        of_one = struct.pack("<BBBBI", 0x13, 0, 0, 0, 1)
        kind = struct.pack("<BBBBI", 0x19, 0x01, 0, 0, 16) + of_one
        data = struct.pack("<IQI", len(value), heap, 1)
    else:
        longest = max([1, *map(len, value)])
        kind, space = _datatype(f"|S{longest}"), _dataspace((len(value),))
        data = b"".join(text.ljust(longest, b"\0") for text in value)
    sizes = struct.pack("<BBHHHB", 3, 0, len(name) + 1, len(kind), len(space), 0)
    return sizes + name.encode("ascii") + b"\0" + kind + space + data


def _heap(text: bytes) -> bytes:
    """A global heap collection that holds one object, which is a text."""
    held = struct.pack("<HHIQ", 1, 1, 0, len(text)) + text.ljust(-(-len(text) // 8) * 8, b"\0")
    size = max(_LEAST_HEAP, 32 + len(held))
    free = size - 16 - len(held)
    head = b"GCOL" + struct.pack("<B3xQ", 1, size)
    return (head + held + struct.pack("<HHIQ", 0, 0, 0, free)).ljust(size, b"\0")


@lru_cache(maxsize=4096)
def _dataset_header(dtype: str, shape: tuple[int, ...], address: int) -> bytes:
    return _header(_dataset_messages(dtype, shape, address))


def _dataset_messages(dtype: str, shape: tuple[int, ...], address: int) -> Messages:
    return [
        (_DATASPACE, _dataspace(shape)),
        (_DATATYPE, _datatype(dtype)),
        (_FILL, b"\3\5"),  # space reserved early, never filled
        (_LAYOUT, struct.pack("<BBQQ", 3, 1, address, _bytes(dtype, shape))),
    ]


def _dataspace(shape: tuple[int, ...]) -> bytes:
    return struct.pack(f"<4B{len(shape)}Q", 2, len(shape), 0, 1 if shape else 0, *shape)


def _datatype(dtype: str) -> bytes:
    size = _bytes(dtype, ())
    kind = dtype[1]
    if kind == "S":
        return struct.pack("<BBBBI", 0x13, 0x11, 0, 0, size)  # padded with NULs, UTF-8
    if kind in "iu" and dtype[0] in "<|":
        return struct.pack("<BBBBIHH", 0x10, 8 * (kind == "i"), 0, 0, size, 0, 8 * size)
    if dtype in ("<f2", "<f4", "<f8"):
        exponent, mantissa = {2: (5, 10), 4: (8, 23), 8: (11, 52)}[size]
        bias = (1 << (exponent - 1)) - 1
        head = struct.pack("<BBBBIHH", 0x11, 0x20, 8 * size - 1, 0, size, 0, 8 * size)
        return head + struct.pack("<BBBBI", mantissa, exponent, 0, mantissa, bias)
    raise ValueError(f"arrays of dtype {dtype} cannot be saved")


def _bytes(dtype: str, shape: tuple[int, ...]) -> int:
    size: int = int(dtype[2:]) if dtype.startswith("|S") else np.dtype(dtype).itemsize
    for n in shape:
        size *= n
    return size


def _rotate(x: int, k: int) -> int:
    return ((x << k) | (x >> (32 - k))) & _MASK


def checksum(data: bytes) -> int:
    """Bob Jenkins's lookup3 `hashlittle` with initial value 0, as HDF5 checks its metadata."""
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    if not data:
        return c
    blocks = -(-len(data) // 12)
    words: tuple[int, ...] = struct.unpack(f"<{3 * blocks}I", data.ljust(12 * blocks, b"\0"))
    for i in range(0, len(words) - 3, 3):
        a, b, c = (a + words[i]) & _MASK, (b + words[i + 1]) & _MASK, (c + words[i + 2]) & _MASK
        a, c = ((a - c) & _MASK) ^ _rotate(c, 4), (c + b) & _MASK
        b, a = ((b - a) & _MASK) ^ _rotate(a, 6), (a + c) & _MASK
        c, b = ((c - b) & _MASK) ^ _rotate(b, 8), (b + a) & _MASK
        a, c = ((a - c) & _MASK) ^ _rotate(c, 16), (c + b) & _MASK
        b, a = ((b - a) & _MASK) ^ _rotate(a, 19), (a + c) & _MASK
        c, b = ((c - b) & _MASK) ^ _rotate(b, 4), (b + a) & _MASK
    a, b, c = (a + words[-3]) & _MASK, (b + words[-2]) & _MASK, (c + words[-1]) & _MASK
    for x, k in (("c", 14), ("a", 11), ("b", 25), ("c", 16), ("a", 4), ("b", 14), ("c", 24)):
        if x == "c":
            c = ((c ^ b) - _rotate(b, k)) & _MASK
        elif x == "a":
            a = ((a ^ c) - _rotate(c, k)) & _MASK
        else:
            b = ((b ^ a) - _rotate(a, k)) & _MASK
    return c

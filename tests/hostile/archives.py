"""Hostile archives: bombs, lies, members twice."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

from tests.hostile.cases import case
from tests.hostile.forge import chain, dense, hdf5, members, zipped

MODEL = "model.keras"


def sound() -> dict[str, bytes]:
    return members(chain(dense()))


def written(here: Path, content: bytes) -> str:
    (here / MODEL).write_bytes(content)
    return MODEL


@case("more than 16,777,216")
def config_bomb(here: Path) -> str:
    """A config that unpacks to a thousand times its bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("config.json", "w", force_zip64=True) as member:
            for _ in range(2):
                member.write(b" " * (1 << 24))
        archive.writestr("model.weights.h5", hdf5())
    return written(here, buffer.getvalue())


@case("is cut off")
def config_bomb_that_lies(here: Path) -> str:
    """It says that it is larger than it is."""
    raw = zipped(sound(), zipfile.ZIP_DEFLATED)
    return written(here, changed_entry(raw, "config.json", 24, struct.pack("<I", 1 << 23)))


@case("cannot be read")
def config_that_says_less(here: Path) -> str:
    raw = zipped(sound(), zipfile.ZIP_DEFLATED)
    return written(here, changed_entry(raw, "config.json", 24, struct.pack("<I", 10)))


def changed_entry(raw: bytes, name: str, offset: int, value: bytes) -> bytes:
    """An archive with some bytes of a member's entry in its directory changed."""
    found = bytearray(raw)
    at = found.find(b"PK\x01\x02")
    while found[at + 46 : at + 46 + len(name)] != name.encode():
        at = found.index(b"PK\x01\x02", at + 4)
    found[at + offset : at + offset + len(value)] = value
    return bytes(found)


@case("more than 268,435,456")
def weights_bomb(here: Path) -> str:
    """Weights that say that they unpack to a gigabyte."""
    raw = zipped(sound(), zipfile.ZIP_DEFLATED)
    return written(here, changed_entry(raw, "model.weights.h5", 24, struct.pack("<I", 1 << 30)))


@case(imports=True)
def weights_deflated(here: Path) -> str:
    return written(here, zipped(sound(), zipfile.ZIP_DEFLATED))


@case("method")
def packed_by_lzma(here: Path) -> str:
    """Whose dictionary may be as large as the file says."""
    return written(here, zipped(sound(), zipfile.ZIP_LZMA))


@case("method")
def packed_by_bzip2(here: Path) -> str:
    return written(here, zipped(sound(), zipfile.ZIP_BZIP2))


@case("two of its members have one name")
def member_twice(here: Path) -> str:
    parts = sound()
    return written(here, zipped([*parts.items(), ("config.json", b"{}")]))


@case("two of its members have one name")
def member_twice_behind_a_nul(here: Path) -> str:
    parts = sound()
    raw = zipped([*parts.items(), ("config.jsonXx", b"{}")])
    return written(here, raw.replace(b"config.jsonXx", b"config.json\0x"))


@case("key stands twice")
def key_twice(here: Path) -> str:
    config = sound()["config.json"].replace(b'"units": 2', b'"units": 2, "units": 2')
    return written(here, zipped(sound() | {"config.json": config}))


@case("is cut off")
def entry_beyond_the_file(here: Path) -> str:
    raw = zipped(sound())
    size = struct.pack("<II", 1 << 30, 1 << 30)
    return written(here, changed_entry(raw, "model.weights.h5", 20, size))


@case()
def entry_at_the_front(here: Path) -> str:
    """The weights lie where another member does."""
    raw = zipped(sound())
    return written(here, changed_entry(raw, "model.weights.h5", 42, struct.pack("<I", 0)))


@case("do not have its checksum")
def weights_with_another_checksum(here: Path) -> str:
    raw = zipped(sound())
    return written(here, changed_entry(raw, "model.weights.h5", 16, struct.pack("<I", 1)))


@case("is encrypted")
def encrypted(here: Path) -> str:
    raw = zipped(sound())
    return written(here, changed_entry(raw, "model.weights.h5", 8, struct.pack("<H", 1)))


@case(imports=True, large=True)
def overlapping(here: Path) -> str:
    """Many entries for the same packed bytes, after D. Fifield's zip bomb without nesting."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(1 << 20)) + packer.flush()
    parts = sound()
    raw = bytearray()
    directory = bytearray()
    count = 0

    def add(name: str, method: int, content: bytes, size: int, at: int | None = None) -> None:
        nonlocal count
        head = (20, 0, method, 0, 33, zlib.crc32(content) if method == 0 else 0, len(content), size)
        place = len(raw) if at is None else at
        if at is None:
            raw.extend(
                b"PK\x03\x04" + struct.pack("<HHHHHIIIHH", *head, len(name), 0) + name.encode() + content
            )
        directory.extend(
            b"PK\x01\x02" + struct.pack("<H", 20) + struct.pack("<HHHHHIIIHH", *head, len(name), 0)
        )
        directory.extend(struct.pack("<HHHII", 0, 0, 0, 0, place) + name.encode())
        count += 1

    for name, content in parts.items():
        add(name, 0, content, len(content))
    first = len(raw)
    add("b0", 8, packed, 1 << 20)
    for number in range(1, 10_000):
        add(f"b{number}", 8, packed, 1 << 20, first)
    start = len(raw)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), start, 0)
    return written(here, bytes(raw + directory + end))


@case("its list of members has", large=True)
def directory_of_many_members(here: Path) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in sound().items():
            archive.writestr(name, content)
        for number in range(30_000):
            archive.writestr(zipfile.ZipInfo(f"member{number}"), b"")
    return written(here, buffer.getvalue())


@case("its list of members has", large=True)
def directory_said_twice(here: Path) -> str:
    """The end says that the list of members is short, the record that counts for large archives not."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in sound().items():
            archive.writestr(name, content)
        for number in range(70_000):
            archive.writestr(zipfile.ZipInfo(f"member{number}"), b"")
    raw = bytearray(buffer.getvalue())
    struct.pack_into("<I", raw, len(raw) - 22 + 12, 500)
    return written(here, bytes(raw))


@case(imports=True, large=True)
def twenty_thousand_members(here: Path) -> str:
    """None of them is read, and they are not told one by one."""
    parts = sound() | {f"{number:x}": b"" for number in range(20_000)}
    return written(here, zipped(parts))


@case(imports=True)
def archive_in_an_archive(here: Path) -> str:
    inner = zipped({"x": bytes(1 << 20)}, zipfile.ZIP_DEFLATED)
    for _ in range(5):
        inner = zipped({f"{n}.zip": inner for n in range(10)}, zipfile.ZIP_DEFLATED)
    return written(here, zipped(sound() | {"assets/inner.zip": inner}))


@case("cannot be read")
def weights_that_are_an_archive(here: Path) -> str:
    return written(here, zipped(sound() | {"model.weights.h5": zipped(sound())}))


@case("model.weights.h5")
def no_weights(here: Path) -> str:
    return written(here, zipped(members(chain(dense()), b"")))


@case()
def archive_of_nothing(here: Path) -> str:
    return written(here, zipped({}))


@case()
def end_alone(here: Path) -> str:
    return written(here, b"PK\x05\x06" + bytes(18))


@case(imports=True)
def members_with_control_characters(here: Path) -> str:
    return written(here, zipped(sound() | {"\x1b]0;gone\x07\x1b[2J\u202e": b"x"}))


@case("is no JSON")
def config_in_utf_16(here: Path) -> str:
    return written(here, zipped(sound() | {"config.json": sound()["config.json"].decode().encode("utf-16")}))

"""Sounds in WAV files: samples from -1 to 1, for the layers of spectrograms."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.data.base import Hint, Length, Source, Verbatim, no_hint, register
from nnctl.data.paths import DataPaths, files_of, find, named
from nnctl.data.reading.classes import by_folder
from nnctl.data.table import Column, Numbers, Origin, Pick, Table, Words

_ENDINGS = (".wav", ".wave")
_TOGETHER = 64
_MOST = 1 << 28
"""No sound has more samples."""

Samples = npt.NDArray[np.float32]


@register
class Audio(Source):
    """WAV files as a column `audio` (samples); a folder with a folder for each class has a `label`, too.

    PCM of 8 to 32 bits; channels are averaged. All have one sample rate: nothing is resampled.
    """

    path: DataPaths
    """A folder, a file, a pattern, or a list of them."""
    length: Length | None = None
    """How many samples each sound has: longer ones are cut, shorter ones end in silence. Default: all are as
    long as the first."""
    sample_rate: Length | None = None
    """The samples a second that all files must have; default: those of the first."""

    of_folder: ClassVar[bool] = True
    endings: ClassVar[tuple[str, ...]] = _ENDINGS

    @classmethod
    def reads(cls, path: Path) -> bool:
        return path.is_dir() or path.name.lower().endswith(_ENDINGS)

    def files(self) -> dict[str, str]:
        return named("path", self.path)

    def contents(self, base: Path) -> dict[str, list[str]]:
        none = f"holds no file that ends in {' or '.join(_ENDINGS)}"
        return {name: files_of(base, path, _ENDINGS, none) for name, path in self.files().items()}

    def read(self, base: Path, hint: Hint = no_hint, rows: int | None = None) -> Table:
        files, label = self._listed(base)
        kept = files if rows is None else files[:rows]
        (table,) = self._tables(base, kept, label, len(kept))
        return replace(table, total=len(files))

    def blocks(self, base: Path, hint: Hint, pick: Pick, texts: Verbatim) -> Iterator[Table]:
        files, label = self._listed(base)
        for table in self._tables(base, files, label, _TOGETHER):
            yield table.only(pick(table.names, table.origin))

    def _listed(self, base: Path) -> tuple[list[str], Words | None]:
        contents = self.contents(base)
        files = [file for found in contents.values() for file in found]
        paths = list(self.files().values())
        root = paths[0]
        folder = len(paths) == 1 and (base / root).is_dir()
        return files, by_folder(root, files) if folder else None

    def _tables(self, base: Path, files: list[str], label: Words | None, together: int) -> Iterator[Table]:
        length, rate = self.length, self.sample_rate
        for first in range(0, len(files), together):
            some = files[first : first + together]
            sounds = []
            for file in some:
                samples, own = samples_of(find(base, file), file, self.length)
                rate = rate or own
                if own != rate:
                    raise DataError(f"has {own} samples a second, where {rate} are expected", file=file)
                length = length or len(samples)
                if self.length is None and len(samples) != length:
                    hint = f"length: {length} of the source cuts or fills them"
                    said = f"has {len(samples)} samples, the first sound {length}"
                    raise DataError(said, file=file, hint=hint)
                sounds.append(np.pad(samples, (0, length - len(samples))))
            columns: dict[str, Column] = {"audio": Numbers(np.stack(sounds))}
            if label is not None:
                columns["label"] = Words(label.codes[first : first + together], label.vocabulary)
            origin = Origin(self.label, parts=lambda i, some=some: (Origin(some[i]), None))  # type: ignore[misc]
            options: dict[str, Any] = {"type": "audio", "length": length, "sample_rate": rate}
            yield Table(columns, origin, None, options)


def samples_of(full: Path, file: str, most: int | None) -> tuple[Samples, int]:
    """The samples of a WAV file (at most so many), from -1 to 1, and how many there are a second.

    Raises:
        DataError: it is none that is read, or is damaged.
    """
    try:
        with wave.open(str(full), "rb") as sound:
            width, channels = sound.getsampwidth(), sound.getnchannels()
            frames = sound.getnframes() if most is None else min(most, sound.getnframes())
            if min(frames * width * channels, _MOST * 4) > full.stat().st_size:
                claim = f"claims {frames} samples, more than its {full.stat().st_size} bytes hold"
                raise DataError(claim, file=file)
            raw, rate = sound.readframes(frames), sound.getframerate()
    except (wave.Error, OSError, EOFError) as error:
        said = str(error) or "it ends early"
        raise DataError(f"is no WAV file that is read ({said}); PCM is", file=file) from error
    except (ValueError, RuntimeError) as error:
        raise DataError(f"is a damaged WAV file ({error})", file=file) from error
    if len(raw) < frames * width * channels or not raw:
        held = f"ends early: of {frames} samples it holds {len(raw) // (width * channels)}"
        raise DataError(held if frames else "holds no samples", file=file)
    return _scaled(raw, width).reshape(-1, channels).mean(axis=1, dtype=np.float64).astype(np.float32), rate


def _scaled(raw: bytes, width: int) -> npt.NDArray[np.float64]:
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) / 128
    if width == 3:
        # The upper three bytes of four.
        padded = np.zeros((len(raw) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return padded.view("<i4").reshape(-1) / float(1 << 31)
    return np.frombuffer(raw, f"<i{width}") / float(1 << (8 * width - 1))

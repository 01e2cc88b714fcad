"""Pictures as arrays: decoded, turned as EXIF says, cropped and resized."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.core.records import record

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
ENDINGS = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
MOST_PIXELS = 1 << 26
"""Pictures of more pixels are not decoded: a small file may claim any number."""
MOST_BYTES = 1 << 29

Fit = Literal["stretch", "crop", "pad"]
Pixels = npt.NDArray[np.uint8]


@record
class Wanted:
    """What pictures are made of.

    Attributes:
        size: Height and width; None: as they are.
        mode: "L" or "RGB"; None: as the first picture.
        fit: How a picture of another form gets this size: stretched, its middle, or whole between bars.
    """

    size: tuple[int, int] | None
    mode: Literal["L", "RGB"] | None
    fit: Fit

    def decoded(self, full: Path, file: str) -> Pixels:
        """The picture (height, width, channels).

        Raises:
            DataError: it is none, is damaged, or is too large.
        """
        from PIL import Image, ImageOps, UnidentifiedImageError

        try:
            if full.stat().st_size > MOST_BYTES:
                raise DataError(f"has more than {MOST_BYTES} bytes, as no picture does", file=file)
            raw = full.read_bytes()
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror or error})", file=file) from error
        try:
            with (
                warnings.catch_warnings(action="ignore"),
                Image.open(io.BytesIO(raw), formats=FORMATS) as image,
            ):
                width, height = image.size
                if width * height > MOST_PIXELS:
                    claim = f"claims {width} x {height} pixels, over the bound of {MOST_PIXELS}"
                    raise DataError(claim, file=file)
                turned = ImageOps.exif_transpose(image)
                return self._array(turned, Image)
        except UnidentifiedImageError as error:
            raise DataError(f"is no picture that is read ({', '.join(FORMATS)})", file=file) from error
        except DataError:
            raise
        except Image.DecompressionBombError as error:
            raise DataError(f"claims pixels over the bound of {MOST_PIXELS}", file=file) from error
        except Exception as error:
            # Decoders raise what they like: struct.error, zlib.error.
            raise DataError(f"is a damaged picture ({_first_line(error)})", file=file) from error

    def _array(self, image: Any, pillow: Any) -> Pixels:
        mode = self.mode or ("L" if image.mode in ("1", "L", "I;16", "I", "F", "LA") else "RGB")
        if image.mode in ("I;16", "I", "F"):
            image = _of_bytes(image, pillow)
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            whole = image.convert("RGBA")
            ground = pillow.new("RGBA", whole.size, (255, 255, 255, 255))
            image = pillow.alpha_composite(ground, whole)
        image = image.convert(mode)
        if self.size is not None and image.size != self.size[::-1]:
            image = self._resized(image, pillow)
        pixels = np.asarray(image, dtype=np.uint8)
        return np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1))

    def _resized(self, image: Any, pillow: Any) -> Any:
        assert self.size is not None
        height, width = self.size
        how = pillow.Resampling.BILINEAR
        if self.fit == "stretch":
            return image.resize((width, height), how)
        scale = max if self.fit == "crop" else min
        factor = scale(width / image.width, height / image.height)
        near = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        scaled = image.resize(near, how)
        out = pillow.new(image.mode, (width, height))
        out.paste(scaled, ((width - scaled.width) // 2, (height - scaled.height) // 2))
        return out


def _of_bytes(image: Any, pillow: Any) -> Any:
    """A picture of 16 or 32 bits as one of 8: its upper byte, or its values as they are where they fit."""
    values = np.asarray(image).astype(np.float64)
    if image.mode != "F" and values.max(initial=0) > 255:
        values = values // 256
    return pillow.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]

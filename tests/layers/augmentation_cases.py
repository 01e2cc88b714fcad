"""Configs of layers that change images at random, and what Keras calls what was drawn for them.

A line is (config, shape without the batch, what Keras's `transform_images` is given). The last is a function
of the numbers u (B, draws), uniform in [0, 1), that nnctl drew for the images, and says what the draws mean:
the ranges that Keras's `get_random_transformation` draws from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nnctl.core.arrays import Array
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.elementwise import cast
from nnctl.ops.shape import broadcast_to, concatenate, reshape


class Drawn(NamedTuple):
    """What was drawn for a batch of images.

    Attributes:
        u: Numbers (B, draws) in [0, 1).
        shape: The images' (B, H, W, C).
        layer: Keras's layer.
        besides: What else was drawn (`BESIDES`).
    """

    u: Array
    shape: tuple[int, int, int, int]
    layer: Any
    besides: Array

    def between(self, low: float, high: float, at: int = 0) -> Array:
        """Draw `at` of each image (B,), spread over [low, high)."""
        return (low + self.u[:, at] * (high - low)).astype(np.float32)

    def after(self, at: int) -> Drawn:
        """Without the first draws."""
        return self._replace(u=self.u[:, at:])

    def per_image(self, low: float, high: float, at: int = 0) -> Array:
        """The same as (B, 1, 1, 1)."""
        return self.between(low, high, at)[:, None, None, None]


Case = tuple[dict[str, Any], tuple[int, int, int], Callable[[Drawn], Any]]


def _case(transformation: Callable[[Drawn], Any], type: str, *shape: int, **fields: Any) -> Case:
    height, width, channels = shape or (5, 7, 3)
    return {"type": type, **fields}, (height, width, channels), transformation


def flips(d: Drawn) -> Any:
    return {"flips": d.u[:, :1, None, None] <= 0.5}


def translations(least_down: float, most_down: float, least_right: float, most_right: float) -> Any:
    def drawn(d: Drawn) -> Any:
        _, height, width, _ = d.shape
        down = d.between(least_down, most_down) * height
        right = d.between(least_right, most_right, 1) * width
        return {"translations": np.stack([right, down], 1)}

    return drawn


def rotation(least: float, most: float) -> Any:
    def drawn(d: Drawn) -> Any:
        batch, height, width, _ = d.shape
        still, same = np.zeros(batch, np.float32), np.ones(batch, np.float32)
        matrix = d.layer._compute_affine_matrix(
            0.5, 0.5, d.between(least * 360, most * 360), still, still, same, still, still, height, width
        )
        return {"rotation_matrix": matrix}

    return drawn


def zooms(high: tuple[float, float], wide: tuple[float, float] | None) -> Any:
    def drawn(d: Drawn) -> Any:
        first = 1 + d.between(*high)[:, None]
        second = first if wide is None else 1 + d.between(*wide, 1)[:, None]
        return {"height_zoom": first, "width_zoom": second}

    return drawn


def shear(x: tuple[float, float], y: tuple[float, float]) -> Any:
    def drawn(d: Drawn) -> Any:
        side = np.where(d.u[:, :1] > 0.5, -1, 1).astype(np.float32)
        return {"shear_factor": np.stack([d.between(*x, 2), d.between(*y, 1)], 1) * side}

    return drawn


def brightness(least: float, most: float, width: float) -> Any:
    return lambda d: {"rgb_delta": d.per_image(least, most) * width}


def chosen(name: str, least: float = 0.0, most: float = 1.0) -> Any:
    """Images that are changed with a probability that is drawn, too."""
    return lambda d: {name: d.u[:, 1] < d.between(least, most)}


PROJECTIONS = [
    _case(flips, "RandomFlip"),
    _case(flips, "RandomFlip", 1, 4, 2, mode="horizontal"),
    _case(flips, "RandomFlip", mode="vertical", seed=5),
    _case(translations(-0.4, 0.4, -0.9, 0.9), "RandomTranslation", height_factor=0.4, width_factor=0.9),
    _case(
        translations(-0.9, 0.2, 0.5, 0.5),
        "RandomTranslation",
        6,
        4,
        1,
        height_factor=[0.2, -0.9],
        width_factor=[0.5, 0.5],
        fill_mode="wrap",
        interpolation="nearest",
    ),
    _case(
        translations(-1, 1, 0, 0),
        "RandomTranslation",
        height_factor=1,
        width_factor=0,
        fill_mode="constant",
        fill_value=0.75,
    ),
    _case(rotation(-0.4, 0.4), "RandomRotation", factor=0.4),
    _case(rotation(-1, 0.3), "RandomRotation", 6, 4, 1, factor=[0.3, -1], fill_mode="wrap"),
    _case(rotation(-0.1, 0.1), "RandomRotation", factor=-0.1, fill_mode="constant", fill_value=-2.5),
    _case(rotation(0.1, 0.4), "RandomRotation", factor=[0.1, 0.4], fill_mode="nearest", seed=1),
    _case(rotation(0.1, 0.4), "RandomRotation", factor=[0.1, 0.4], interpolation="nearest"),
    _case(zooms((-0.6, 0.6), None), "RandomZoom", height_factor=0.6),
    _case(
        zooms((0.2, 0.9), (-0.9, 0.1)),
        "RandomZoom",
        4,
        7,
        2,
        height_factor=[0.9, 0.2],
        width_factor=[-0.9, 0.1],
    ),
    _case(zooms((0, 1), (0, 0)), "RandomZoom", height_factor=[0, 1], width_factor=0, fill_mode="constant"),
    _case(
        zooms((-0.5, 0.5), None), "RandomZoom", height_factor=0.5, interpolation="nearest", fill_mode="wrap"
    ),
    _case(shear((-0.7, 0.7), (0, 0)), "RandomShear", x_factor=0.7),
    _case(shear((0.1, 0.5), (0.2, 0.9)), "RandomShear", 4, 6, 1, x_factor=[0.1, 0.5], y_factor=[0.9, 0.2]),
    _case(
        shear((0, 0), (-0.5, 0.5)), "RandomShear", y_factor=0.5, fill_mode="nearest", interpolation="nearest"
    ),
    _case(shear((-1, 1), (0, 0)), "RandomShear", x_factor=1, fill_mode="constant", fill_value=0.5),
]

POINTWISE = [
    _case(brightness(-0.3, 0.3, 255), "RandomBrightness", factor=0.3),
    _case(brightness(-0.1, 0.5, 3), "RandomBrightness", factor=[0.5, -0.1], value_range=[-1, 2]),
    _case(chosen("apply_inversion"), "RandomInvert"),
    _case(chosen("apply_inversion", 0.4, 0.9), "RandomInvert", factor=[0.9, 0.4], value_range=[0, 1], seed=2),
    _case(lambda d: {"contrast_factor": d.per_image(1, 1.9)}, "RandomContrast", factor=0.9),
    _case(
        lambda d: {"contrast_factor": d.per_image(0.8, 1.6)},
        "RandomContrast",
        factor=[0.2, 0.6],
        value_range=[-1, 2],
    ),
]


def crop(rows: int, columns: int) -> Any:
    """The first row and column, of so many; the batch has one draw."""
    return lambda d: (int(d.between(0, rows)[0]), int(d.between(0, columns, 1)[0]))


def middle(height: int, width: int) -> Any:
    """What Keras computes where images are not larger."""
    return lambda d: d.layer.get_random_transformation(np.zeros(d.shape))


def bits(least: int, most: int) -> Any:
    return lambda d: {"shift_factor": (8 - np.floor(d.between(least, most))).astype(np.uint8)}


def solar(*ends: float) -> Any:
    return lambda d: {"additions": d.per_image(*ends[:2]), "thresholds": d.per_image(*ends[2:], 1)}


def hues(least: float, most: float) -> Any:
    return lambda d: {
        "factor": np.where(d.u[:, 0] > 0.5, -1, 1) * d.between(least, most, 1) * np.float32(0.5)
    }


def saturations(least: float, most: float) -> Any:
    def drawn(d: Drawn) -> Any:
        f = d.between(least, most)
        return {"factor": f / (1 - f + np.float32(1e-7))}

    return drawn


CROPS = [
    _case(crop(3, 5), "RandomCrop", height=3, width=3),
    _case(crop(4, 2), "RandomCrop", 7, 6, 2, height=4, width=5, seed=4),
    _case(middle(5, 4), "RandomCrop", height=5, width=4),
    _case(middle(6, 3), "RandomCrop", height=8, width=3),
    _case(middle(6, 9), "RandomCrop", height=6, width=9),
]

SHADES = [
    _case(bits(1, 5), "RandomPosterization", factor=5),
    _case(bits(3, 8), "RandomPosterization", factor=[8, 3], value_range=[-1, 1]),
    _case(bits(8, 8), "RandomPosterization", factor=[8, 8]),
    _case(bits(1, 1), "RandomPosterization", 4, 5, 1, factor=1, seed=2),
    _case(solar(0, 0, 0, 0), "Solarization"),
    _case(solar(0, 51, 0, 204), "Solarization", addition_factor=0.2, threshold_factor=0.8),
    _case(
        solar(0.1, 76.5, 0.4, 127.5),
        "Solarization",
        addition_factor=[0.3, 0.1],
        threshold_factor=[0.4, 0.5],
        value_range=[-1, 1],
        seed=2,
    ),
]

COLOURS = [
    _case(lambda d: d.u[:, :1, None, None] < 0.5, "RandomGrayscale"),
    _case(lambda d: d.u[:, :1, None, None] < 0.8, "RandomGrayscale", factor=0.8, seed=2),
    _case(lambda d: {"factor": d.per_image(0, 0.7)}, "RandomColorDegeneration", factor=0.7),
    _case(
        lambda d: {"factor": d.per_image(0.2, 1)},
        "RandomColorDegeneration",
        factor=[1, 0.2],
        value_range=[-1, 1],
    ),
    _case(saturations(0, 0.4), "RandomSaturation", factor=0.4),
    _case(saturations(0.3, 0.9), "RandomSaturation", factor=[0.9, 0.3], value_range=[0, 1], seed=3),
    _case(saturations(0.6, 0.9), "RandomSaturation", factor=[0.6, 0.9]),
    _case(hues(0, 1), "RandomHue", factor=1.0),
    _case(hues(0.1, 0.6), "RandomHue", factor=[0.6, 0.1], value_range=[-1, 2], seed=3),
]


def perspective(scale: float, least: float, most: float) -> Any:
    def drawn(d: Drawn) -> Any:
        batch, height, width, _ = d.shape
        corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], np.float32)
        start = np.tile(corners, (batch, 1, 1))
        factors = np.zeros((batch, 4, 2), np.float32)
        factors[:, 1, 0], factors[:, 2, 1] = d.u[:, 2], d.u[:, 3]
        factors[:, 3] = d.u[:, 4:]
        end = start + start * (factors - np.float32(0.5)) * np.float32(scale)
        chosen = d.u[:, 1] < d.between(least, most)
        return {"start_points": start, "end_points": end, "apply_perspective": chosen}

    return drawn


def erased(small: float, large: float, least: float = 0.0, most: float = 1.0) -> Any:
    def drawn(d: Drawn) -> Any:
        # Keras's own filling fails on JAX for three numbers.
        fill = d.layer.fill_value

        def side(length: int, at: int) -> tuple[Array, Array]:
            part = np.sqrt(d.between(small, large, at)) * length
            start = d.u[:, at + 2] * (length - part)
            return start, start + part

        corners = (*side(d.shape[2], 0), *side(d.shape[1], 1))
        return {
            "apply_erasing": d.u[:, 5] < d.between(least, most, 4),
            "batch_masks": d.layer._generate_batch_mask(d.shape, corners),
            "fill_value": d.besides if fill is None else np.clip(np.float32(fill), *d.layer.value_range),
        }

    return drawn


def sharpness(least: float, most: float) -> Any:
    return lambda d: {"factor": d.between(least, most)}


VIEWS = [
    _case(perspective(1.0, 0, 1), "RandomPerspective"),
    _case(
        perspective(0.4, 0.5, 1), "RandomPerspective", 2, 6, 1, factor=[0.5, 1], scale=0.4, fill_value=-3.5
    ),
    _case(
        perspective(0.6, 1, 1),
        "RandomPerspective",
        factor=[1, 1],
        scale=0.6,
        interpolation="nearest",
        seed=3,
    ),
]

PARTS = [
    _case(erased(0.02, 0.33), "RandomErasing", 9, 8, 3),
    _case(
        erased(0.3, 0.9, 0.4, 1), "RandomErasing", 9, 8, 2, factor=[0.4, 1], scale=[0.9, 0.3], fill_value=300
    ),
    _case(
        erased(0, 0.8, 1, 1),
        "RandomErasing",
        factor=[1, 1],
        scale=0.8,
        fill_value=[0.5, -2, 9],
        value_range=[-1, 1],
        seed=4,
    ),
    _case(erased(0.3, 0.9), "RandomErasing", scale=[0.3, 0.9], value_range=[-1, 1]),
    _case(sharpness(0, 1), "RandomSharpness", factor=1.0),
    _case(sharpness(0.3, 0.9), "RandomSharpness", 1, 4, 2, factor=[0.9, 0.3], value_range=[-1, 1], seed=2),
]


def blur(small: float, large: float, least: float = 0.0, most: float = 1.0) -> Any:
    def drawn(d: Drawn) -> Any:
        factor = (small + d.besides[0] * (large - small) + 1e-6).astype(np.float32)
        return {"should_apply_blur": d.u[:, 1] < d.between(least, most), "blur_factor": factor}

    return drawn


def jitter(d: Drawn) -> Any:
    """What Keras's layer does with draws of its own, one after the other."""
    parts = (
        (d.layer.random_brightness, lambda at: {"rgb_delta": d.per_image(-0.2, 0.2, at) * 255}, 1),
        (d.layer.random_contrast, lambda at: {"contrast_factor": d.per_image(1, 1.5, at)}, 1),
        (d.layer.random_saturation, lambda at: saturations(0.4, 0.6)(d.after(at)), 1),
        (d.layer.random_hue, lambda at: hues(0, 0.3)(d.after(at)), 2),
    )

    def transform(x: Any) -> Any:
        at = 0
        for layer, transformation, draws in parts:
            if layer is not None:
                x = layer.transform_images(x, transformation(at))
                at += draws
        return x

    return transform


BLURS = [
    _case(blur(0, 1), "RandomGaussianBlur"),
    _case(
        blur(0.4, 0.9, 0.5, 1), "RandomGaussianBlur", factor=[0.5, 1], sigma=[0.9, 0.4], kernel_size=[5, 3]
    ),
    _case(
        blur(0.9, 1, 1, 1),
        "RandomGaussianBlur",
        4,
        2,
        1,
        factor=[1, 1],
        sigma=[0.9, 1],
        kernel_size=7,
        value_range=[-1, 1],
        seed=2,
    ),
]

JITTERS = [
    _case(
        jitter,
        "RandomColorJitter",
        brightness_factor=0.2,
        contrast_factor=0.5,
        saturation_factor=[0.4, 0.6],
        hue_factor=0.3,
    ),
    _case(jitter, "RandomColorJitter", contrast_factor=0.5, hue_factor=0.3, seed=3),
]

EQUALIZED = [
    _case(lambda d: {}, "Equalization", 4, 5, 2, bins=16),
    _case(lambda d: {}, "Equalization", 4, 5, 1, bins=7, value_range=[-1, 2]),
]


def elastic(small: float, large: float) -> Any:
    """Keras's functional code on the noise that nnctl drew; Keras draws it inside, on JAX the same twice."""

    def drawn(d: Drawn) -> Any:
        from keras.src.backend import image

        batch, height, width, channels = d.shape
        alpha, sigma = d.layer.get_elastic_transform_params(
            height, width, small + float(d.besides[0, 0, 0, 2]) * (large - small)
        )
        size = int(6 * sigma) | 1
        noise = d.besides[..., :2] * np.float32(sigma)
        moves = np.asarray(image.gaussian_blur(noise, (size, size), (sigma, sigma), "channels_last"))
        places = np.indices((height, width)) + np.moveaxis(alpha * moves, -1, 1)
        order = ("nearest", "bilinear").index(d.layer.interpolation)

        def transform(x: Any) -> Any:
            bent = np.empty(d.shape, np.float32)
            for b, c in np.ndindex(batch, channels):
                bent[b, :, :, c] = image.map_coordinates(
                    x[b, :, :, c], places[b].astype(np.float32), order, d.layer.fill_mode, d.layer.fill_value
                )
            chosen = (d.u[:, 1] < d.u[:, 0])[:, None, None, None]
            return np.clip(np.where(chosen, bent, x), *d.layer.value_range)

        return transform

    return drawn


CHANGES: list[tuple[str, Any, int]] = [
    ("random_shear", shear((0, 0.5), (0, 0.5)), 3),
    ("random_translation", translations(0, 0.5, 0, 0.5), 2),
    ("random_rotation", rotation(0, 0.5), 1),
    ("random_brightness", brightness(0, 0.5, 255), 1),
    ("random_color_degeneration", lambda d: {"factor": d.per_image(0, 0.5)}, 1),
    ("random_contrast", lambda d: {"contrast_factor": d.per_image(1, 1.5)}, 1),
    ("random_sharpness", sharpness(0, 0.5), 1),
    ("random_posterization", bits(1, 4), 1),
    ("solarization", solar(0, 127.5, 0, 127.5), 2),
    ("auto_contrast", lambda d: None, 0),
    ("equalization", lambda d: None, 0),
]
"""What RandAugment takes from, with a factor of 0.5."""
SEVEN = ["random_shear", "random_translation", "random_rotation", "random_posterization"]
SEVEN += ["solarization", "auto_contrast", "equalization"]
FOUR = ["random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness"]
"""What AugMix takes from, and besides with `all_ops`."""


def changes(d: Drawn) -> Any:
    def transform(x: Any) -> Any:
        for u in d.besides[0]:
            at, (name, transformation, _) = int(u * 11), CHANGES[int(u * 11)]
            own = d.after(sum(draws for _, _, draws in CHANGES[:at]))
            x = getattr(d.layer, name).transform_images(x, transformation(own))
        return x

    return transform


def chains(names: list[str], chain_depth: int, least: float, most: float) -> Any:
    """What AugMix's layers do at each place of its chains, with a factor from `least` to `most`."""
    ranges = {
        "random_shear": shear((least, most), (least, most)),
        "random_translation": translations(least, most, least, most),
        "random_rotation": rotation(least, most),
        "random_posterization": bits(1, max(1, int(8 * most))),
        "solarization": solar(*(255 * end for end in (least, most) * 2)),
        "auto_contrast": lambda d: None,
        "equalization": lambda d: None,
        "random_brightness": brightness(least, most, 255),
        "random_color_degeneration": lambda d: {"factor": d.per_image(least, most)},
        "random_contrast": lambda d: {"contrast_factor": d.per_image(1 + least, 1 + most)},
        "random_sharpness": sharpness(least, most),
    }

    def drawn(d: Drawn) -> Any:
        weights, share, choices = np.split(d.besides[0], [d.layer.num_chains, d.layer.num_chains + 1])
        chosen = (choices * (len(names) + 1)).astype(int)
        taken = [
            [
                {"layer_name": names[at], "transformation": ranges[names[at]](d.after(3 * place))}
                for place, at in list(enumerate(chosen))[first : first + chain_depth]
                if at < len(names)
            ]
            for first in range(0, len(chosen), chain_depth)
        ]
        return {"chain_mixing_weights": weights, "weight_sample": share[0], "chain_transforms": taken}

    return drawn


MANY = [
    _case(elastic(0, 1), "RandomElasticTransform", 21, 30, 2),
    _case(
        elastic(0.6, 0.9),
        "RandomElasticTransform",
        44,
        41,
        1,
        scale=[0.9, 0.6],
        fill_mode="mirror",
        value_range=[-1, 1],
        seed=2,
    ),
    _case(
        elastic(0, 0.8),
        "RandomElasticTransform",
        50,
        40,
        1,
        scale=0.8,
        fill_mode="constant",
        fill_value=-2,
        interpolation="nearest",
    ),
    # Of two changes, what rounds may come second and see numbers that differ in their last bits.
    _case(changes, "RandAugment", seed=6),
    _case(changes, "RandAugment", 8, 6, 1, num_ops=1, interpolation="nearest", seed=4),
    _case(chains(SEVEN + FOUR, 1, 0, 0.3), "AugMix", chain_depth=1, alpha=20, seed=1),
    _case(
        chains(SEVEN, 2, 0.2, 0.6),
        "AugMix",
        8,
        6,
        2,
        num_chains=2,
        chain_depth=2,
        factor=[0.6, 0.2],
        all_ops=False,
        interpolation="nearest",
        seed=3,
    ),
]


def mix_up(d: Drawn) -> Any:
    return {"mix_weight": d.besides[:, 1], "permutation_order": d.besides[:, 0].astype(int)}


def cut_mix(d: Drawn) -> Any:
    order, kept, across, down = d.besides.T
    _, height, width, _ = d.shape
    part = np.sqrt(1 - kept)

    def side(place: Array, length: int) -> tuple[Array, Array]:
        start = place * (length - part * length)
        return start, start + part * length

    masks, weight = d.layer._generate_batch_mask(d.shape, (*side(across, width), *side(down, height)))
    return {"batch_masks": masks, "mix_weight": weight, "permutation_order": order.astype(int)}


def in_columns(order: Value, draws: Value) -> Value:
    """The places (B,) of examples, then the numbers (B, D) drawn for them, as one table."""
    return concatenate([reshape(cast(order, draws.dtype), (-1, 1)), draws], 1)


MIXED = [
    _case(mix_up, "MixUp"),
    _case(mix_up, "MixUp", 4, 5, 1, alpha=2.5, seed=3),
    _case(cut_mix, "CutMix", 6, 7, 2, factor=[1, 0.7]),
    _case(cut_mix, "CutMix", factor=0.8, seed=2),
]
"""Layers that mix the targets, too."""

BESIDES: dict[str, Callable[[Any, LayerContext, Value], Value]] = {
    "RandomErasing": lambda layer, ctx, x: layer.filling(ctx, x),
    "RandomGaussianBlur": lambda layer, ctx, x: layer.sigmas(ctx, x),
    "RandAugment": lambda layer, ctx, x: layer.choices(ctx, x),
    "AugMix": lambda layer, ctx, x: concatenate([*layer.shares(ctx, x), layer.choices(ctx, x)], 1),
    "MixUp": lambda layer, ctx, x: in_columns(layer.order(ctx, x), layer.shares(ctx, x)),
    "CutMix": lambda layer, ctx, x: in_columns(layer.order(ctx, x), layer.draw(ctx, x)),
    "RandomElasticTransform": lambda layer, ctx, x: concatenate(
        [layer.noise(ctx, x), broadcast_to(layer.bend(ctx, x), (*x.shape[:3], 1))], 3
    ),
}
"""What a layer draws besides the numbers of each image."""

CASES: list[Case] = [
    *PROJECTIONS,
    *VIEWS,
    *CROPS,
    *PARTS,
    *BLURS,
    *POINTWISE,
    *SHADES,
    *COLOURS,
    *JITTERS,
    *EQUALIZED,
    *MANY,
    *MIXED,
]

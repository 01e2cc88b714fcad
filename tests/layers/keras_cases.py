"""Configs that cover each layer's arguments: (config, input shapes without the batch, options of `case`)."""

from __future__ import annotations

from functools import partial
from typing import Any

from nnctl.layers.base import Layer, layers
from tests.sampling import sampled

Case = tuple[Any, list[tuple[int, ...]], dict[str, Any]]

ACTIVATIONS: list[tuple[str, dict[str, Any]]] = [
    ("linear", {}),
    ("relu", {}),
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"negative_slope": 0.1, "max_value": 1.5, "threshold": 0.3}),
    ("relu", {"max_value": 6.0}),
    ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.4}),
    ("elu", {}),
    ("elu", {"alpha": 0.7}),
    ("selu", {}),
    ("sigmoid", {}),
    ("hard_sigmoid", {}),
    ("tanh", {}),
    ("softmax", {}),
    ("softplus", {}),
    ("softsign", {}),
    ("silu", {}),
    ("swish", {}),
    ("gelu", {}),
    ("gelu", {"approximate": True}),
    ("exponential", {}),
    ("relu6", {}),
    ("celu", {"alpha": 0.6}),
    ("hard_silu", {}),
    ("hard_swish", {}),
    ("hard_tanh", {}),
    ("hard_shrink", {"threshold": 0.3}),
    ("soft_shrink", {"threshold": 0.3}),
    ("tanh_shrink", {}),
    ("threshold", {"threshold": 0.2, "default_value": -0.4}),
    ("sparse_plus", {}),
    ("sparse_sigmoid", {}),
    ("squareplus", {"b": 3.0}),
    ("mish", {}),
    ("log_sigmoid", {}),
    ("log_softmax", {}),
]


def _layer(type: str, *shapes: tuple[int, ...], **fields: Any) -> Case:
    """One case; fields that `case` takes are its options."""
    taken = ("training", "masks", "integers", "names", "batch", "gradients")
    options = {k: fields.pop(k) for k in taken if k in fields}
    return {"type": type, **fields}, list(shapes), options


L1L2 = {"type": "L1L2", "l1": 0.02, "l2": 0.05}

DENSE = [
    _layer("Dense", (5,), units=4),
    _layer("Dense", (2, 5), units=4, activation="tanh"),
    _layer("Dense", (2, 3, 5), units=1, use_bias=False),
    _layer("Dense", (5,), units=3, activation="softmax", activity_regularizer=L1L2),
    _layer("Dense", (1,), units=1, activity_regularizer={"type": "L2", "l2": 0.3}),
    _layer("Dense", (7,), units=3, activation={"type": "relu", "max_value": 0.4}),
    _layer("Dense", (4, 5), units=3, masks=[0]),
    _layer("Dense", (4, 2, 5), units=3, masks={0: 3}),
    _layer("Dense", (5,), units=3, integers=7),
]

_einsum = partial(_layer, "EinsumDense")

EINSUMS = [
    _einsum((5,), equation="ab,bc->ac", output_shape=4),
    _einsum((2, 5), equation="abc,cd->abd", output_shape=[2, 4], bias_axes="d", activation="relu"),
    _einsum((2, 3, 5), equation="...x,xy->...y", output_shape=4, bias_axes="y", activity_regularizer=L1L2),
    _einsum((3, 5), equation="abc,cde->abde", output_shape=[3, 2, 4], bias_axes="de"),
    _einsum((3, 2, 4), equation="abcd,cde->abe", output_shape=[3, 5], bias_axes="b"),
    _einsum((3, 5, 2), equation="ab...,bc->ac...", output_shape=4, bias_axes="c"),
    _einsum((3, 5), equation="abc,bcd->adb", output_shape=[4, 3], bias_axes="d"),
    _einsum((3, 5), equation="abc,bd->abd", output_shape=[3, 2]),
]

ELEMENTWISE = [
    *(_layer("Activation", (4, 3), activation={"type": name, **fields}) for name, fields in ACTIVATIONS),
    _layer("Activation", (4, 3), activation="softplus", masks=[0]),
    _layer("ReLU", (4, 3), masks=[0]),
    _layer("ReLU", (4, 3), max_value=0.7, negative_slope=0.2, threshold=0.1),
    _layer("LeakyReLU", (4, 3)),
    _layer("LeakyReLU", (4, 3), negative_slope=0.05, masks=[0]),
    _layer("Activation", (4, 3), activation={"type": "softmax", "axis": 1}),
    _layer("Activation", (4, 3), activation={"type": "log_softmax", "axis": -2}),
    _layer("ELU", (4, 3), masks=[0]),
    _layer("ELU", (4, 3), alpha=0.4),
    _layer("PReLU", (4, 3), masks=[0]),
    _layer("PReLU", (4, 3), alpha_initializer="ones", shared_axes=1),
    _layer("PReLU", (2, 3, 4), alpha_constraint="NonNeg", shared_axes=[1, 2]),
    _layer("PReLU", (2, 3, 4), alpha_initializer="ones", shared_axes=[3, 2]),
    _layer("PReLU", (3, 4), alpha_initializer="ones", shared_axes=[1, 2]),
    _layer("Softmax", (4, 3)),
    _layer("Softmax", (4, 3), axis=1),
    _layer("Softmax", (2, 4, 3), axis=-2),
    _layer("Softmax", (5,), masks=[0]),
    _layer("Softmax", (4, 5), axis=1, masks={0: 3}),
    _layer("Rescaling", (4, 3), scale=0.5, offset=-2.0, masks=[0]),
    _layer("Rescaling", (4, 3), scale=0.25, integers=255),
    _layer("Dropout", (4, 3), rate=0.5, masks=[0]),
    _layer("Dropout", (4, 3), rate=0.0, training=True),
    _layer("Identity", (4, 3), masks=[0]),
    _layer("ActivityRegularization", (4, 3), l1=0.02, masks=[0]),
    _layer("ActivityRegularization", (4, 3), l1=0.02, l2=0.3),
    _layer("ActivityRegularization", (5,)),
    *(
        _layer(name, (4, 3), masks=[0], **fields)
        for name, fields in (
            ("AlphaDropout", {"rate": 0.3}),
            ("GaussianDropout", {"rate": 0.3}),
            ("GaussianNoise", {"stddev": 0.3}),
            ("SpatialDropout1D", {"rate": 0.3}),
        )
    ),
    _layer("SpatialDropout2D", (4, 2, 3), rate=0.3, masks={0: 3}),
    _layer("SpatialDropout3D", (4, 2, 1, 3), rate=0.3, masks=[0]),
    _layer("Masking", (4, 3)),
    _layer("Masking", (4, 1), integers=2),
    _layer("Masking", (4, 2), mask_value=1.0, integers=2, masks=[0]),
    _layer("Masking", (2, 3, 2), integers=2),
]

CATEGORIES = [
    _layer("CategoryEncoding", (4,), num_tokens=5, integers=5),
    _layer("CategoryEncoding", (4,), num_tokens=3, output_mode="count", integers=3),
    _layer("CategoryEncoding", (4,), (4,), num_tokens=5, output_mode="count", integers=5),
    _layer("CategoryEncoding", (1,), num_tokens=3, output_mode="one_hot", integers=3),
    _layer("CategoryEncoding", (4,), num_tokens=3, output_mode="one_hot", integers=3),
    _layer("Discretization", (4, 3), bin_boundaries=[-0.5, 0.0, 0.3]),
    _layer("Discretization", (4,), bin_boundaries=[0, 1, 2], integers=4),
    _layer("Discretization", (4, 1), bin_boundaries=[0.1], output_mode="one_hot"),
    _layer("Discretization", (4, 3), bin_boundaries=[-0.5, 0.3], output_mode="one_hot"),
    _layer("Discretization", (5,), bin_boundaries=[-0.5, 0.3], output_mode="multi_hot"),
    _layer("Discretization", (5,), bin_boundaries=[-0.5, 0.3], output_mode="count"),
    _layer("Normalization", (4, 3), mean=[0.2, -1.0, 3.0], variance=[0.5, 4.0, 0.1], masks=[0]),
    _layer("Normalization", (2,), mean=[0.2, -1.0], variance=[0.5, 0.0], gradients=False),
    _layer("Normalization", (4, 3), axis=None, mean=0.3, variance=2.5),
    _layer("Normalization", (4, 2), axis=[1, -1], mean=[[0.3, 1.0]], variance=[[2.5, 0.1]], invert=True),
    _layer("Normalization", (2, 3, 4), axis=[2, 1], mean=[0.3, 1.0, 2.0], variance=[2.5, 0.1, 1.0]),
    _layer("Normalization", (4,), mean=1.5, variance=0.25, integers=9),
    _layer("Normalization", (4, 3)),
    _layer("Normalization", (2, 3, 4), axis=[3, 1], invert=True, masks=[0]),
    _layer("Normalization", (5,), axis=None),
]

SIGNALS = [
    _layer("STFTSpectrogram", (13, 2), frame_length=4),
    _layer("STFTSpectrogram", (13, 2), frame_length=5, frame_step=3, mode="magnitude", window="hamming"),
    _layer("STFTSpectrogram", (9, 1), frame_length=4, mode="psd", padding="same", periodic=True),
    _layer(
        "STFTSpectrogram", (9, 2), frame_length=3, fft_length=6, mode="real", expand_dims=True, window=None
    ),
    _layer("STFTSpectrogram", (9, 2), frame_length=6, frame_step=4, mode="imag", padding="same"),
    _layer("STFTSpectrogram", (9, 2), frame_length=4, mode="stft", scaling="spectrum", expand_dims=True),
    _layer("STFTSpectrogram", (9, 2), frame_length=4, mode="stft", scaling=None),
    _layer("STFTSpectrogram", (9, 2), frame_length=4, mode="angle"),
]

SHAPES = [
    _layer("Flatten", (4, 3, 2)),
    _layer("Flatten", (5,)),
    _layer("Flatten", ()),
    _layer("Reshape", (4, 3), target_shape=[2, 6]),
    _layer("Reshape", (4, 3), target_shape=[3, -1, 2]),
    _layer("Permute", (4, 3), dims=[2, 1]),
    _layer("Permute", (4, 3, 2), dims=[3, 1, 2]),
    _layer("Permute", (4, 3, 2, 5), dims=[2, 4, 1, 3]),
    _layer("Permute", (5,), dims=[1]),
    _layer("RepeatVector", (3,), n=4),
    _layer("RepeatVector", (1,), n=1),
    _layer("Cropping1D", (5, 2)),
    _layer("Cropping1D", (5, 2), cropping=[0, 3]),
    _layer("Cropping2D", (5, 4, 2), cropping=1),
    _layer("Cropping2D", (5, 4, 2), cropping=[2, 0]),
    _layer("Cropping2D", (5, 4, 2), cropping=[[1, 3], [0, 2]]),
    _layer("Cropping3D", (3, 4, 5, 2)),
    _layer("Cropping3D", (5, 4, 3, 2), cropping=[1, 0, 1]),
    _layer("Cropping3D", (5, 4, 3, 2), cropping=[[1, 0], [0, 3], [1, 1]]),
    _layer("UpSampling1D", (3, 2)),
    _layer("UpSampling1D", (3, 2), size=3),
    _layer("UpSampling2D", (3, 4, 2)),
    _layer("UpSampling2D", (3, 4, 2), size=[3, 1]),
    _layer("UpSampling2D", (3, 4, 2), size=[2, 3], interpolation="bilinear"),
    _layer("UpSampling2D", (2, 4, 2), size=[1, 2], interpolation="bicubic"),
    _layer("UpSampling2D", (5, 4, 1), interpolation="lanczos3"),
    _layer("UpSampling2D", (5, 7, 1), interpolation="lanczos5"),
    _layer("UpSampling3D", (3, 2, 1, 2)),
    _layer("UpSampling3D", (3, 2, 1, 2), size=[1, 2, 3]),
    _layer("Resizing", (3, 4, 2), height=5, width=6),
    _layer("Resizing", (7, 6, 2), height=5, width=4, interpolation="nearest"),
    _layer("Resizing", (7, 6, 1), height=5, width=9, interpolation="bicubic"),
    _layer("Resizing", (7, 6, 1), height=3, width=4, interpolation="lanczos3", antialias=True),
    _layer("Resizing", (7, 9, 1), height=7, width=4, antialias=True),
    _layer("Resizing", (7, 4, 2), height=3, width=5, crop_to_aspect_ratio=True),
    _layer("Resizing", (4, 9, 1), height=5, width=4, crop_to_aspect_ratio=True, interpolation="bicubic"),
    _layer("Resizing", (3, 8, 2), height=5, width=4, pad_to_aspect_ratio=True, fill_value=0.5),
    _layer("Resizing", (8, 3, 1), height=4, width=5, pad_to_aspect_ratio=True),
    _layer("CenterCrop", (6, 5, 2), height=3, width=2),
    _layer("CenterCrop", (6, 5, 2), height=6, width=5),
    _layer("CenterCrop", (6, 3, 2), height=4, width=5),
    _layer("ZeroPadding1D", (3, 2)),
    _layer("ZeroPadding1D", (3, 2), padding=[0, 2]),
    _layer("ZeroPadding3D", (3, 4, 1, 2)),
    _layer("ZeroPadding3D", (3, 4, 1, 2), padding=[1, 0, 2]),
    _layer("ZeroPadding3D", (3, 4, 1, 2), padding=[[1, 0], [0, 0], [3, 2]]),
    _layer("ZeroPadding2D", (3, 4, 2)),
    _layer("ZeroPadding2D", (3, 4, 2), padding=2),
    _layer("ZeroPadding2D", (3, 4, 2), padding=[1, 2]),
    _layer("ZeroPadding2D", (3, 4, 2), padding=[[1, 0], [3, 2]]),
]

CONVOLUTIONS = [
    _layer("Conv2D", (6, 7, 3), filters=4, kernel_size=3),
    _layer("Conv2D", (6, 7, 3), filters=4, kernel_size=[2, 3], padding="same", activation="relu"),
    _layer("Conv2D", (7, 6, 2), filters=3, kernel_size=3, strides=2, padding="same"),
    _layer("Conv2D", (7, 8, 2), filters=3, kernel_size=[3, 2], strides=[2, 3], use_bias=False),
    _layer("Conv2D", (9, 8, 2), filters=3, kernel_size=[3, 2], dilation_rate=[2, 3]),
    _layer("Conv2D", (7, 6, 1), filters=3, kernel_size=4, dilation_rate=2, padding="same"),
    _layer("Conv2D", (5, 6, 4), filters=6, kernel_size=3, groups=2, padding="same"),
    _layer("Conv2D", (5, 6, 3), filters=3, kernel_size=2, groups=3, strides=2),
    _layer("Conv2D", (4, 5, 3), filters=2, kernel_size=1, activity_regularizer=L1L2),
    _layer("Conv1D", (8, 3), filters=4, kernel_size=3),
    _layer("Conv1D", (8, 3), filters=4, kernel_size=3, padding="same", strides=2, activation="tanh"),
    _layer("Conv1D", (8, 3), filters=4, kernel_size=3, padding="causal", dilation_rate=2),
    _layer("Conv1D", (9, 2), filters=4, kernel_size=2, padding="causal", strides=3),
    _layer("Conv1D", (8, 4), filters=6, kernel_size=[3], groups=2, use_bias=False),
    _layer("Conv1D", (8, 3), filters=4, kernel_size=2, padding="same", activity_regularizer="l2"),
    _layer("Conv2DTranspose", (3, 4, 2), filters=3, kernel_size=3),
    _layer("Conv2DTranspose", (3, 4, 2), filters=3, kernel_size=[2, 3], strides=[3, 2], activation="tanh"),
    _layer("Conv2DTranspose", (4, 3, 2), filters=3, kernel_size=3, strides=2, padding="same"),
    _layer("Conv2DTranspose", (4, 3, 2), filters=2, kernel_size=[1, 4], strides=[2, 3], padding="same"),
    _layer(
        "Conv2DTranspose",
        (4, 3, 2),
        filters=2,
        kernel_size=3,
        strides=3,
        padding="same",
        output_padding=[0, 2],
    ),
    _layer("Conv2DTranspose", (3, 4, 2), filters=2, kernel_size=[3, 2], strides=2, output_padding=1),
    _layer("Conv2DTranspose", (4, 3, 2), filters=2, kernel_size=2, dilation_rate=[2, 3], use_bias=False),
    _layer("Conv1DTranspose", (5, 2), filters=3, kernel_size=3, activation="tanh"),
    _layer("Conv1DTranspose", (5, 2), filters=3, kernel_size=[4], strides=3, padding="same", use_bias=False),
    _layer("Conv1DTranspose", (4, 3), filters=2, kernel_size=2, strides=3, output_padding=[2]),
    _layer("Conv1DTranspose", (5, 2), filters=2, kernel_size=3, dilation_rate=2, padding="same"),
    _layer("Conv3DTranspose", (2, 3, 4, 2), filters=3, kernel_size=[2, 3, 2]),
    _layer("Conv3DTranspose", (3, 2, 2, 2), filters=2, kernel_size=3, strides=[1, 2, 3], padding="same"),
    _layer("Conv3DTranspose", (2, 3, 2, 2), filters=2, kernel_size=2, strides=2, output_padding=[0, 1, 0]),
    _layer("Conv3DTranspose", (2, 3, 2, 2), filters=2, kernel_size=2, dilation_rate=[1, 2, 3]),
    _layer("DepthwiseConv1D", (7, 3), kernel_size=3, activation="relu"),
    _layer("DepthwiseConv1D", (8, 2), kernel_size=[2], strides=3, padding="same", depth_multiplier=3),
    _layer("DepthwiseConv1D", (9, 2), kernel_size=3, strides=2, dilation_rate=2, use_bias=False),
    _layer("DepthwiseConv2D", (5, 6, 3), kernel_size=[2, 3], activity_regularizer=L1L2),
    _layer("DepthwiseConv2D", (6, 7, 2), kernel_size=3, strides=2, padding="same", depth_multiplier=2),
    _layer("DepthwiseConv2D", (7, 6, 2), kernel_size=2, dilation_rate=[2, 3], use_bias=False),
    _layer("SeparableConv1D", (7, 3), filters=4, kernel_size=3, activation="tanh"),
    _layer(
        "SeparableConv1D", (8, 2), filters=3, kernel_size=2, strides=3, padding="same", depth_multiplier=2
    ),
    _layer("SeparableConv1D", (9, 2), filters=3, kernel_size=2, dilation_rate=3, use_bias=False),
    _layer("SeparableConv2D", (5, 6, 3), filters=4, kernel_size=[2, 3], activation="relu"),
    _layer(
        "SeparableConv2D", (5, 6, 2), filters=3, kernel_size=3, padding="same", strides=2, depth_multiplier=3
    ),
    _layer("SeparableConv2D", (7, 6, 2), filters=3, kernel_size=2, dilation_rate=[2, 3], use_bias=False),
    _layer("Conv3D", (4, 5, 6, 3), filters=2, kernel_size=[2, 3, 2], activation="tanh"),
    _layer("Conv3D", (3, 4, 5, 2), filters=4, kernel_size=2, padding="same", groups=2, strides=[1, 2, 1]),
]

POOLINGS = [
    _layer("MaxPooling1D", (7, 3)),
    _layer("MaxPooling1D", (8, 2), pool_size=[3], strides=2, padding="same"),
    _layer("AveragePooling1D", (7, 3), pool_size=2),
    _layer("AveragePooling1D", (8, 2), pool_size=3, strides=[2], padding="same"),
    _layer("MaxPooling3D", (4, 5, 6, 2)),
    _layer("MaxPooling3D", (3, 4, 5, 2), pool_size=[2, 1, 3], strides=[1, 2, 2], padding="same"),
    _layer("AveragePooling3D", (4, 5, 6, 2), pool_size=2),
    _layer("AveragePooling3D", (3, 4, 5, 2), pool_size=[2, 1, 3], strides=[1, 2, 2], padding="same"),
    _layer("GlobalAveragePooling1D", (5, 3)),
    _layer("GlobalAveragePooling1D", (5, 3), masks=[0], batch=2),
    _layer("GlobalAveragePooling1D", (7, 2), masks=[0], batch=2, keepdims=True),
    _layer("GlobalMaxPooling1D", (5, 3)),
    _layer("GlobalMaxPooling1D", (5, 3), keepdims=True),
    _layer("GlobalAveragePooling3D", (2, 3, 4, 5)),
    _layer("GlobalAveragePooling3D", (2, 3, 4, 5), keepdims=True),
    _layer("GlobalMaxPooling3D", (2, 3, 4, 5)),
    _layer("GlobalMaxPooling3D", (2, 3, 4, 5), keepdims=True),
    _layer("AdaptiveAveragePooling1D", (7, 3), output_size=5),
    _layer("AdaptiveAveragePooling2D", (7, 6, 3), output_size=[3, 4]),
    _layer("AdaptiveAveragePooling3D", (3, 5, 7, 2), output_size=[2, 3, 4]),
    _layer("AdaptiveMaxPooling1D", (7, 3), output_size=[3]),
    _layer("AdaptiveMaxPooling2D", (6, 5, 3), output_size=[3, 4]),
    _layer("AdaptiveMaxPooling3D", (3, 5, 7, 2), output_size=2),
    _layer("MaxPooling2D", (6, 8, 3)),
    _layer("MaxPooling2D", (7, 6, 3), pool_size=[3, 2], strides=[2, 1]),
    _layer("MaxPooling2D", (7, 6, 3), pool_size=3, strides=2, padding="same"),
    _layer("AveragePooling2D", (6, 8, 3), pool_size=2),
    _layer("AveragePooling2D", (7, 6, 3), pool_size=[3, 2], strides=[2, 1]),
    _layer("AveragePooling2D", (7, 6, 3), pool_size=3, strides=2, padding="same"),
    _layer("GlobalAveragePooling2D", (3, 4, 5)),
    _layer("GlobalAveragePooling2D", (3, 4, 5), keepdims=True),
    _layer("GlobalMaxPooling2D", (3, 4, 5)),
    _layer("GlobalMaxPooling2D", (3, 4, 5), keepdims=True),
]

MERGES = [
    _layer("Add", (4, 3), (4, 3)),
    _layer("Add", (4, 3), (4, 3), (4, 3)),
    _layer("Add", (4, 3), (1, 3), (4, 1)),
    _layer("Add", (2, 4, 3), (3,)),
    _layer("Add", (4, 3), (4, 3), masks=[0, 1]),
    _layer("Add", (4, 3), (4, 3), masks=[1]),
    _layer("Add", (1, 3), (4, 3), masks=[0, 1]),
    _layer("Add", (4, 3), (1, 3), (4, 1), masks=[0, 1, 2]),
    _layer("Add", (1, 4, 3), (2, 4, 3), masks={0: 3, 1: 3}),
    _layer("Multiply", (4, 3), (1, 3), masks=[0, 1]),
    _layer("Subtract", (4, 3), (4, 3)),
    _layer("Subtract", (4, 3), (4, 1), masks=[0, 1]),
    _layer("Multiply", (4, 3), (4, 3)),
    _layer("Multiply", (4, 1), (4, 3), (1, 3)),
    _layer("Multiply", (4, 3), (4, 3), masks=[0, 1]),
    _layer("Multiply", (4, 3), (4, 3), masks=[0]),
    _layer("Minimum", (4, 3), (4, 3)),
    _layer("Minimum", (4, 3), (1, 3), (4, 1)),
    _layer("Minimum", (2, 4, 3), (3,)),
    _layer("Minimum", (4, 3), (4, 3), masks=[0]),
    _layer("Minimum", (4, 3), (4, 3), masks=[1]),
    _layer("Minimum", (4, 3), (1, 3), masks=[0, 1]),
    _layer("Minimum", (1, 3), (4, 3), (4, 1), masks=[0, 1, 2]),
    _layer("Minimum", (4, 3), (4, 3), (4, 3), masks=[0, 2]),
    _layer("Minimum", (1, 4, 3), (2, 4, 3), masks={0: 3, 1: 3}),
    _layer("Minimum", (2, 4, 3), (4, 3), masks=[1]),
    _layer("Multiply", (4, 3), (2, 4, 3), masks=[0]),
    _layer("Multiply", (4, 3), (2, 4, 3), masks={1: 3}),
    _layer("Maximum", (4, 3), (4, 3)),
    _layer("Maximum", (2, 4, 3), (3,)),
    _layer("Maximum", (4, 3), (1, 3), masks=[1]),
    _layer("Maximum", (1, 3), (4, 3), (4, 1), masks=[0, 1, 2]),
    _layer("Average", (4, 3), (4, 3), (1, 3)),
    _layer("Average", (4, 3), (4, 3), masks=[0, 1]),
    _layer("Dot", (5,), (5,), axes=1),
    _layer("Dot", (5,), (5,), axes=-1, normalize=True),
    _layer("Dot", (4, 3), (2, 4), axes=[1, 2], masks=[0, 1]),
    _layer("Dot", (4, 3), (3,), axes=[2, 1], normalize=True),
    _layer("Dot", (2,), (4, 2, 3), axes=[1, 2]),
    _layer("Dot", (4, 2, 3), (5, 2), axes=[-2, -1], normalize=True),
    _layer("Concatenate", (4, 3), (4, 2)),
    _layer("Concatenate", (2, 3), (5, 3), (1, 3), axis=1),
    _layer("Concatenate", (2, 3, 4), (2, 5, 4), axis=-2),
    _layer("Concatenate", (4, 3), (4, 2), masks=[0, 1]),
    _layer("Concatenate", (4, 3), (4, 2), masks=[1]),
    _layer("Concatenate", (4, 3), (5, 3), axis=1, masks=[0, 1]),
    _layer("Concatenate", (4, 3), (5, 3), axis=1, masks=[0]),
    _layer("Concatenate", (2, 4, 3), (2, 5, 3), axis=2, masks={0: 3, 1: 3}),
    _layer("Concatenate", (2, 4, 3), (1, 4, 3), axis=1, masks={1: 3}),
    _layer("Concatenate", (2, 4, 3), (2, 4, 1), masks={0: 3, 1: 3}),
]

NORMALIZATIONS = [
    _layer("BatchNormalization", (5,)),
    _layer("BatchNormalization", (5,), training=True),
    _layer("BatchNormalization", (4, 3, 2), training=True, momentum=0.8, epsilon=0.1),
    _layer("BatchNormalization", (4, 3, 2), training=True, axis=1),
    _layer("BatchNormalization", (4, 3, 2), axis=2),
    _layer("BatchNormalization", (4, 3), training=True, center=False),
    _layer("BatchNormalization", (4, 3), training=True, scale=False),
    _layer("BatchNormalization", (4, 3), center=False, scale=False),
    _layer("BatchNormalization", (4, 3), center=False, scale=False, training=True),
    _layer("BatchNormalization", (4, 3), training=True, masks=[0]),
    _layer("BatchNormalization", (2, 4, 3), training=True, masks={0: 3}),
    _layer("BatchNormalization", (4, 3), masks=[0]),
    _layer("BatchNormalization", (4, 3), training=True, gradients=False, renorm=True),
    _layer(
        "BatchNormalization",
        (4, 3),
        training=True,
        gradients=False,
        renorm=True,
        renorm_clipping={"rmin": 0.9, "rmax": 1.1, "dmax": 0.2},
        renorm_momentum=0.7,
        momentum=0.6,
        epsilon=0.1,
        masks=[0],
    ),
    _layer("BatchNormalization", (4, 3), training=True, gradients=False, renorm=True, scale=False, axis=1),
    _layer("BatchNormalization", (4, 3), training=True, gradients=False, renorm=True, center=False),
    _layer("BatchNormalization", (4, 3), renorm=True),
    _layer("LayerNormalization", (5,)),
    _layer("LayerNormalization", (4, 5), epsilon=0.1, masks=[0]),
    _layer("LayerNormalization", (4, 3, 2), axis=1),
    _layer("LayerNormalization", (4, 3, 2), axis=[-2, -1]),
    _layer("LayerNormalization", (4, 3, 2), axis=[1, 3]),
    _layer("LayerNormalization", (4, 3, 2), axis=[1, 2], center=False),
    _layer("LayerNormalization", (4, 3), scale=False),
    _layer("LayerNormalization", (4, 3), scale=False, center=False),
    _layer("UnitNormalization", (5,)),
    _layer("UnitNormalization", (4, 3), axis=1, masks=[0]),
    _layer("UnitNormalization", (2, 4, 3), axis=[3, -3]),
    _layer("RMSNormalization", (5,)),
    _layer("RMSNormalization", (2, 4, 3), axis=-1, epsilon=0.1),
    _layer("RMSNormalization", (2, 4, 3), axis=[2, 3]),
    _layer("GroupNormalization", (4, 6), groups=3),
    _layer("GroupNormalization", (4, 2, 6), groups=2, epsilon=0.1, masks=[0]),
    _layer("GroupNormalization", (6, 3, 2), groups=2, axis=1, center=False),
    _layer("GroupNormalization", (3, 4, 2), groups=2, axis=-2, scale=False),
    _layer("GroupNormalization", (4, 3), groups=-1),
    _layer("GroupNormalization", (6,), groups=3),
]

EMBEDDINGS = [
    _layer("Embedding", (6,), input_dim=9, output_dim=4, integers=9),
    _layer("Embedding", (6,), input_dim=5, output_dim=3, mask_zero=True, integers=3),
    _layer("Embedding", (), input_dim=5, output_dim=3, integers=5),
    _layer("Embedding", (2, 3), input_dim=5, output_dim=1, integers=5),
    _layer("ReversibleEmbedding", (6,), input_dim=5, output_dim=3, mask_zero=True, integers=3),
    _layer("ReversibleEmbedding", (4, 3), input_dim=5, output_dim=3, reverse=True),
    _layer("ReversibleEmbedding", (3,), input_dim=5, output_dim=3, reverse=True, tie_weights=False),
    _layer("ReversibleEmbedding", (4, 3), input_dim=5, output_dim=3, reverse=True, logit_soft_cap=0.7),
    _layer("ReversibleEmbedding", (), input_dim=5, output_dim=3, tie_weights=False, integers=5),
]


def _recurrent(type: str, states: int) -> list[Case]:
    x = (5, 3)
    initial = [(4,)] * states
    gated = {"recurrent_activation": "hard_sigmoid"} if type != "SimpleRNN" else {}
    return [
        _layer(type, x, units=4),
        _layer(type, x, units=4, return_sequences=True, return_state=True, go_backwards=True),
        _layer(type, x, *initial, units=4, return_state=True),
        _layer(type, x, units=4, masks=[0], return_sequences=True, return_state=True),
        _layer(type, x, units=4, masks=[0], return_sequences=True, zero_output_for_mask=True),
        _layer(type, x, *initial, units=4, masks=[0], go_backwards=True, return_sequences=True),
        _layer(type, x, units=4, activation="relu", use_bias=False, **gated),
    ]


def _attention(*shapes: tuple[int, ...], **fields: Any) -> Case:
    return _layer("MultiHeadAttention", *shapes, **{"num_heads": 2, "key_dim": 3, **fields})


MASKED = {"names": ["query", "value", "attention_mask"]}

ATTENTIONS = [
    _attention((4, 5), (6, 2)),
    # Keras's fused kernel for jax, which a dropout switches off, wants value_dim to be key_dim.
    _attention((4, 5), (6, 2), (6, 7), value_dim=4, use_bias=False, dropout=0.1),
    _attention((1, 1), (1, 1), num_heads=1, key_dim=1),
    _attention((4, 5), (6, 2), output_shape=7, activity_regularizer=L1L2, use_gate=True),
    _attention((4, 5), (6, 2), output_shape=[2, 3], use_gate=True, value_dim=2, dropout=0.1),
    *(_attention((4, 5), (6, 2), masks=masks) for masks in ([0], [1], [0, 1])),
    *(_attention((4, 5), (6, 2), (6, 3), masks=masks) for masks in ([2], [1, 2], [0, 1, 2])),
    _attention((4, 5), (6, 2), masks=[0, 1], dropout=0.3),
    _attention((4, 5), (6, 2), masks=[0, 1], return_attention_scores=True),
    _attention((4, 5), (6, 2), use_causal_mask=True),
    _attention((6, 5), (4, 2), use_causal_mask=True, dropout=0.1),
    _attention((4, 5), (6, 2), use_causal_mask=True, masks=[0, 1]),
    _attention((5, 3), (5, 3), sliding_window=2),
    _attention((5, 3), (7, 3), sliding_window=3, use_causal_mask=True, masks=[1]),
    *(_attention((4, 5), (6, 2), mask, **MASKED) for mask in ((4, 6), (1, 6), (4, 1), (2, 4, 6), (1, 4, 6))),
    _attention((4, 5), (6, 2), (4, 6), **MASKED, masks=[0, 1], use_causal_mask=True),
    _attention((4, 5), (6, 2), (4, 6), (6, 3), names=["query", "value", "attention_mask", "key"], masks=[3]),
    _attention((2, 4, 5), (2, 6, 3), attention_axes=2, return_attention_scores=True),
    _attention((2, 4, 5), (2, 6, 3), attention_axes=-2, masks={0: 3, 1: 3}),
    _attention((2, 4, 5), (2, 6, 3), (4, 6), **MASKED, attention_axes=[2]),
    _attention((2, 4, 5), (2, 6, 3), (2, 4, 6), **MASKED, attention_axes=[2]),
    _attention((4, 2, 5), (6, 2, 3), attention_axes=1, return_attention_scores=True),
    _attention((2, 4, 5), (3, 2, 3), return_attention_scores=True),
    _attention((2, 4, 5), (3, 2, 3), (2, 4, 3, 2), **MASKED),
    _attention((4, 2, 3, 5), (6, 2, 2, 3), attention_axes=[1, 3], return_attention_scores=True),
]


_grouped = partial(_layer, "GroupQueryAttention", head_dim=3, num_query_heads=4)

ATTENTIONS += [
    _grouped((4, 5), (6, 5), num_key_value_heads=2),
    _grouped((4, 5), (6, 5), (4, 6), num_key_value_heads=2, **MASKED),
    _grouped((4, 5), (6, 5), (6, 2), num_key_value_heads=1, use_bias=False, dropout=0.1, masks=[0, 1]),
    _grouped((4, 5), (6, 5), num_key_value_heads=4, use_gate=True, masks=[1], use_causal_mask=True),
    _grouped((4, 5), (6, 5), num_key_value_heads=2, masks=[0, 1], return_attention_scores=True),
    _grouped((5, 3), (7, 3), num_key_value_heads=2, sliding_window=2, activity_regularizer=L1L2),
]

# Where no value is seen, Keras's 1e9 swallows the scores, and not their gradients.
SWALLOWED = {"gradients": False}

ATTENTIONS += [
    *(_layer("Attention", (4, 3), (5, 3), masks=masks) for masks in ([], [0])),
    _layer("Attention", (4, 3), (5, 3), masks=[1], **SWALLOWED),
    _layer("Attention", (4, 3), (5, 2), (5, 3), use_scale=True, use_causal_mask=True),
    _layer("Attention", (4, 3), (5, 2), (5, 3), masks=[0, 1, 2], **SWALLOWED, return_attention_scores=True),
    _layer("Attention", (5, 3), (4, 3), use_causal_mask=True, masks=[0, 1], **SWALLOWED, dropout=0.3),
    _layer("Attention", (4, 3), (5, 3), score_mode="concat", masks=[1], **SWALLOWED),
    _layer("Attention", (4, 3), (5, 2), (5, 3), score_mode="concat", use_scale=True),
    _layer("AdditiveAttention", (4, 3), (5, 3)),
    _layer(
        "AdditiveAttention", (4, 3), (5, 2), (5, 3), masks=[0, 1], **SWALLOWED, return_attention_scores=True
    ),
    _layer("AdditiveAttention", (4, 3), (5, 3), use_scale=False, use_causal_mask=True, dropout=0.2),
]


def _more_recurrent(type: str) -> list[Case]:
    """More for finite differences; Keras takes a second to compile each."""
    x = (5, 3)
    return [
        _layer(type, x, units=4, return_sequences=True, seed=3),
        _layer(type, x, units=1, return_state=True, unroll=True),
        _layer(type, x, units=4, go_backwards=True, use_bias=False),
        _layer(type, x, units=4, masks=[0], zero_output_for_mask=True, return_state=True),
        _layer(type, x, units=4, dropout=0.4, recurrent_dropout=0.3),
        _layer(type, x, units=4, activity_regularizer=L1L2, return_state=True),
        _layer(type, (1, 1), units=2),
    ]


# With these, steps are composed of ops.
_OTHER_STEPS = [
    _layer("SimpleRNN", (5, 3), (4,), units=4, activation="softsign", masks=[0], return_sequences=True),
    _layer(
        "LSTM", (4, 3), units=3, activation="gelu", recurrent_activation={"type": "elu", "alpha": 0.7},
        masks=[0], return_state=True,
    ),
    _layer("GRU", (4, 3), units=3, activation="softmax", recurrent_activation="hard_silu", go_backwards=True),
    _layer("GRU", (4, 3), units=3, activation="softplus", reset_after=False, use_bias=False),
]  # fmt: skip

RECURRENT = [
    *_recurrent("SimpleRNN", 1),
    *_recurrent("LSTM", 2),
    *_recurrent("GRU", 1),
    _layer("GRU", (5, 3), units=4, reset_after=False),
    _layer("GRU", (5, 3), units=4, reset_after=False, masks=[0], return_sequences=True),
    _layer("GRU", (5, 3), units=4, reset_after=False, use_bias=False, go_backwards=True),
    _layer("LSTM", (5, 3), units=4, unit_forget_bias=False),
    *_OTHER_STEPS,
    # Keras's SimpleRNN takes an activity_regularizer and forgets it.
    _layer("LSTM", (5, 3), units=4, activity_regularizer=L1L2, return_sequences=True),
    _layer("GRU", (5, 3), units=4, activity_regularizer=L1L2, return_state=True),
]

_KEPT = {"type": "LSTM", "units": 3, "return_sequences": True, "return_state": True}
_BACK = {"type": "GRU", "units": 4, "go_backwards": True, "return_sequences": True}

BIDIRECTIONAL = [
    _layer("Bidirectional", (5, 3), layer={"type": "SimpleRNN", "units": 4}),
    _layer("Bidirectional", (5, 3), layer={"type": "SimpleRNN", "units": 4}, masks=[0]),
    _layer("Bidirectional", (5, 3), layer=_KEPT, masks=[0]),
    _layer("Bidirectional", (5, 3), *[(3,)] * 4, layer=_KEPT, masks=[0], merge_mode="ave"),
    _layer("Bidirectional", (5, 3), layer=_KEPT, masks=[0], merge_mode=None),
    _layer("Bidirectional", (5, 3), (4,), (4,), layer={"type": "GRU", "units": 4}, merge_mode="mul"),
    _layer(
        "Bidirectional",
        (5, 3),
        layer={"type": "SimpleRNN", "units": 4, "return_sequences": True, "activation": "relu"},
        backward_layer=_BACK,
        merge_mode="sum",
        masks=[0],
    ),
]

# In inference, where they change nothing; tests/layers/augmentation_cases.py has what they do in training.
AUGMENTATIONS = [
    _layer("RandomFlip", (4, 5, 3)),
    _layer("RandomFlip", (4, 5, 2), mode="vertical", seed=3),
    _layer("RandomTranslation", (4, 5, 3), height_factor=0.3, width_factor=[-0.2, 0.4]),
    _layer("RandomRotation", (4, 5, 3), factor=0.2, fill_mode="constant", fill_value=2),
    _layer("RandomZoom", (4, 5, 3), height_factor=0.3, interpolation="nearest"),
    _layer("RandomShear", (4, 5, 3), x_factor=0.3, y_factor=[0.1, 0.2]),
    _layer("RandomBrightness", (4, 5, 3), factor=[-0.2, 0.1]),
    _layer("RandomInvert", (4, 5, 3)),
    _layer("RandomContrast", (4, 5, 3), factor=0.2, value_range=[-1, 1]),
    _layer("RandomPosterization", (4, 5, 3), factor=[2, 5]),
    _layer("Solarization", (4, 5, 3), addition_factor=[0.1, 0.3], threshold_factor=0.2),
    _layer("RandomGrayscale", (4, 5, 3)),
    _layer("RandomGrayscale", (4, 5, 1), factor=1.0),
    _layer("RandomColorDegeneration", (4, 5, 3), factor=0.3),
    _layer("RandomSaturation", (4, 5, 3), factor=[0.5, 0.7]),
    _layer("RandomHue", (4, 5, 3), factor=0.3),
    _layer("RandomPerspective", (4, 5, 3), factor=0.3, scale=0.5, fill_value=2, interpolation="nearest"),
    _layer("RandomErasing", (4, 5, 3), factor=0.3, scale=[0.1, 0.2], fill_value=0.5),
    _layer("RandomErasing", (4, 5, 3), fill_value=[0.5, 1, 2]),
    _layer("RandomSharpness", (4, 5, 3), factor=0.3, value_range=[-1, 1]),
    _layer("RandomGaussianBlur", (4, 5, 3), factor=0.3, kernel_size=[5, 3], sigma=[0.1, 0.2]),
    _layer("RandomColorJitter", (4, 5, 3), brightness_factor=0.2, contrast_factor=0.3, hue_factor=[0.1, 0.2]),
    _layer("RandomElasticTransform", (4, 5, 3), factor=[0.1, 0.5], scale=0.3, fill_mode="mirror"),
    _layer("RandAugment", (4, 5, 3), num_ops=3, factor=0.2, interpolation="nearest"),
    _layer("AugMix", (4, 5, 3), num_chains=2, chain_depth=1, factor=[0.1, 0.2], alpha=0.5, all_ops=False),
    _layer("MixUp", (4, 5, 3), alpha=1.5),
    _layer("CutMix", (4, 5, 3), factor=[0.2, 0.7]),
    _layer("AutoContrast", (4, 5, 3)),
    _layer("AutoContrast", (1, 1, 2), value_range=[-1, 2]),
    _layer("AutoContrast", (7, 3, 1), value_range=[-3, 3]),
    _layer("ContrastLimitedAdaptiveHistogramEqualization", (9, 11, 2), value_range=[-3, 3]),
    _layer(
        "ContrastLimitedAdaptiveHistogramEqualization",
        (9, 11, 2),
        value_range=[-3, 3],
        tile_grid_size=[3, 2],
        clip_limit=20.5,
    ),
    _layer("ContrastLimitedAdaptiveHistogramEqualization", (8, 6, 1), tile_grid_size=[2, 3], clip_limit=0.0),
]

# Refused by exports for Keras.
NOT_EXPORTED = [
    _layer("RandomCrop", (4, 5, 3), height=4, width=5),
    _layer("Equalization", (4, 5, 3), bins=10),
    _layer("MelSpectrogram", (40,), fft_length=16, sequence_stride=4, num_mel_bins=5, top_db=300.0),
    _layer(
        "MelSpectrogram", (21,), fft_length=16, sequence_stride=5, sequence_length=11, window="hamming",
        sampling_rate=8000, num_mel_bins=3, min_freq=100.0, max_freq=3000.0, mag_exp=1.0, power_to_db=False,
    ),
    _layer(
        "MelSpectrogram", (22,), fft_length=9, sequence_stride=4, window=None, num_mel_bins=2, mag_exp=3.0,
        min_power=0.5, ref_power=2.0,
    ),
]  # fmt: skip


def _each(*shape: int, layer: Any, **options: Any) -> Case:
    return _layer("TimeDistributed", shape, layer=layer, **options)


def _chain(*layers: Any) -> dict[str, Any]:
    return {"type": "Sequential", "layers": list(layers)}


TIME_DISTRIBUTED = [
    _each(4, 5, layer={"type": "Dense", "units": 3, "activation": "softmax"}, masks=[0]),
    _each(3, 6, 2, layer={"type": "Conv1D", "filters": 3, "kernel_size": 2, "strides": 2}),
    _each(3, 5, 2, layer={"type": "GRU", "units": 4, "return_sequences": True}),
    _each(4, 3, layer={"type": "BatchNormalization"}, training=True),
    _each(
        5, 3, layer={"type": "BatchNormalization", "momentum": 0.7, "epsilon": 0.1}, training=True, masks=[0]
    ),
    _each(4, 3, layer={"type": "BatchNormalization"}, masks=[0]),
    _each(2, 4, 3, layer={"type": "TimeDistributed", "layer": {"type": "Dense", "units": 2}}, masks={0: 3}),
    _each(
        3, 6, 5, 2,
        layer=_chain(
            {"type": "Conv2D", "filters": 3, "kernel_size": 2, "activation": "relu"},
            "BatchNormalization", {"type": "MaxPooling2D", "pool_size": 2}, "Flatten",
            {"type": "Dense", "units": 4, "kernel_regularizer": L1L2, "activity_regularizer": L1L2},
        ),
        training=True,
    ),
    _each(
        4, 3, training=True, masks=[0],
        layer=_chain({"type": "Dense", "units": 2}, {"type": "BatchNormalization", "epsilon": 0.1}),
    ),
    _each(
        3, 5, 2, masks={0: 3},
        layer=_chain({"type": "GRU", "units": 3, "return_sequences": True}, {"type": "Dense", "units": 2}),
    ),
    _each(
        3, 5, integers=4,
        layer=_chain(
            {"type": "Embedding", "input_dim": 4, "output_dim": 3, "mask_zero": True},
            {"type": "Bidirectional", "layer": {"type": "LSTM", "units": 2}},
            _chain("Softmax"),
        ),
    ),
    _each(
        3, 4, training=True,
        layer={
            "type": "Functional",
            "layers": [
                {"type": "Input", "name": "x", "shape": [4]},
                {"type": "BatchNormalization", "name": "norm", "momentum": 0.6},
                {"type": "Dense", "name": "hidden", "units": 4, "activation": "tanh"},
                {"use": "norm", "name": "again"},
                {"type": "Add", "name": "sum", "inputs": ["x", "again"]},
            ],
        },
    ),
]  # fmt: skip


def _spectral(*shape: int, layer: Any, **options: Any) -> Case:
    # In training it takes the kernel that it has divided as given.
    given = {} if options.get("training") is None else {"gradients": False}
    return _layer("SpectralNormalization", shape, layer=layer, **given, **options)


SPECTRAL = [
    _spectral(5, layer={"type": "Dense", "units": 3, "kernel_regularizer": L1L2}, training=True),
    _spectral(
        4, 5, layer={"type": "Dense", "units": 3, "activation": "tanh"}, power_iterations=3, training=True,
        masks=[0],
    ),
    _spectral(
        4, 5, 2, layer={"type": "Conv2D", "filters": 3, "kernel_size": 2}, power_iterations=2, training=True
    ),
    _spectral(4, 5, layer={"type": "Dense", "units": 2}, masks=[0]),
    _spectral(
        6, 4, layer={"type": "Conv1D", "filters": 2, "kernel_size": 3, "padding": "same"}, training=True,
        masks=[0],
    ),
]  # fmt: skip


def _cell(type: str, units: int, **fields: Any) -> dict[str, Any]:
    return {"type": type, "units": units, **fields}


_TWO_CELLS = [_cell("LSTMCell", 4), _cell("GRUCell", 3)]
_STACK = {"type": "StackedRNNCells", "cells": _TWO_CELLS}

CELLS = [
    _layer("SimpleRNNCell", (3,), (4,), units=4, activation="relu"),
    _layer("SimpleRNNCell", (3,), (2,), units=2, use_bias=False),
    _layer("LSTMCell", (3,), (4,), (4,), units=4, recurrent_activation="hard_sigmoid"),
    _layer("LSTMCell", (3,), (2,), (2,), units=2, use_bias=False),
    _layer("LSTMCell", (3,), (2,), (2,), units=2, activation={"type": "relu", "negative_slope": 0.2}),
    _layer("GRUCell", (3,), (4,), units=4),
    _layer("GRUCell", (3,), (4,), units=4, reset_after=False),
    _layer("StackedRNNCells", (3,), (4,), (4,), (3,), cells=_TWO_CELLS),
    _layer("RNN", (5, 3), cell=_cell("LSTMCell", 4), masks=[0], return_sequences=True, return_state=True),
    _layer("RNN", (5, 3), (4,), cell=_cell("SimpleRNNCell", 4), go_backwards=True),
    _layer("RNN", (5, 3), cell=_cell("GRUCell", 4), masks=[0], activity_regularizer=L1L2),
    _layer("RNN", (5, 3), cell=_TWO_CELLS, return_state=True, return_sequences=True, go_backwards=True),
    _layer("RNN", (5, 3), cell=_TWO_CELLS, masks=[0], return_state=True, go_backwards=True),
    _layer(
        "RNN",
        (5, 3),
        (4,),
        (4,),
        (3,),
        cell=_STACK,
        return_state=True,
    ),
    _layer("RNN", (5, 3), cell=_TWO_CELLS, masks=[0], zero_output_for_mask=True, return_sequences=True),
    _layer("Bidirectional", (5, 3), layer={"type": "RNN", "cell": _cell("GRUCell", 4)}),
]


def _conv_lstm(*shapes: tuple[int, ...], **fields: Any) -> Case:
    axes = len(shapes[0]) - 2
    return _layer(f"ConvLSTM{axes}D", *shapes, **{"filters": 2, "kernel_size": 2, **fields})


CONV_LSTMS = [
    _conv_lstm((3, 5, 2), padding="same", return_sequences=True, return_state=True, go_backwards=True),
    _conv_lstm((3, 6, 2), (3, 2), (3, 2), strides=2, recurrent_activation="hard_sigmoid"),
    # Without `unroll` Keras compares a mask with the wrong axes of a step.
    _conv_lstm((4, 5, 1), masks=[0], unroll=True, return_sequences=True, use_bias=False),
    _conv_lstm((2, 4, 5, 2), kernel_size=[3, 2], dilation_rate=[1, 2], activation="relu"),
    _conv_lstm((3, 4, 3, 1), masks=[0], unroll=True, return_state=True, activity_regularizer=L1L2),
    _conv_lstm((2, 3, 4, 3, 1), padding="same", masks=[0], unroll=True),
]

FAMILIES: dict[str, list[Case]] = {
    "categories": CATEGORIES,
    "signals": SIGNALS,
    "dense": DENSE,
    "einsums": EINSUMS,
    "elementwise": ELEMENTWISE,
    "shapes": SHAPES,
    "convolutions": CONVOLUTIONS,
    "poolings": POOLINGS,
    "merges": MERGES,
    "normalizations": NORMALIZATIONS,
    "embeddings": EMBEDDINGS,
    "recurrent": RECURRENT,
    "attentions": ATTENTIONS,
    "bidirectional": BIDIRECTIONAL,
    "augmentations": AUGMENTATIONS,
    "time_distributed": TIME_DISTRIBUTED,
    "spectral": SPECTRAL,
    "cells": CELLS,
    "conv_lstms": CONV_LSTMS,
}

CASES: list[Case] = [case for family in FAMILIES.values() for case in family] + NOT_EXPORTED

MORE = [case for cell in ("SimpleRNN", "LSTM", "GRU") for case in _more_recurrent(cell)]
MORE += [_attention((4, 5), (6, 2), dropout=0.4, training=True, masks=[1])]
MORE += [_layer("Attention", (4, 3), (5, 3), dropout=0.4, training=True, masks=[0])]
# What is drawn differs from Keras's draws; finite differences see the gradient.
MORE += [
    _layer("RandomFlip", (2, 3, 2), training=True),
    *(
        _layer("RandomRotation", (4, 3, 2), factor=0.4, fill_mode=mode, training=True)
        for mode in ("reflect", "wrap", "constant", "nearest")
    ),
    _layer("RandomRotation", (4, 3, 2), factor=0.4, interpolation="nearest", training=True),
    _layer("RandomBrightness", (4, 3, 2), factor=0.5, value_range=[-1, 1], training=True),
    _layer("RandomInvert", (4, 3, 2), value_range=[-1, 1], training=True),
    _layer("RandomContrast", (4, 3, 2), factor=0.5, value_range=[-1, 1], training=True),
    _layer("RandomCrop", (4, 3, 2), height=2, width=2, training=True),
    _layer("RandomCrop", (4, 3, 2), height=5, width=3, training=True),
    _layer("Solarization", (4, 3, 2), addition_factor=0.5, value_range=[-1, 1], training=True),
    _layer("RandomPerspective", (4, 3, 2), training=True),
    _layer("RandomErasing", (4, 3, 2), factor=[1, 1], scale=[0.2, 0.6], training=True),
    _layer("RandomSharpness", (4, 3, 2), factor=[0.2, 0.9], value_range=[-1, 1], training=True),
    _layer("RandomGaussianBlur", (4, 3, 2), factor=[0.7, 1], value_range=[-1, 1], training=True),
    _layer("RandomElasticTransform", (9, 5, 2), value_range=[-1, 1], training=True),
]
# Masks of unequal numbers of axes, which Keras aligns by their last ones.
MORE += [
    _layer("Add", (2, 4, 3), (2, 4, 3), masks={0: 3, 1: 2}),
    _layer("Multiply", (2, 4, 3), (2, 1, 3), masks={0: 2, 1: 3}),
    _layer("Minimum", (2, 4, 3), (2, 1, 3), masks={0: 2, 1: 3}),
    _layer("Concatenate", (2, 4, 3), (2, 5, 3), axis=2, masks={0: 3, 1: 2}),
    _layer("Concatenate", (2, 4, 3), (1, 4, 3), axis=1, masks={0: 2, 1: 3}),
    _layer("Concatenate", (2, 4, 3), (2, 4, 1), masks={0: 2, 1: 3}),
]
# Fewer places than windows, and a sequence of which no step counts, whose mean is NaN in Keras.
MORE += [
    _layer("AdaptiveMaxPooling1D", (2, 3), output_size=3),
    _layer("AdaptiveAveragePooling2D", (1, 2, 3), output_size=[2, 3]),
    _layer("GlobalAveragePooling1D", (5, 3), masks=[0]),
]
# A mask of the words in each sentence ends with them; what Keras does not count; one mask for a batch.
_SENTENCES = {"type": "LSTM", "units": 3}
_REGULARIZED = {"type": "Dense", "units": 3, "activity_regularizer": L1L2}
MORE += [
    _each(3, 5, 2, layer=_SENTENCES, masks={0: 3}),
    _each(3, 5, layer=_REGULARIZED),
    _conv_lstm((3, 4, 2), dropout=0.3, recurrent_dropout=0.4, training=True),
    _conv_lstm((3, 4, 2), (3, 2), (3, 2), masks=[0], zero_output_for_mask=True, return_sequences=True),
    _layer("RNN", (5, 3), cell=[_cell("LSTMCell", 4, dropout=0.3)] * 2, training=True),
    _each(3, 4, layer={"type": "Dropout", "rate": 0.4, "noise_shape": [1, 4]}, training=True),
]


def kind(case: Case) -> str:
    return str(case[0]["type"])


def everyday(cases: list[Case], most: int) -> list[Any]:
    """The cases as parameters: of each layer an even sample of `most`, the others marked slow."""
    return sampled(cases, kind, most)


BY_TENSORFLOW = {"Hashing", "HashedCrossing", "IntegerLookup"}
"""What Keras needs TensorFlow for on every backend: `test_hashing.py` has what it gave there."""


def uncovered() -> set[str]:
    """Layers without a case, and layers that take masks without a case that has one."""
    called = [cls for cls in layers.classes() if not cls.is_input and cls.nests is None]
    masking = {
        cls.__name__ for cls in called if cls.supports_masking and cls.index_count is Layer.index_count
    }
    masked = {config["type"] for config, _, options in CASES if options.get("masks")}
    missing = {cls.__name__ for cls in called} - {config["type"] for config, _, _ in CASES} - BY_TENSORFLOW
    return missing | {f"{name} with masks" for name in masking - masked}

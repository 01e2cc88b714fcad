"""Architectures that users bring, built in real Keras with random weights, at small sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

A, L = keras.applications, keras.layers

Build = Callable[[], Any]


def _application(name: str, size: int = 32, **more: Any) -> Build:
    def build() -> Any:
        return getattr(A, name)(weights=None, input_shape=(size, size, 3), classes=5, **more)

    return build


def _text(cell: str, **more: Any) -> Build:
    def build() -> Any:
        words = keras.Input((9,), dtype="int32", name="words")
        x = L.Embedding(20, 6, mask_zero=True)(words)
        x = L.Bidirectional(getattr(L, cell)(5, return_sequences=True, **more))(x)
        x = getattr(L, cell)(4, **more)(x)
        return keras.Model(words, L.Dense(3, activation="softmax")(x))

    return build


def _encoder() -> Any:
    words = keras.Input((7,), dtype="int32", name="words")
    positions = keras.Input((7,), dtype="int32", name="positions")
    x = L.Embedding(20, 8)(words) + L.Embedding(7, 8)(positions)
    for _ in range(2):
        y = L.MultiHeadAttention(2, 4)(x, x)
        x = L.LayerNormalization(epsilon=1e-6)(x + y)
        y = L.Dense(12, activation="gelu")(x)
        x = L.LayerNormalization()(x + L.Dense(8)(y))
    return keras.Model([words, positions], L.Dense(3)(L.GlobalAveragePooling1D()(x)))


def _seq2seq() -> Any:
    source, target = keras.Input((6, 3), name="source"), keras.Input((5, 2), name="target")
    _, h, c = L.LSTM(4, return_state=True)(source)
    decoded = L.LSTM(4, return_sequences=True)(target, initial_state=[h, c])
    return keras.Model([source, target], L.TimeDistributed(L.Dense(2, activation="softmax"))(decoded))


def _unet() -> Any:
    image = keras.Input((16, 16, 2))
    skips, x = [], image
    for filters in (4, 6):
        x = L.Conv2D(filters, 3, padding="same", activation="relu")(x)
        skips.append(x)
        x = L.MaxPooling2D()(x)
    x = L.Conv2D(8, 3, padding="same", activation="relu")(x)
    for filters, skip in zip((6, 4), reversed(skips), strict=True):
        x = L.Conv2DTranspose(filters, 2, strides=2)(x)
        x = L.Concatenate()([x, skip])
        x = L.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return keras.Model(image, L.Conv2D(1, 1, activation="sigmoid")(x))


def _autoencoder() -> Any:
    encoder = keras.Sequential([keras.Input((12,)), L.Dense(6, "relu"), L.Dense(3)], name="encoder")
    decoder = keras.Sequential([L.Dense(6, "relu"), L.Dense(12, "sigmoid")], name="decoder")
    return keras.Sequential([keras.Input((12,)), encoder, decoder])


def _siamese() -> Any:
    base_in = keras.Input((8, 8, 1))
    x = L.Flatten()(L.Conv2D(3, 3, activation="relu")(base_in))
    base = keras.Model(base_in, [L.Dense(4)(x), L.Dense(2)(x)], name="base")
    left, right = keras.Input((8, 8, 1), name="left"), keras.Input((8, 8, 1), name="right")
    (a, p), (b, q) = base(left), base(right)
    same = L.Dot(axes=1, normalize=True)([a, b])
    gap = L.Subtract()([p, q])
    return keras.Model([left, right], [same, L.Dense(1)(L.Concatenate()([same, gap]))])


def _nested() -> Any:
    inner_in = keras.Input((5,))
    shared = L.Dense(5, activation="tanh", name="shared")
    inner = keras.Model(inner_in, shared(shared(inner_in)) * 0.5, name="inner")
    outer_in = keras.Input((5,))
    outer = keras.Model(outer_in, [inner(outer_in), L.Dense(2)(inner(inner(outer_in)))], name="outer")
    x = keras.Input((5,), name="x")
    first, second = outer(x)
    steps = keras.Input((4, 5), name="steps")
    each = keras.Sequential([keras.Input((5,)), L.Dense(3, "relu"), L.Dense(2)], name="each")
    mapped = L.TimeDistributed(each)(steps)
    return keras.Model({"x": x, "steps": steps}, [first, second, L.GlobalMaxPooling1D()(mapped)])


def _tables() -> Any:
    numbers, group = keras.Input((4,), name="numbers"), keras.Input((1,), dtype="int32", name="group")
    wide = L.CategoryEncoding(6)(group)
    deep = L.Concatenate()([L.BatchNormalization()(numbers), L.Flatten()(L.Embedding(6, 3)(group))])
    deep = L.Dense(7, activation="selu", kernel_regularizer="l1l2")(deep)
    return keras.Model([numbers, group], [L.Dense(1, name="price")(deep), L.Dense(2, name="kind")(wide)])


ZOO: dict[str, Build] = {
    "VGG16": _application("VGG16"),
    "VGG19": _application("VGG19"),
    "ResNet50": _application("ResNet50"),
    "ResNet50V2": _application("ResNet50V2"),
    "DenseNet121": _application("DenseNet121"),
    "InceptionV3": _application("InceptionV3", 75),
    "InceptionResNetV2": _application("InceptionResNetV2", 75),
    "Xception": _application("Xception", 71),
    "MobileNet": _application("MobileNet", alpha=0.25),
    "MobileNetV2": _application("MobileNetV2", alpha=0.35),
    "MobileNetV3Small": _application("MobileNetV3Small", 64),
    "MobileNetV3Large": _application("MobileNetV3Large"),
    "EfficientNetB0": _application("EfficientNetB0"),
    "EfficientNetV2B0": _application("EfficientNetV2B0"),
    "ConvNeXtTiny": _application("ConvNeXtTiny"),
    "NASNetMobile": _application("NASNetMobile"),
    "text, LSTM": _text("LSTM"),
    "text, GRU": _text("GRU"),
    "text, GRU without reset_after": _text("GRU", reset_after=False),
    "text, SimpleRNN": _text("SimpleRNN", unroll=True),
    "transformer encoder": _encoder,
    "seq2seq": _seq2seq,
    "U-Net": _unet,
    "autoencoder": _autoencoder,
    "siamese": _siamese,
    "nested and shared": _nested,
    "tables": _tables,
}

"""Write models with Keras 2, tf.keras or Keras 3: `python keras_2.py FILE.tar.xz keras|tensorflow`.

Of each model `NAME.h5`, `NAME.keras` (from 2.12 on), `NAME.json`, `NAME.yaml` (where there is `to_yaml`),
`NAME.weights.h5` (its weights alone) and `NAME.npz`: what it was fed (`x0`, `x1` ...) and what it gave
(`y0`, `y1` ...).

`keras_2.2.4_tensorflow.tar.xz`: Python 3.6, tensorflow 1.13.2, h5py 2.10, numpy 1.16.
`tensorflow_2.7.4.tar.xz`: Python 3.8, protobuf 3.19. `tensorflow_2.15.1.tar.xz`: Python 3.10.
`keras_3.0.5_jax.tar.xz`: Python 3.11, jax 0.4.30, numpy 1.26, h5py 3.16.
`keras_3.15.1_tensorflow.tar.xz`: Python 3.11, tensorflow-cpu 2.21, numpy 2.4, h5py 3.14, with
`KERAS_BACKEND=tensorflow` and the names `lookups adapted` behind the arguments: only these are written.
"""

import os
import shutil
import sys
import tarfile
import tempfile

import numpy as np

if sys.argv[2] == "keras":
    import keras

    RELEASE = keras.__version__
else:
    import tensorflow as tf
    from tensorflow import keras

    RELEASE = tf.__version__
from_keras = vars(keras.layers)
globals().update({name: value for name, value in from_keras.items() if name[:1].isupper()})
backend = keras.backend
Model, Sequential = keras.models.Model, keras.models.Sequential
VERSION = tuple(int(part) for part in RELEASE.split(".")[:2] if part.isdigit())
NEW, TF = VERSION >= (3, 0), sys.argv[2] == "tensorflow"
MODELS = {}


def model(make):
    MODELS[make.__name__] = make
    return make


@model
def dense():
    m = Sequential()
    l1_l2 = getattr(keras.regularizers, "l1_l2", None)(0.01, 0.02)
    m.add(Dense(5, input_shape=(4,), activation="relu", kernel_regularizer=l1_l2))
    m.add(Dropout(0.3))
    m.add(BatchNormalization())
    m.add(
        Dense(6, use_bias=False, activation="hard_sigmoid", kernel_constraint=keras.constraints.max_norm(2))
    )
    m.add(PReLU())
    m.add(GaussianNoise(0.1))
    m.add(Dense(3, activation="softmax", kernel_initializer=keras.initializers.RandomNormal(stddev=0.1)))
    lr = {"learning_rate": 0.05} if NEW or TF or VERSION >= (2, 3) else {"lr": 0.05, "decay": 1e-3}
    m.compile(
        keras.optimizers.SGD(momentum=0.9, nesterov=True, **lr),
        "categorical_crossentropy",
        metrics=["accuracy"],
    )
    return m


@model
def activations():
    m = Sequential()
    m.add(Dense(5, input_shape=(4,)))
    m.add(LeakyReLU(0.2))
    m.add(Dense(5, activation="softsign"))
    if "ThresholdedReLU" in from_keras:
        m.add(ThresholdedReLU(0.1))
    m.add(Dense(5, activation="selu"))
    m.add(ELU(0.7))
    if VERSION >= (2, 2):
        m.add(ReLU(6.0))
        m.add(Softmax())
    m.add(Reshape((5, 1)))
    m.add(Permute((2, 1)))
    m.add(Flatten())
    m.add(RepeatVector(3))
    m.add(TimeDistributed(Dense(2, activation="elu")))
    m.compile("adagrad", "mse")
    return m


@model
def convolutions():
    m = Sequential()
    m.add(Conv2D(3, (3, 2), input_shape=(9, 8, 2), padding="same", activation="relu"))
    m.add(BatchNormalization(axis=-1 if not TF else [3], scale=False))
    m.add(MaxPooling2D((2, 2), padding="same"))
    m.add(ZeroPadding2D((1, 2)))
    m.add(Conv2D(4, (2, 3), strides=(2, 1), use_bias=False, kernel_initializer="he_uniform"))
    m.add(UpSampling2D((2, 2)))
    m.add(Conv2D(2, (2, 2), dilation_rate=(2, 1)))
    m.add(AveragePooling2D((1, 2)))
    m.add(Cropping2D(((0, 1), (1, 0))))
    m.add(Flatten())
    m.add(Dense(3, activation="sigmoid"))
    m.compile("adam", "binary_crossentropy")
    return m


@model
def channels_first():
    if TF:  # which has no such kernels for a CPU
        return None
    first = {"data_format": "channels_first"}
    a = Input((2, 9, 8))
    x = Conv2D(3, (3, 2), activation="relu", padding="same", **first)(a)
    x = BatchNormalization(axis=1)(x)
    y = MaxPooling2D((2, 2), **first)(x)
    shared = Conv2D(3, (3, 3), padding="same", **first)
    y = shared(LeakyReLU(0.1)(shared(y)))
    y = UpSampling2D((2, 2), **first)(y)
    x = Cropping2D(((0, 1), (0, 0)), **first)(x)
    x = Concatenate(axis=1)([x, y])
    x = ZeroPadding2D((1, 2), **first)(x)
    x = Conv2DTranspose(2, 2, strides=2, **first)(x)
    z = GlobalAveragePooling2D(**first)(x)
    x = AveragePooling2D((5, 4), **first)(x)
    told = first if VERSION >= (2, 2) else {}
    m = Model(a, [Dense(3, activation="softmax")(Flatten()(x)), Dense(2)(z), Flatten(**told)(x), x])
    m.compile("sgd", "mse")
    return m


@model
def separable():
    m = Sequential()
    m.add(SeparableConv2D(4, (3, 2), input_shape=(6, 5, 2), depth_multiplier=2))
    if "DepthwiseConv2D" in from_keras:
        m.add(DepthwiseConv2D((2, 2), depth_multiplier=2, padding="same"))
    m.add(Conv2DTranspose(3, (3, 3), strides=(2, 2)))
    m.add(SpatialDropout2D(0.2))
    m.add(GlobalMaxPooling2D())
    m.compile("sgd", "mse")
    return m


@model
def volumes():
    m = Sequential()
    m.add(Conv3D(2, (2, 3, 2), input_shape=(4, 5, 6, 2)))
    m.add(MaxPooling3D((1, 1, 2)))
    if "Conv3DTranspose" in from_keras:
        m.add(Conv3DTranspose(2, 2))
    m.add(GlobalAveragePooling3D())
    m.compile("sgd", "mse")
    return m


@model
def sequences():
    m = Sequential()
    if NEW:
        m.add(Input((7,), dtype="int32"))
    m.add(Embedding(12, 5, **({} if NEW else {"input_length": 7})))
    m.add(Conv1D(4, 3, padding="causal", activation="relu"))
    m.add(MaxPooling1D(2, strides=1))
    m.add(Conv1D(3, 2, dilation_rate=2))
    m.add(UpSampling1D(2))
    m.add(ZeroPadding1D(1))
    if "SeparableConv1D" in from_keras:
        m.add(SeparableConv1D(3, 2))
    m.add(GlobalMaxPooling1D())
    m.add(Dense(1, activation="sigmoid"))
    m.compile("rmsprop", "binary_crossentropy", metrics=["binary_accuracy"])
    return m


@model
def recurrent():
    a = Input((6, 3))
    x = LSTM(4, return_sequences=True, kernel_regularizer="l2")(a)
    x = GRU(5, return_sequences=True, dropout=0.1, recurrent_dropout=0.1)(x)
    x = GRU(4, return_sequences=True, recurrent_activation="hard_sigmoid", **after(False))(x)
    x = GRU(3, return_sequences=True, **after(True))(x)
    y = SimpleRNN(3, return_sequences=True, go_backwards=True)(x)
    z = LSTM(2, recurrent_activation="sigmoid", activation="softsign")(x)
    m = Model([a], [y, z])
    m.compile("adadelta", "mse")
    return m


def after(value):
    """`reset_after`, where GRU has it."""
    return {"reset_after": value} if VERSION >= (2, 2) or TF else {}


@model
def bidirectional():
    m = Sequential()
    if NEW:
        m.add(Input((6,), dtype="int32"))
    m.add(Embedding(9, 4, mask_zero=True, **({} if NEW else {"input_length": 6})))
    m.add(Bidirectional(LSTM(3, return_sequences=True)))
    m.add(Bidirectional(GRU(2), merge_mode="sum"))
    m.add(Dense(2, activation="softmax"))
    m.compile("adam", "sparse_categorical_crossentropy")
    return m


@model
def masking():
    m = Sequential()
    m.add(Masking(mask_value=0.0, input_shape=(5, 3)))
    m.add(TimeDistributed(Dense(4, activation="tanh")))
    m.add(RNN(LSTMCell(3)) if "LSTMCell" in from_keras else LSTM(3))
    m.compile("nadam", "mae")
    return m


@model
def over_time():
    m = Sequential()
    m.add(TimeDistributed(Conv2D(2, (2, 2)), input_shape=(3, 4, 5, 2)))
    m.add(TimeDistributed(Flatten()))
    m.add(RNN([LSTMCell(3), GRUCell(2)]) if "StackedRNNCells" in from_keras else Dense(3))
    m.compile("adamax", "mse")
    return m


@model
def convolutional_lstm():
    m = Sequential()
    m.add(ConvLSTM2D(2, (2, 3), input_shape=(3, 4, 5, 2), padding="same"))
    m.compile("sgd", "mse")
    return m


@model
def merges():
    a, b = Input((4,), name="left"), Input((4,), name="right")
    shared = Dense(4, activation="tanh")
    c, d = shared(a), shared(b)
    parts = [kind()([c, d]) for kind in (Add, Multiply, Average, Maximum)]
    if "Subtract" in from_keras:
        parts.append(Subtract()([c, d]))
    x = Concatenate(axis=1)(parts)
    dots = [Dot(axes=1)([c, d]), Dot(axes=1, normalize=True)([c, d])]
    m = Model([a, b], [Dense(2, name="first")(x)] + dots)
    m.compile("sgd", "mse", loss_weights=[1.0, 0.5, 0.2])
    return m


@model
def chains():
    inner = Sequential()
    inner.add(Dense(4, input_shape=(3,), activation="relu"))
    inner.add(BatchNormalization())
    m = Sequential()
    if NEW:
        m.add(Input((3,)))
    m.add(inner)
    m.add(Dense(2))
    m.compile("sgd", "mse")
    return m


@model
def nested():
    inner = Sequential(name="encoder")
    inner.add(LSTM(3, input_shape=(4, 2), return_sequences=True))
    inner.add(BatchNormalization())
    inner.add(GRU(2))
    p = Input((2,))
    head = Model(p, [Dense(3, activation="relu")(p), BatchNormalization()(p)], name="head")
    a, b = Input((4, 2)), Input((4, 2))
    c, d = inner(a), inner(b)
    x = Concatenate()(head(c) + [head(d)[1]])
    m = Model([a, b], [Dense(1)(x), head(d)[0]])
    m.compile("sgd", "mse")
    return m


@model
def states():
    a, b = Input((5, 3)), Input((4, 2))
    _, h, c = LSTM(3, return_state=True)(a)
    x = LSTM(3, return_sequences=True)(b, initial_state=[h, c])
    y, z = GRU(3, return_state=True)(x, initial_state=h)
    m = Model([a, b], [TimeDistributed(Dense(2))(x), Add()([y, z])])
    m.compile("sgd", "mse")
    return m


@model
def operations():
    """What tf.keras turned into layers by itself (TFOpLambda), and Keras 3 into operations."""
    if not (NEW or TF):
        return None
    a = Input((6, 5, 4))
    x = Conv2D(6 if TF else 3, 3)(a)
    x = x * keras.activations.relu(x + 3.0, max_value=6.0) / 6.0
    if TF:
        y = tf.nn.relu6(tf.concat([x, 1.0 - x], axis=-1)) + tf.reshape(
            tf.concat([x, x], axis=3), [-1, 4, 3, 12]
        )
        z = tf.reduce_mean(tf.math.subtract(y, 0.5), axis=[1, 2])
        y, z = tf.nn.sigmoid(y) * 2, tf.maximum(z, tf.nn.relu(z) - 0.1)
    else:
        ops = keras.ops
        y = ops.relu6(ops.concatenate([x, 1.0 - x], axis=-1))
        z = ops.mean(ops.subtract(y, 0.5), axis=[1, 2])
    m = Model(a, [GlobalMaxPooling2D()(y), z])
    m.compile("sgd", "mse")
    return m


@model
def attention():
    if not (NEW or (TF and VERSION >= (2, 4))):
        return None
    a, b = Input((5, 4)), Input((3, 4))
    x = MultiHeadAttention(2, 3)(a, b)
    x = LayerNormalization()(Add()([a, x]))
    y = Attention()([x, b])
    m = Model([a, b], [Dense(2)(x), y])
    m.compile("adam", "mse")
    return m


@model
def preprocessed():
    """The head of tf.keras's EfficientNet."""
    if not (NEW or (TF and VERSION >= (2, 6))):
        return None
    a = Input((6, 6, 3))
    x = Rescaling(1 / 255.0)(a)
    norm = Normalization(axis=-1, mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])
    x = Resizing(4, 4)(norm(x))
    x = RandomFlip()(x)
    x = Conv2D(3, 2, activation="swish")(x)
    m = Model(a, GlobalAveragePooling2D(keepdims=True)(x))
    m.compile("adam", "mse")
    return m


@model
def mobile():
    """A block of MobileNetV3 as keras.applications writes it."""
    if not (NEW or TF):
        return None

    def swish(x):
        return Multiply()([x, ReLU(6.0)(x + 3.0) * (1.0 / 6.0)])

    a = Input((8, 8, 3))
    x = swish(BatchNormalization()(Conv2D(4, 3, strides=2, padding="same", use_bias=False)(a)))
    x = DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    s = GlobalAveragePooling2D()(x)
    s = ReLU()(Conv2D(2, 1)(Reshape((1, 1, 4))(s)))
    x = Multiply()([x, ReLU(6.0)(Conv2D(4, 1)(s) + 3.0) * (1.0 / 6.0)])
    m = Model(a, Dense(2, activation="softmax")(Flatten()(x)))
    m.compile("adam", "categorical_crossentropy")
    return m


@model
def lookups():
    """What Keras needs TensorFlow for."""
    if not (NEW and backend.backend() == "tensorflow"):
        return None
    a, b, c = Input((4,), dtype="int64"), Input((1,), dtype="int64"), Input((1,), dtype="int32")
    masked = {"vocabulary": [5, 3, 8], "mask_token": 0}
    outputs = [
        Hashing(7)(a),
        Hashing(3, mask_value=2, salt=[7, 9])(a),
        Hashing(5, mask_value=3, output_mode="multi_hot")(a),
        HashedCrossing(6)((b, c)),
        HashedCrossing(5, output_mode="one_hot")([c, b]),
        IntegerLookup(**masked)(a),
        IntegerLookup(num_oov_indices=3, oov_method="farmhash", salt=4, **masked)(a),
        IntegerLookup(vocabulary=[2, 7], output_mode="count", max_tokens=6, pad_to_max_tokens=True)(a),
        IntegerLookup(vocabulary=[2, 7], output_mode="tf_idf", idf_weights=[0.3, 0.7])(a),
        IntegerLookup(vocabulary=[4, 6, 1, 9], invert=True, oov_token=-3)(b),
    ]
    return Model([a, b, c], outputs)


@model
def adapted():
    """Layers that have seen data."""
    if not (NEW and backend.backend() == "tensorflow"):
        return None
    a, b = Input((4,), dtype="int64"), Input((3,))
    data = np.array([[5, 3, 3, 8], [3, 8, 8, 3], [7, 7, 5, 0]])
    numbers = np.random.RandomState(2).uniform(-1, 1, (40, 3)).astype("float32")
    plain, masked = IntegerLookup(), IntegerLookup(mask_token=0, num_oov_indices=2, max_tokens=6)
    weighed = IntegerLookup(output_mode="tf_idf")
    for layer in (plain, masked, weighed):
        layer.adapt(data)
    normal, bins = Normalization(), Discretization(num_bins=4)
    for layer in (normal, bins):
        layer.adapt(numbers)
    return Model([a, b], [plain(a), masked(a), weighed(a), normal(b), bins(b)])


def main(directory):
    fed = np.random.RandomState(7)
    for name in sys.argv[3:] or sorted(MODELS):
        np.random.seed(sum(map(ord, name)))
        backend.clear_session()
        try:
            m = MODELS[name]()
        except Exception as error:
            print(name, type(error), str(error)[:300])
            continue
        if m is None:
            continue
        weights = [
            w + fed.uniform(0.01, 0.2, w.shape).astype("float32")
            for w in m.get_weights()
            if w.dtype.kind == "f"
        ]
        given = iter(weights)
        if name != "adapted":
            m.set_weights([next(given) if w.dtype.kind == "f" else w for w in m.get_weights()])
        ids = isinstance(m.layers[0], Embedding) or (len(m.layers) > 1 and isinstance(m.layers[1], Embedding))
        xs = []
        for tensor in m.inputs:
            shape = (3,) + tuple(7 if n is None else int(n) for n in tuple(tensor.shape)[1:])
            whole = ids or "int" in str(tensor.dtype)
            x = fed.randint(0, 9, shape) if whole else fed.uniform(-1, 1, shape)
            if name == "masking":
                x[0, 3:] = 0
            xs.append(x.astype("int32" if whole else "float32"))
        ys = m.predict(xs if len(xs) > 1 else xs[0])
        ys = ys if isinstance(ys, (list, tuple)) else [ys]
        if name == "dense":  # its optimizer then has a state
            m.train_on_batch(xs[0], ys[0])
            ys = [m.predict(xs[0])]
        base = directory + "/" + name
        save(m, base)
        arrays = {"x%d" % n: x for n, x in enumerate(xs)}
        arrays.update({"y%d" % n: np.asarray(y) for n, y in enumerate(ys)})
        np.savez_compressed(base + ".npz", **arrays)
    print(sys.argv[2], RELEASE)


def save(m, base):
    try:
        m.save(base + ".h5")
    except Exception as error:  # Keras 3.0 gave two weights of a nested model one name
        print(base, ".h5", str(error)[:200])
        os.remove(base + ".h5")
    m.save_weights(base + ".weights.h5")
    with open(base + ".json", "w") as file:
        file.write(m.to_json())
    try:
        m.save(base + ".keras") if NEW or VERSION >= (2, 12) else None
    except Exception as error:
        print(base, ".keras", str(error)[:200])
    try:
        text = m.to_yaml()
    except Exception:  # gone, or no PyYAML of its time
        return
    with open(base + ".yaml", "w") as file:
        file.write(text)


def pack(directory, path):
    with tarfile.open(path, "w:xz") as made:
        for name in sorted(os.listdir(directory)):
            made.add(os.path.join(directory, name), name)


PLACE = tempfile.mkdtemp()
main(PLACE)
pack(PLACE, sys.argv[1])
shutil.rmtree(PLACE)

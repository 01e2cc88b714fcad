"""Write models with Keras 1: `python keras_1.py FILE.tar.xz`, where keras 1.x and h5py 2 are installed.

Of each model `NAME.h5` (the whole model), `NAME.json`, `NAME.yaml`, `NAME.weights.h5` (its weights alone) and
`NAME.npz`: what it was fed (`x0`, `x1` ...) and what it gave (`y0`, `y1` ...).

`keras_1.2.2_tensorflow.tar.xz`: Python 3.6, keras 1.2.2, tensorflow 1.13.2, h5py 2.10, numpy 1.16, scipy 1.2.
`keras_1.2.2_theano.tar.xz`: Python 3.6, keras 1.2.2, theano 1.0.5, h5py 2.10, numpy 1.16, scipy 1.2.
"""

import os
import shutil
import sys
import tarfile
import tempfile

import numpy as np
from keras import __version__
from keras import backend as K
from keras.layers import *  # noqa: F403
from keras.models import Model, Sequential
from keras.optimizers import SGD, Adam
from keras.regularizers import l1l2

MODELS = {}


def model(make):
    MODELS[make.__name__] = make
    return make


@model
def dense():
    m = Sequential()
    m.add(Dense(5, input_dim=4, init="glorot_normal", activation="relu", W_regularizer=l1l2(0.01, 0.02)))
    m.add(Dropout(0.3))
    m.add(BatchNormalization())
    m.add(Dense(6, bias=False, activation="hard_sigmoid"))
    m.add(PReLU())
    m.add(GaussianNoise(0.1))
    m.add(Dense(3, activation="softmax"))
    m.compile(SGD(lr=0.05, momentum=0.9, decay=1e-3, nesterov=True), "categorical_crossentropy", ["accuracy"])
    return m


@model
def activations():
    m = Sequential()
    m.add(Dense(5, input_shape=(4,)))
    m.add(LeakyReLU(0.2))
    m.add(Dense(5, activation="softsign"))
    m.add(ThresholdedReLU(0.1))
    m.add(Dense(5, activation="softplus"))
    m.add(ELU(0.7))
    m.add(Activation("tanh"))
    m.add(Reshape((5, 1)))
    m.add(Permute((2, 1)))
    m.add(Flatten())
    m.add(RepeatVector(3))
    m.add(TimeDistributed(Dense(2, activation="linear")))
    m.compile("adagrad", "mse")
    return m


@model
def convolutions():
    m = Sequential()
    m.add(
        Convolution2D(
            3, 3, 5, input_shape=(9, 8, 2), dim_ordering="tf", border_mode="same", activation="relu"
        )
    )
    m.add(BatchNormalization(axis=3, mode=0))
    m.add(MaxPooling2D((2, 2), dim_ordering="tf"))
    m.add(ZeroPadding2D((1, 2), dim_ordering="tf"))
    m.add(Convolution2D(4, 2, 3, subsample=(2, 1), dim_ordering="tf", bias=False, init="he_uniform"))
    m.add(UpSampling2D((2, 2), dim_ordering="tf"))
    m.add(AtrousConvolution2D(2, 2, 2, atrous_rate=(2, 1), dim_ordering="tf"))
    m.add(AveragePooling2D((1, 2), dim_ordering="tf"))
    m.add(Cropping2D(((0, 1), (1, 0)), dim_ordering="tf"))
    m.add(Flatten())
    m.add(Dense(3, activation="sigmoid"))
    m.compile(Adam(lr=0.002), "binary_crossentropy")
    return m


@model
def padded():
    m = Sequential()
    m.add(
        Convolution2D(3, 3, 3, input_shape=(6, 6, 2), dim_ordering="tf", border_mode="same", subsample=(2, 1))
    )
    m.add(Convolution2D(2, 2, 1, dim_ordering="tf", border_mode="same"))
    m.add(MaxPooling2D((2, 2), strides=(1, 1), dim_ordering="tf", border_mode="same"))
    m.add(Flatten())
    m.compile("sgd", "mse")
    return m


@model
def channels_first():
    m = Sequential()
    m.add(Convolution2D(3, 3, 2, input_shape=(2, 9, 8), dim_ordering="th", activation="relu"))
    m.add(BatchNormalization(axis=1, mode=0))
    m.add(MaxPooling2D((2, 2), dim_ordering="th"))
    m.add(Convolution2D(4, 2, 2, dim_ordering="th"))
    m.add(Flatten())
    m.add(Dense(3, activation="softmax"))
    m.compile("sgd", "categorical_crossentropy")
    return m


@model
def transposed():
    m = Sequential()
    m.add(Convolution2D(3, 2, 2, input_shape=(4, 5, 2), dim_ordering="tf"))
    m.add(Deconvolution2D(2, 3, 3, (None, 5, 6, 2), dim_ordering="tf"))
    m.add(Convolution2D(3, 2, 2, dim_ordering="tf"))
    m.add(GlobalAveragePooling2D(dim_ordering="tf"))
    m.compile("sgd", "mse")
    return m


@model
def volumes():
    m = Sequential()
    m.add(Convolution3D(2, 2, 3, 2, input_shape=(4, 5, 6, 2), dim_ordering="tf"))
    m.add(MaxPooling3D((1, 1, 2), dim_ordering="tf"))
    m.add(Flatten())
    m.compile("sgd", "mse")
    return m


@model
def separable():
    if K.backend() != "tensorflow":
        return None
    m = Sequential()
    m.add(SeparableConvolution2D(4, 3, 2, input_shape=(6, 5, 2), dim_ordering="tf", depth_multiplier=2))
    m.add(GlobalMaxPooling2D(dim_ordering="tf"))
    m.compile("sgd", "mse")
    return m


@model
def sequences():
    m = Sequential()
    m.add(Embedding(12, 5, input_length=7, dropout=0.2))
    m.add(Convolution1D(4, 3, border_mode="same", activation="relu"))
    m.add(MaxPooling1D(2, stride=1))
    m.add(AtrousConvolution1D(3, 2, atrous_rate=2))
    m.add(Convolution1D(3, 2, subsample_length=2, border_mode="valid"))
    m.add(UpSampling1D(2))
    m.add(ZeroPadding1D(1))
    m.add(AveragePooling1D(2))
    m.add(GlobalMaxPooling1D())
    m.add(Dense(1, activation="sigmoid"))
    m.compile("rmsprop", "binary_crossentropy", ["binary_accuracy"])
    return m


@model
def recurrent():
    a = Input((6, 3))
    x = LSTM(4, return_sequences=True, consume_less="cpu", W_regularizer="l2", forget_bias_init="one")(a)
    x = GRU(5, return_sequences=True, dropout_W=0.1, dropout_U=0.1, inner_activation="hard_sigmoid")(x)
    y = SimpleRNN(3, return_sequences=True, go_backwards=True)(x)
    z = LSTM(2, inner_activation="sigmoid", activation="softsign", consume_less="gpu")(x)
    m = Model([a], [y, z])
    m.compile("adadelta", "mse")
    return m


@model
def bidirectional():
    m = Sequential()
    m.add(Embedding(9, 4, mask_zero=True, input_length=6))
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
    m.add(GRU(3, consume_less="mem"))
    m.compile("nadam", "mae")
    return m


@model
def over_time():
    m = Sequential()
    m.add(TimeDistributed(Convolution2D(2, 2, 2, dim_ordering="tf"), input_shape=(3, 4, 5, 2)))
    m.add(TimeDistributed(Flatten()))
    m.add(TimeDistributedDense(3))
    m.compile("adamax", "mse")
    return m


@model
def convolutional_lstm():
    m = Sequential()
    m.add(ConvLSTM2D(2, 1, 3, input_shape=(3, 4, 5, 2), dim_ordering="tf", border_mode="same"))
    m.compile("sgd", "mse")
    return m


@model
def merges():
    a, b = Input((4,), name="left"), Input((4,), name="right")
    shared = Dense(4, activation="tanh")
    c, d = shared(a), shared(b)
    parts = [merge([c, d], mode=mode) for mode in ("sum", "mul", "ave", "max")]
    parts.append(merge([c, d], mode="dot", dot_axes=1))
    parts.append(merge([c, d], mode="cos", dot_axes=1))
    x = merge(parts[:4], mode="concat", concat_axis=1)
    m = Model([a, b], [Dense(2, name="first")(x), Flatten()(Reshape((1, 1))(parts[4])), Flatten()(parts[5])])
    m.compile("sgd", "mse", loss_weights=[1.0, 0.5, 0.2])
    return m


@model
def branches():
    left, right = Sequential(), Sequential()
    left.add(Dense(3, input_dim=4, activation="relu"))
    right.add(Dense(2, input_dim=5, activation="tanh"))
    m = Sequential()
    m.add(Merge([left, right], mode="concat"))
    m.add(Dense(2, activation="softmax"))
    m.compile("rmsprop", "categorical_crossentropy")
    return m


@model
def chains():
    inner = Sequential()
    inner.add(Dense(4, input_dim=3, activation="relu"))
    inner.add(BatchNormalization())
    m = Sequential()
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
    a, b = Input((4, 2)), Input((4, 2))
    x = merge([inner(a), inner(b)], mode="concat")
    m = Model([a, b], Dense(1)(x))
    m.compile("sgd", "mse")
    return m


def main(directory):
    fed = np.random.RandomState(7)
    for name in sorted(MODELS):
        np.random.seed(sum(map(ord, name)))
        if K.backend() == "tensorflow":
            K.clear_session()
        try:
            m = MODELS[name]()
        except Exception as error:
            print(name, type(error), str(error)[:300])
            continue
        if m is None:
            continue
        m.set_weights([w + fed.uniform(0.01, 0.2, w.shape).astype("float32") for w in m.get_weights()])
        xs = []
        for tensor in m.inputs:
            shape = (3,) + tuple(tensor._keras_shape[1:])
            ids = isinstance(m.layers[0], Embedding)
            x = fed.randint(0, 9, shape) if ids else fed.uniform(-1, 1, shape)
            if name == "masking":
                x[0, 3:] = 0
            xs.append(x.astype("int32" if ids else "float32"))
        ys = m.predict(xs if len(xs) > 1 else xs[0])
        ys = ys if isinstance(ys, list) else [ys]
        targets = [np.zeros(y.shape[:-1] + (1,)) if "sparse" in str(m.loss) else y for y in ys]
        if name == "dense":  # its optimizer then has a state
            m.train_on_batch(xs[0], targets[0])
            ys = [m.predict(xs[0])]
        base = directory + "/" + name
        m.save(base + ".h5")
        m.save_weights(base + ".weights.h5")
        with open(base + ".json", "w") as file:
            file.write(m.to_json())
        with open(base + ".yaml", "w") as file:
            file.write(m.to_yaml())
        arrays = {"x%d" % n: x for n, x in enumerate(xs)}
        arrays.update({"y%d" % n: y for n, y in enumerate(ys)})
        np.savez(base + ".npz", **arrays)
    print("Keras", __version__, K.backend())


def pack(directory, path):
    with tarfile.open(path, "w:xz") as made:
        for name in sorted(os.listdir(directory)):
            made.add(os.path.join(directory, name), name)


PLACE = tempfile.mkdtemp()
main(PLACE)
pack(PLACE, sys.argv[1])
shutil.rmtree(PLACE)

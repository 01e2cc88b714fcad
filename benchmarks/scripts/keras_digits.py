"""The digits with Keras 3: what a user types."""

from __future__ import annotations

import keras

from benchmarks.scripts.digits import job, read

spec = job()
train, validation, test = read(spec)
fields = ({k: v for k, v in entry.items() if k != "type"} for entry in spec["layers"])
layers = [getattr(keras.layers, e["type"])(**f) for e, f in zip(spec["layers"], fields, strict=True)]
model = keras.Sequential([keras.Input(train[0].shape[1:]), *layers])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(*train, epochs=spec["epochs"], batch_size=spec["batch"], validation_data=validation, verbose=0)
print(model.evaluate(*test, verbose=0)[1])

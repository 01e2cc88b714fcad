"""A model's structure as `to_json` of Keras writes it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from nnctl.formats.keras.compiled import compiled
from nnctl.formats.keras.model import model_object
from nnctl.formats.keras.objects import name_in_keras
from nnctl.formats.keras.patterns import NotCompiled
from nnctl.formats.keras.scopes import read_scope
from nnctl.formats.keras.weights import configure

if TYPE_CHECKING:
    from nnctl.formats.exports.base import TrainedModel


def keras_json(model: TrainedModel) -> bytes:
    """The text, with what the model was compiled with where Keras has that.

    Raises:
        ConfigError: something in the model is not Keras's; the message names it.
    """
    name = name_in_keras(model.name)
    scope = read_scope(model.spec, model.graph, model.dtype)
    configure(scope, model.weights)
    config = model_object(scope, name, True, model.dtype)
    with suppress(NotCompiled):
        made = compiled(scope, model.graph, model.weights, name, model.dtype, model.objective, model.training)
        config["compile_config"] = made.config
    return (json.dumps(config, indent=1) + "\n").encode()

"""Hostile JSON, YAML and structures: deep, wide, cyclic, endless, misnamed, huge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.hostile.cases import case
from tests.hostile.forge import (
    Json,
    arrays_of,
    called,
    chain,
    compiled,
    dense,
    functional,
    hdf5,
    keras,
    layer,
    node,
    structure,
    tensor,
)

ODD_NAMES = (
    "\x1b]0;gone\x07\x1b[31m",
    "../../../x",
    "/etc/passwd",
    "a\0b",
    "",
    ".",
    "..",
    "a/b",
    "a:b",
    "null",
    "true",
    "1e3",
    "~",
    "- x",
    "#",
    "a\nb",
    "x: y",
    "'",
    '"',
    "\ud800",
    "\u202e",
    "é" * 20,
    "n" * 100_000,
    "%s",
    "{}",
    "!!python/x",
    "*a",
    "&a",
    "use",
    "inputs",
    "weights",
    "i ",
    " i",
)


@case("deeper than nnctl reads")
def deep_lists(here: Path) -> str:
    return structure(here, '{"class_name": ' + "[" * 100_000 + "]" * 100_000 + "}")


@case("deeper than nnctl reads")
def deep_objects(here: Path) -> str:
    return structure(
        here, '{"class_name": "Sequential", "config": ' + '{"a":' * 100_000 + "1" + "}" * 100_001
    )


@case("more values than nnctl reads", large=True)
def wide_list(here: Path) -> str:
    return structure(here, '{"class_name": "Sequential", "config": [' + "0," * 2_000_000 + "0]}")


@case("more values than nnctl reads", large=True)
def wide_objects(here: Path) -> str:
    return structure(here, '{"class_name": "Sequential", "config": [' + '{"a":{}},' * 600_000 + "0]}")


@case("layers and calls are more than nnctl reads", large=True)
def as_many_values_as_are_read(here: Path) -> str:
    many = ",".join(["{}"] * 49_000)
    return structure(here, f'{{"class_name": "Sequential", "config": {{"name": "m", "layers": [{many}]}}}}')


@case("more values than nnctl reads", large=True)
def brackets_that_close_nothing(here: Path) -> str:
    return structure(here, '{"class_name": 1}' + "]" * 15_000_000)


@case("is no JSON", large=True)
def text_without_end(here: Path) -> str:
    """Quotes that a search for texts would begin at, each, again."""
    return structure(here, '{"class_name": "' + '\\"' * 7_000_000)


@case("is no JSON", large=True)
def texts_without_end(here: Path) -> str:
    return structure(here, '{"class_name": ' + '"\\' * 7_000_000)


@case(large=True)
def long_text(here: Path) -> str:
    return structure(here, json.dumps({"class_name": "x" * 15_000_000, "config": {}}))


@case(large=True)
def long_text_of_escapes(here: Path) -> str:
    return structure(here, '{"class_name": "' + "\\u1234" * 2_500_000 + '", "config": {}}')


@case("of no format")
def long_json(here: Path) -> str:
    return structure(here, " " * (20 << 20) + json.dumps(chain(dense())))


@case("is no JSON")
def long_number(here: Path) -> str:
    return structure(here, '{"class_name": ' + "9" * 1_000_000 + "}")


@case("is no JSON")
def not_utf_8(here: Path) -> str:
    (here / "model.json").write_bytes(b'{"class_name": "\xff"}')
    return "model.json"


@case()
def nan_and_infinity(here: Path) -> str:
    return keras(here, json.dumps(chain(dense("d", float("nan")))).encode())


@case()
def infinite_units(here: Path) -> str:
    return keras(here, json.dumps(chain(dense("d", float("inf")))).encode())


@case()
def units_beyond_all_numbers(here: Path) -> str:
    return keras(here, chain(dense("d", 10**4000)))


@case()
def shape_of_huge_numbers(here: Path) -> str:
    return keras(here, chain(dense(), shape=(None, 10**300)))


@case()
def negative_shape(here: Path) -> str:
    return keras(here, chain(dense(), shape=(None, -3)))


@case()
def shape_of_a_thousand_axes(here: Path) -> str:
    return keras(here, chain(dense(), shape=(None, *[2] * 1000)))


@case()
def dense_bomb(here: Path) -> str:
    """10^18 weights, which nobody allocates before the file is known to hold them."""
    return keras(here, chain(dense("d", 10**9), shape=(None, 10**9)))


@case()
def embedding_bomb(here: Path) -> str:
    table = layer("Embedding", {"name": "d", "input_dim": 2**40, "output_dim": 2**20})
    return keras(here, chain(table, shape=(None, 3)))


@case()
def convolution_bomb(here: Path) -> str:
    config = {"name": "d", "filters": 10**6, "kernel_size": [10**4, 10**4]}
    return keras(here, chain(layer("Conv2D", config), shape=(None, 10**5, 10**5, 10**6)))


@case()
def reshape_bomb(here: Path) -> str:
    made = [layer("Reshape", {"name": "r", "target_shape": [10**9, 10**9, -1]}), dense()]
    return keras(here, chain(*made))


@case(imports=True)
def repeat_bomb(here: Path) -> str:
    made = [layer("RepeatVector", {"name": f"r{n}", "n": 10**9}) for n in range(1)]
    return keras(here, chain(*made, dense()))


@case()
def padding_and_upsampling_bomb(here: Path) -> str:
    made = [layer("UpSampling2D", {"name": f"u{n}", "size": [10**6, 10**6]}) for n in range(20)]
    return keras(here, chain(*made, layer("Flatten", {"name": "f"}), dense(), shape=(None, 2, 2, 3)))


@case()
def category_encoding_bomb(here: Path) -> str:
    made = layer("CategoryEncoding", {"name": "c", "num_tokens": 2**50, "output_mode": "multi_hot"})
    return keras(here, chain(made, dense()))


@case()
def resizing_bomb(here: Path) -> str:
    made = layer("Resizing", {"name": "r", "height": 10**8, "width": 10**8})
    return keras(here, chain(made, layer("Flatten", {"name": "f"}), dense(), shape=(None, 20, 20, 3)))


@case("arguments are more than a config has", large=True)
def positions_bomb(here: Path) -> str:
    return keras(
        here, chain(layer("Discretization", {"name": "c", "bin_boundaries": list(range(90_000))}), dense())
    )


@case()
def spectrogram_bomb(here: Path) -> str:
    made = layer(
        "STFTSpectrogram", {"name": "s", "fft_length": 2**26, "frame_length": 2**26, "frame_step": 1}
    )
    return keras(here, chain(made, shape=(None, 2**27, 1)))


@case()
def mel_bomb(here: Path) -> str:
    made = layer("MelSpectrogram", {"name": "s", "fft_length": 2**20, "num_mel_bins": 2**20})
    return keras(here, chain(made, shape=(None, 2**24)))


@case()
def group_bomb(here: Path) -> str:
    config = {"name": "d", "filters": 10**6, "kernel_size": 1, "groups": 10**6}
    return keras(here, chain(layer("Conv1D", config), shape=(None, 3, 10**6)))


@case()
def attention_bomb(here: Path) -> str:
    config = {"name": "d", "num_heads": 10**9, "key_dim": 10**9}
    made = node("a", "MultiHeadAttention", config, called(tensor("i"), tensor("i")))
    first = layer("InputLayer", {"name": "i", "batch_shape": [None, 4, 3]}, name="i", inbound_nodes=[])
    config = functional([made], [["a", 0, 0]])
    config["config"]["layers"][0] = first
    return keras(here, config)


@case("it reads, in the end, what it makes itself")
def layer_that_reads_itself(here: Path) -> str:
    return keras(here, functional([node("d", "Dense", {"units": 2}, called(tensor("d")))], [["d", 0, 0]]))


@case("it reads, in the end, what it makes itself")
def layers_in_a_circle(here: Path) -> str:
    made = [node(f"d{n}", "Dense", {"units": 2}, called(tensor(f"d{(n + 1) % 500}"))) for n in range(500)]
    return keras(here, functional(made, [["d0", 0, 0]]))


@case()
def tensor_that_is_not_there(here: Path) -> str:
    return keras(
        here, functional([node("d", "Dense", {"units": 2}, called(tensor("nobody", 7)))], [["d", 0, 0]])
    )


@case()
def output_that_is_not_there(here: Path) -> str:
    return keras(
        here, functional([node("d", "Dense", {"units": 2}, called(tensor("i", 0, 9)))], [["d", 3, 5]])
    )


@case()
def input_that_is_a_layer(here: Path) -> str:
    made = node("d", "Dense", {"units": 2}, called(tensor("i")))
    return keras(here, functional([made], [["d", 0, 0]], [["d", 0, 0]]))


@case("arguments are more than a config has", large=True)
def outputs_without_end(here: Path) -> str:
    made = node("d", "Dense", {"units": 2}, called(tensor("i")))
    return keras(here, functional([made], [["d", 0, 0]] * 40_000))


@case("layers and calls are more than nnctl reads", large=True)
def layer_called_very_often(here: Path) -> str:
    calls = [called(tensor("i")), *(called(tensor("d", n)) for n in range(15_000))]
    return keras(here, functional([node("d", "Dense", {"units": 3}, *calls)], [["d", 15_000, 0]]))


@case("layers and calls are more than nnctl reads", large=True)
def layer_called_a_million_times(here: Path) -> str:
    made = node("d", "Dense", {"units": 3})
    text = json.dumps(functional([made], [["d", 0, 0]]))
    return keras(
        here, text.replace('"inbound_nodes": []', '"inbound_nodes": [' + "[]," * 150_000 + "[]]").encode()
    )


@case("arguments are more than a config has", large=True)
def layer_of_very_many_inputs(here: Path) -> str:
    made = node("a", "Add", {}, {"args": [[tensor("i")] * 45_000], "kwargs": {}})
    return keras(here, functional([made], [["a", 0, 0]]))


@case("layers and calls are more than nnctl reads", large=True)
def masks_of_masks(here: Path) -> str:
    """A chain of the operations that make masks, which are looked for until nothing changes."""
    module = {"module": "keras.src.ops.numpy"}
    made = [
        node(f"m{n}", "LogicalNot", {}, called(tensor(f"m{n + 1}" if n < 2999 else "i"))) | module
        for n in range(3000)
    ]
    last = node("d", "Dense", {"units": 2}, called(tensor("i"), mask=tensor("m0")))
    return keras(here, functional([*made, last], [["d", 0, 0]]))


@case("layers and calls are more than nnctl reads", large=True)
def thousands_of_layers(here: Path) -> str:
    return keras(here, chain(*(layer("ReLU", {"name": f"r{n}"}) for n in range(15_000))))


@case("layers and calls are more than nnctl reads", large=True)
def thousands_of_wrong_layers(here: Path) -> str:
    return keras(here, chain(*(layer("Gone", {"name": f"r{n}"}) for n in range(15_000))))


@case("layers and calls are more than nnctl reads", large=True)
def layers_of_one_name(here: Path) -> str:
    return keras(here, chain(*(dense("d") for _ in range(10_000))))


@case("layers and calls are more than nnctl reads", large=True)
def names_that_become_one(here: Path) -> str:
    """Names whose characters are changed to the same, again and again."""
    made = [
        layer("ReLU", {"name": "a" + "".join("./:"[(n // 3**k) % 3] for k in range(9))}) for n in range(6000)
    ]
    return keras(here, chain(*made))


@case(imports=True, large=True)
def as_many_layers_as_are_read(here: Path) -> str:
    return keras(here, chain(dense("d"), *(layer("ReLU", {"name": f"r{n}"}) for n in range(1990))))


@case(imports=True, large=True)
def as_many_calls_as_are_read(here: Path) -> str:
    calls = [called(tensor("i")), *(called(tensor("d", n)) for n in range(1990))]
    square = hdf5(lambda file: arrays_of(file, (3, 3)))
    return keras(here, functional([node("d", "Dense", {"units": 3}, *calls)], [["d", 1990, 0]]), square)


@case("and more problems than these", large=True)
def many_wrong_layers(here: Path) -> str:
    return keras(here, chain(*(layer("Gone", {"name": f"r{n}"}) for n in range(1900))))


@case("and more problems than these", large=True)
def many_layers_of_one_name(here: Path) -> str:
    return keras(here, chain(*(dense("d") for _ in range(1900))))


@case(imports=True, large=True)
def many_names_that_become_one(here: Path) -> str:
    """Names whose characters are changed to the same."""
    made = [
        layer("ReLU", {"name": "a" + "".join("./:"[(n // 3**k) % 3] for k in range(9))}) for n in range(1800)
    ]
    return keras(here, chain(dense(), *made))


@case(imports=True, large=True)
def many_masks_of_masks(here: Path) -> str:
    """A chain of the operations that make masks."""
    module = {"module": "keras.src.ops.numpy"}
    made = [
        node(f"m{n}", "LogicalNot", {}, called(tensor(f"m{n + 1}" if n < 1799 else "i"))) | module
        for n in range(1800)
    ]
    last = node("d", "Dense", {"units": 2}, called(tensor("i"), mask=tensor("m0")))
    return keras(here, functional([*made, last], [["d", 0, 0]]))


def nested(depth: int, width: int) -> Json:
    inner = [nested(depth - 1, width) for _ in range(width)] if depth else [dense()]
    for number, part in enumerate(inner):
        part["config"]["name"] = f"n{number}"
    return chain(*inner, shape=(None, 3))


@case("nested more than 16 deep")
def models_in_models(here: Path) -> str:
    return keras(here, nested(40, 1))


@case("layers and calls are more than nnctl reads", large=True)
def thousands_of_nested_models(here: Path) -> str:
    return keras(here, nested(10, 2))


@case(imports=None, large=True)
def hundreds_of_nested_models(here: Path) -> str:
    return keras(here, nested(9, 2))


@case()
def layers_in_layers(here: Path) -> str:
    held: Any = dense()
    for number in range(60):
        held = layer("TimeDistributed", {"name": f"t{number}", "layer": held})
    return keras(here, chain(held, shape=(None, *[2] * 61, 3)))


@case()
def models_in_layers_in_models(here: Path) -> str:
    held: Any = dense()
    for number in range(15):
        held = layer("TimeDistributed", {"name": f"t{number}", "layer": chain(held, shape=(None, 2, 3))})
    return keras(here, chain(held, shape=(None, *[2] * 16, 3)))


@case()
def initializer_in_an_initializer(here: Path) -> str:
    made: Any = "zeros"
    for _ in range(80):
        made = {"class_name": "Constant", "config": {"value": made}}
    return keras(here, chain(layer("Dense", {"name": "d", "units": 2, "bias_initializer": made})))


@case(imports=True)
def schedule_in_a_schedule(here: Path) -> str:
    made: Any = 0.1
    for _ in range(80):
        made = {"class_name": "ExponentialDecay", "config": {"initial_learning_rate": made, "decay_steps": 1}}
    optimizer = {"class_name": "SGD", "config": {"learning_rate": made}}
    return keras(here, compiled(optimizer=optimizer, loss="mse"))


@case(imports=True)
def names_of_every_kind(here: Path) -> str:
    """Every name that is odd to a terminal, a file, YAML, Python or HDF5."""
    made = [layer("ReLU", {"name": name}) for name in ODD_NAMES]
    return keras(here, chain(*made, dense()))


@case(imports=True)
def input_and_model_of_an_odd_name(here: Path) -> str:
    odd = "\x1b[2J\n../x: {y}"
    config = functional([node("d", "Dense", {"units": 2}, called(tensor(odd)))], [["d", 0, 0]], [[odd, 0, 0]])
    config["config"]["name"] = "../../" + odd
    first = config["config"]["layers"][0]
    first["name"] = first["config"]["name"] = odd
    return keras(here, config)


@case()
def made_by_an_odd_version(here: Path) -> str:
    return structure(here, chain(dense()) | {"keras_version": "\x1b]0;gone\x07" + "9" * 100_000})


@case()
def fields_of_the_wrong_kind(here: Path) -> str:
    odd = {
        "activation": [],
        "kernel_initializer": 5,
        "use_bias": {},
        "kernel_regularizer": [[]],
        "units": "3",
    }
    return keras(here, chain(layer("Dense", {"name": "d"} | odd)))


@case(imports=True)
def compiled_with_lists(here: Path) -> str:
    deep: Any = []
    for _ in range(150):
        deep = [deep]
    return keras(
        here, compiled(loss=deep, metrics=deep, optimizer=deep, loss_weights=deep, weighted_metrics=deep)
    )


@case(imports=True, large=True)
def metrics_without_end(here: Path) -> str:
    return keras(here, compiled(loss="mse", metrics=["mae"] * 50_000))


@case(imports=True, large=True)
def losses_of_unknown_functions(here: Path) -> str:
    return keras(here, compiled(loss={f"o{n}": f"f{n}" for n in range(20_000)}))


@case()
def yaml_aliases(here: Path) -> str:
    """A billion laughs."""
    lines = ["class_name: Sequential", "keras_version: 2.4.0", "a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (here / "model.yaml").write_text("\n".join(lines) + "\nconfig: *a11\n")
    return "model.yaml"


@case()
def yaml_deep(here: Path) -> str:
    (here / "model.yaml").write_text("class_name: Sequential\nconfig: " + "[" * 100_000)
    return "model.yaml"


@case(large=True)
def yaml_long(here: Path) -> str:
    (here / "model.yaml").write_text("class_name: Sequential\nconfig:\n" + "- {a: 1, b: [1, 2]}\n" * 700_000)
    return "model.yaml"


@case(large=True)
def yaml_of_tuples(here: Path) -> str:
    (here / "model.yaml").write_text("class_name: Sequential\nconfig: " + "!!python/tuple " * 900_000)
    return "model.yaml"


@case(large=True)
def yaml_of_spaces(here: Path) -> str:
    (here / "model.yaml").write_text("class_name: Sequential\nconfig: [" + " \n" * 7_000_000)
    return "model.yaml"

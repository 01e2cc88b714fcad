"""Ops: what layers are made of. One file a family; import functions from the family's module.

| module | functions |
| --- | --- |
| `linear` | `linear(x, w, b=None)` last axis of x by w (I, O); `matmul(a, b, transpose_a=False, transpose_b=False)` 2-D |
| `convolution` | `conv2d(x, kernel, bias, strides, padding, dilation, groups)`, padding = ((top, bottom), (left, right)) |
| `pooling` | `max_pool2d`, `average_pool2d`, `global_average_pool`, `global_max_pool`, `zero_pad2d` |
| `recurrent` | `simple_rnn`, `lstm`, `gru`: one op over the whole sequence |
| `elementwise` | `add`, `subtract`, `multiply`, `maximum`, `minimum`, `scale(x, c)`, `shift(x, c)`, `add_row(x, b)`, `fill(graph, shape, c)`, `cast(x, dtype)` |
| `activation` | `activation(x, name, **parameters)`: every elementwise activation |
| `softmax` | `softmax(x)`, `log_softmax(x)` over the last axis; `logits_of(y)`: x where y is softmax(x) or sigmoid(x), else None |
| `reduce` | `sum_axes(x, axes)`, `mean_axes(x, axes)`, `max_axes(x, axes)`, `sum_all(x)` -> (1,) |
| `losses` | `loss_rows(kind, y_true, y_pred, ...)` -> one loss an example (and position); `weighted_mean(rows, weights)` -> (1,) |
| `dropout` | `dropout(x, rate, key, step, noise_shape=None)` |
| `normalization` | `batch_norm_train`, `batch_norm_infer`, `layer_norm`, `update_moving(variable, value, momentum)` (mutates) |
| `embedding` | `embedding(ids, table)`, `not_equal(ids, c)` -> mask uint8 |
| `shape` | `reshape(x, shape)`, `copy(x)`, `concatenate(xs, axis)`, `slice_axis(x, axis, start, stop)`, `broadcast_to(x, shape)` |
| `metrics` | `accumulate_*(state, y_true, y_pred, weights)`: add one batch to a float64 metric state (mutates) |
| `optimizers` | one fused update an optimizer over flat buffers (mutates) |
"""

"""Convolutions by Winograd's forms (`kernels/winograd.py`): the transforms are those of `winograd_lines`.

The kernel's points are weights alone: nnctl works them out, and they are constants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.text import number
from nnctl.formats.c.writer import Writer
from nnctl.kernels.winograd_forms import Form
from nnctl.kernels.winograd_plan import AT, HEADER, OF, PANEL, Winograd
from nnctl.ops.base import Node, Value

BLOCK = 24
"""Tiles that are multiplied at a time."""

helper(
    "winograd_products",
    """
/* For each point, the tiles' values x (points, block, channels) times the kernel's points (points,
   channels, filters): y (points, block, filters), one chain over channels from 0. */
static void winograd_products(const real *x, const real *kernel, int points, int block, int tiles,
                              int channels, int filters, real *y) {
    int p, t, f;
    for (p = 0; p < points; p++, kernel += channels * filters)
        for (t = 0; t < tiles; t += 2) {
            const int rows = t + 1 < tiles ? 2 : 1;
            real *sums = y + (p * block + t) * filters;
            for (f = 0; f < rows * filters; f++)
                sums[f] = 0;
            add_rows(x + (p * block + t) * channels, channels, rows, 1, channels, kernel, filters, filters,
                     sums, filters);
        }
}
""",
)


class _Written:
    """The arithmetic of `winograd_lines.Arithmetic`, written as C: each step is a constant."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def _step(self, value: str) -> str:
        self.lines.append(f"const real t{len(self.lines)} = {value};")
        return f"t{len(self.lines) - 1}"

    def add(self, a: str, b: str) -> str:
        return self._step(f"{a} + {b}")

    def sub(self, a: str, b: str) -> str:
        return self._step(f"{a} - {b}")

    def scaled(self, factor: float, a: str, b: str) -> str:
        return self._step(f"FMA({number(factor, 'float32')}, {a}, {b})")

    def times(self, factor: float, a: str) -> str:
        return self._step(f"{number(factor, 'float32')} * {a}")


def _transformed(
    line: Callable[..., Any], form: Form, square: Sequence[str], width: int
) -> tuple[list[str], list[str]]:
    """The steps of a transform, and the names of its results."""
    from nnctl.kernels.winograd_lines import both_ways

    m: Any = _Written()
    made = both_ways(line, m, form, square, width)
    return m.lines, made


def _input_text(form: Form) -> str:
    from nnctl.kernels.winograd_lines import input_line

    steps, made = _transformed(
        input_line, form, [f"pixels[{n}][c]" for n in range(form.points)], form.columns.count
    )
    body = "\n".join(f"        {s}" for s in steps)
    stores = "\n".join(f"        y[{n} * step + c] = {value};" for n, value in enumerate(made))
    return f"""
/* The pixels that a tile of the form {form.name} reads to points: point n of channel c to y[n * step + c].
   */
static void {_name("input", form)}(const real *const *pixels, int channels, real *restrict y, int step) {{
    int c;
    for (c = 0; c < channels; c++) {{
{body}
{stores}
    }}
}}
"""


def _output_text(form: Form) -> str:
    from nnctl.kernels.winograd_lines import factors, output_line

    scales = factors(form.rows.place_scales(form.rows.places), form.columns.place_scales(form.columns.places))
    steps, made = _transformed(
        output_line, form, [f"x[{n} * step + f]" for n in range(form.points)], form.columns.count
    )
    body = "\n".join(f"        {s}" for s in steps)
    stores = "\n".join(
        f"        if (pixels[{n}]) pixels[{n}][f] = FMA({number(factor, 'float32')}, {value}, added);"
        for n, (factor, value) in enumerate(zip(scales, made, strict=True))
    )
    return f"""
/* Points of a tile of the form {form.name}, point n of filter f at x[n * step + f], to its pixels. */
static void {_name("output", form)}(const real *restrict x, int step, const real *bias, int filters,
                                    real *const *pixels) {{
    int f;
    for (f = 0; f < filters; f++) {{
        const real added = bias ? bias[f] : 0;
{body}
{stores}
    }}
}}
"""


def _name(what: str, form: Form) -> str:
    return f"winograd_{what}_{form.name}"


def _convolve_text(form: Form) -> str:
    return f"""
/* y (out_height, out_width, filters) = bias + the convolution of x (height, width, channels) whose first
   tap reads (before_row, before_column) before an output. x_points, y_points: `block` tiles' values for
   each point. */
static void {_name("convolve", form)}(const real *x, int height, int width, int channels, int before_row,
                                      int before_column, const real *kernel, const real *bias,
                                      int out_height, int out_width, int filters, const real *zeros,
                                      int block, real *x_points, real *y_points, real *y) {{
    const int across = (out_width + {form.columns.places - 1}) / {form.columns.places};
    const int tiles = (out_height + {form.rows.places - 1}) / {form.rows.places} * across;
    int first, t, i, j;
    for (first = 0; first < tiles; first += block) {{
        const int count = tiles - first < block ? tiles - first : block;
        for (t = 0; t < count; t++) {{
            const int row = (first + t) / across * {form.rows.places} - before_row;
            const int column = (first + t) % across * {form.columns.places} - before_column;
            const real *pixels[{form.points}];
            for (i = 0; i < {form.rows.count}; i++)
                for (j = 0; j < {form.columns.count}; j++)
                    pixels[i * {form.columns.count} + j] =
                        row + i >= 0 && row + i < height && column + j >= 0 && column + j < width
                            ? x + ((row + i) * width + column + j) * channels : zeros;
            {_name("input", form)}(pixels, channels, x_points + t * channels, block * channels);
        }}
        winograd_products(x_points, kernel, {form.points}, block, count, channels, filters, y_points);
        for (t = 0; t < count; t++) {{
            const int row = (first + t) / across * {form.rows.places};
            const int column = (first + t) % across * {form.columns.places};
            real *pixels[{form.outs}];
            for (i = 0; i < {form.rows.places}; i++)
                for (j = 0; j < {form.columns.places}; j++)
                    pixels[i * {form.columns.places} + j] = row + i < out_height && column + j < out_width
                        ? y + ((row + i) * out_width + column + j) * filters : NULL;
            {_name("output", form)}(y_points + t * filters, block * filters, bias, filters, pixels);
        }}
    }}
}}
"""


def winograd_room(plan: Winograd) -> int:
    """Elements that the points of a block of tiles take."""
    return plan.form.points * BLOCK * int(plan.table[AT.channels] + plan.table[AT.filters])


def winograd(
    w: Writer, node: Node, plan: Winograd, x: Value, kernel: Value, bias: Value | None, y: Value
) -> None:
    """Write a convolution by one of the forms."""
    known = w.known(kernel)
    if known is None:
        raise w.refused(node, "its kernel is no weight")
    form, table = plan.form, plan.table
    for what, text in (("input", _input_text), ("output", _output_text), ("convolve", _convolve_text)):
        w.define(_name(what, form), text(form))
    height, width, channels = (int(table[at]) for at in (AT.height, AT.width, AT.channels))
    out_height, out_width, filters = (int(table[at]) for at in (AT.out_height, AT.out_width, AT.filters))
    points = w.constant(
        _points(plan, known), f"{kernel.name} points", (kernel, plan.form.name, out_height, out_width)
    )
    zeros = w.constant(np.zeros(channels, w.dtype), "zeros", ("zeros", channels))
    image, made, batch = height * width * channels, out_height * out_width * filters, int(table[AT.batch])
    split = BLOCK * form.points * channels
    with w.times(batch) as of:
        w.call(
            _name("convolve", form), of(x, image), height, width, channels, int(table[AT.before_row]),
            int(table[AT.before_column]), points, bias, out_height, out_width, filters, zeros, BLOCK,
            w.room(node), w.room(node, split), of(y, made),
        )  # fmt: skip


def _points(plan: Winograd, kernel: Array) -> Array:
    """The kernel's points (points, channels, filters), as nnctl's own kernel makes them."""
    from nnctl.ops.convolution import _lay_out
    from nnctl.program.bind import load_kernel

    laid = np.zeros(plan.kernel_elements, kernel.dtype)
    scratch = np.zeros(plan.scratch_bytes(kernel.itemsize, 1) + 64, np.uint8)
    call = _lay_out(plan, kernel.reshape(-1), np.zeros(0, kernel.dtype), laid, scratch, 1)
    load_kernel(call)(*call.args)
    channels, filters = int(plan.table[AT.channels]), int(plan.table[AT.filters])
    points = np.empty((plan.form.points, channels, filters), kernel.dtype)
    for number_ in range(int(plan.table[AT.panels])):
        panel = plan.table[HEADER + number_ * PANEL : HEADER + (number_ + 1) * PANEL]
        start, width, at, step = (int(panel[i]) for i in (OF.start, OF.width, OF.at, OF.step))
        for point in range(plan.form.points):
            values = laid[at + point * step :][: channels * width].reshape(channels, width)
            points[point, :, start : start + width] = values
    return points

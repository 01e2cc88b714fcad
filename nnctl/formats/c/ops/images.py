"""What is done to an image's numbers by its own extent or shades (`ops/pixels.py`, `ops/histograms.py`)."""

from __future__ import annotations

from nnctl.formats.c.emitters import emits
from nnctl.formats.c.formulas import formula
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.text import number
from nnctl.formats.c.writer import Writer
from nnctl.ops.base import Node
from nnctl.ops.histograms import EqualizeTiles
from nnctl.ops.pixels import Numbers

helper(
    "shade",
    """
/* x as a number from 0 to 255. */
static real shade(real x, real low, real high) {
    return low == 0 && high == 255 ? x : (x - low) / (high - low) * 255;
}
""",
)
helper(
    "shade_bin",
    """
/* The bin that a shade lies in; of NaN, the first. */
static int shade_bin(real x) {
    x = x > 0 ? x : 0;
    return (int)(x < 255 ? x : 255);
}
""",
)
helper(
    "mirrored",
    """
static int mirrored(int index, int size) {
    index = index % (2 * size);
    return index < size ? index : 2 * size - 1 - index;
}
""",
)
helper(
    "tile_table",
    """
/* How frequent lesser shades are in a tile of one channel of x (height, width, channels), none counted more
   often than `limit`. */
static void tile_table(const real *x, int height, int width, int channels, int first_row, int first_column,
                       int down, int across, real low, real high, real limit, real *table) {
    real least, rest;
    int i, j;
    for (i = 0; i < 256; i++)
        table[i] = 0;
    for (i = 0; i < down; i++)
        for (j = 0; j < across; j++) {
            const int at = mirrored(first_row + i, height) * width + mirrored(first_column + j, width);
            table[shade_bin(shade(x[at * channels], low, high))] += 1;
        }
    if (limit > 0) {
        real excess = 0;
        for (i = 0; i < 256; i++)
            excess += 0 > table[i] - limit ? 0 : table[i] - limit;
        for (i = 0; i < 256; i++)
            table[i] = (limit < table[i] ? limit : table[i]) + excess / 256;
    }
    for (i = 1; i < 256; i++)
        table[i] += table[i - 1];
    least = table[0];
    rest = (real)(down * across) - least;
    rest = rest != 0 ? rest : 1;
    for (i = 0; i < 256; i++) {
        const real found = (table[i] - least) * 255 / rest, above = 0 > found ? 0 : found;
        table[i] = 255 < above ? 255 : above;
    }
}
""",
)
helper(
    "tiles_beside",
    """
/* The tiles on both sides of a pixel of an axis, and how far it lies from the first to the second. */
static real tiles_beside(int place, real size, int count, int *first, int *second) {
    const real at = ((real)place - size / 2) / size + 1, low = FLOOR(at);
    const int before = (int)low - 1;
    *first = before < 0 ? 0 : before < count - 1 ? before : count - 1;
    *second = before + 1 < 0 ? 0 : before + 1 < count - 1 ? before + 1 : count - 1;
    return at - low;
}
""",
)
helper(
    "equalize_tiles",
    """
/* y = the shades of x (height, width, channels) by how frequent lesser ones are in the tiles around. */
static void equalize_tiles(const real *x, int height, int width, int channels, real low, real high,
                           real limit, int down, int across, real *tables, real *y) {
    const int rows = (height + down - 1) / down, columns = (width + across - 1) / across;
    const int same = low == 0 && high == 255;
    int c, i, j;
    for (c = 0; c < channels; c++) {
        for (i = 0; i < down; i++)
            for (j = 0; j < across; j++)
                tile_table(x + c, height, width, channels, i * rows, j * columns, rows, columns, low, high,
                           limit, tables + (i * across + j) * 256);
        for (i = 0; i < height; i++) {
            int r0, r1, s0, s1;
            const real lower = tiles_beside(i, (real)rows, down, &r0, &r1);
            for (j = 0; j < width; j++) {
                const int at = (i * width + j) * channels + c, k = shade_bin(shade(x[at], low, high));
                const real right = tiles_beside(j, (real)columns, across, &s0, &s1);
                const real *upper_row = tables + r0 * across * 256 + k;
                const real *lower_row = tables + r1 * across * 256 + k;
                const real above = upper_row[s0 * 256] * (1 - right) + upper_row[s1 * 256] * right;
                const real below = lower_row[s0 * 256] * (1 - right) + lower_row[s1 * 256] * right;
                const real made = above * (1 - lower) + below * lower;
                y[at] = same ? made : made / 255 * (high - low) + low;
            }
        }
    }
}
""",
)


@emits(Numbers)
def _numbers(w: Writer, node: Node) -> None:
    op, (x, draws), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, Numbers)
    rows, count = draws.shape
    row = x.type.size // rows
    drawn = "".join(f", draws[i / {row} * {count} + {d}]" for d in range(count))
    fixed = "".join(f", {number(n, w.dtype)}" for n in op.value.numbers)
    name = formula(w.helpers, op.value.function)
    w.loop(x.type.size, f"y[i] = {name}(x[i]{drawn}{fixed})", x=x, draws=draws, y=y)


def _tables(node: Node) -> int:
    op = node.op
    assert isinstance(op, EqualizeTiles)
    return op._elements()


@emits(EqualizeTiles, room=_tables)
def _equalize(w: Writer, node: Node) -> None:
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, EqualizeTiles)
    batch, height, width, channels = x.shape
    down, across = op.grid
    most = op.limit * (-(-height // down) * -(-width // across)) / 256.0
    size = height * width * channels
    with w.times(batch) as of:
        given = (of(x, size), height, width, channels, float(op.low), float(op.high), most, down, across)
        w.call("equalize_tiles", *given, w.room(node), of(y, size))

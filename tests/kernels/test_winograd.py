"""Winograd's convolution against a plain oracle, its error beside the direct form's, and its bits elsewhere."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from nnctl.kernels import convolution_plan, winograd_plan
from nnctl.kernels.axes import Axis
from nnctl.kernels.convolution_plan import Geometry
from nnctl.kernels.panels import ROWS
from nnctl.kernels.stamp import stamp
from nnctl.kernels.winograd import convolve, transform_kernels
from nnctl.kernels.winograd_forms import FORMS, Form
from nnctl.kernels.winograd_gradient import weight_gradient
from nnctl.kernels.winograd_plan import AT, Winograd, form_of, forward, input_gradient, pays, turned
from tests.kernels import convolution_oracle as oracle
from tests.kernels.convolutions import RELU, RELU6, TARGETS, arrays, digest_elsewhere, run_gather, sized


def summed(
    batch: int, sizes: tuple[int, ...], channels: int, filters: int, kernel: tuple[int, ...],
    before: tuple[int, ...], after: tuple[int, ...],
) -> Geometry:  # fmt: skip
    """A convolution of stride 1."""
    outs = tuple(n + b + a - k + 1 for n, b, a, k in zip(sizes, before, after, kernel, strict=True))
    ones = (1,) * len(sizes)
    return sized(batch, sizes, channels, filters, kernel, ones, ones, before, outs)


def three(
    batch: int, sizes: tuple[int, int], channels: int, filters: int, before: tuple[int, int] = (1, 1),
    after: tuple[int, int] = (1, 1),
) -> Geometry:  # fmt: skip
    """Over 3x3 pixels."""
    return summed(batch, sizes, channels, filters, (3, 3), before, after)


def five(batch: int, sizes: tuple[int, int], channels: int, filters: int, room: int = 2) -> Geometry:
    """Over 5x5 pixels."""
    return summed(batch, sizes, channels, filters, (5, 5), (room, room), (room, room))


def line(
    batch: int, size: int, channels: int, filters: int, taps: int, before: int | None = None,
    after: int | None = None,
) -> Geometry:  # fmt: skip
    """Over some places of one axis."""
    first, last = (taps // 2 if room is None else room for room in (before, after))
    return summed(batch, (size,), channels, filters, (taps,), (first,), (last,))


CASES = {
    "whole tiles": three(2, (8, 12), 16, 32),
    "a batch of one, a tile less than whole": three(1, (3, 2), 16, 16),
    "one pixel": three(3, (1, 1), 17, 16),
    "a row": three(2, (1, 9), 16, 21),
    "sizes and filters off the tile": three(3, (7, 9), 19, 40),
    "not padded": three(2, (7, 10), 16, 53, (0, 0), (0, 0)),
    "padded by two": three(2, (5, 6), 24, 35, (2, 2), (2, 2)),
    "unequally": three(2, (6, 5), 33, 16, (0, 2), (1, 0)),
    "beyond the kernel": three(2, (5, 4), 16, 20, (3, 0), (0, 4)),
    "blocks of several images": three(9, (8, 7), 16, 16),
    "chunks of filters": three(1, (9, 6), 16, 300),
    "5x5": five(2, (8, 6), 16, 32),
    "5x5, a pixel": five(1, (1, 1), 17, 16),
    "5x5, off the tile, unequally": summed(3, (7, 9), 19, 40, (5, 5), (0, 3), (2, 1)),
    "5x5, beyond the kernel": five(2, (3, 4), 16, 16, 5),
    "5x5, chunks of filters": five(1, (5, 6), 16, 300),
    "three in a line": line(2, 13, 16, 33, 3),
    "three in a line, one place": line(1, 1, 18, 16, 3),
    "three in a line, not padded": line(3, 9, 20, 35, 3, 0, 0),
    "three in a line, blocks of several": line(37, 19, 16, 17, 3, 2, 0),
    "five in a line": line(2, 16, 16, 48, 5),
    "five in a line, one place": line(1, 1, 17, 16, 5),
    "five in a line, not padded": line(3, 11, 21, 36, 5, 0, 0),
    "five in a line, beyond the kernel": line(2, 3, 16, 16, 5, 6, 7),
    "five in a line, causal, blocks of several": line(31, 18, 16, 20, 5, 4, 0),
    "five in a line, chunks of filters": line(1, 9, 16, 300, 5),
    "three in each row": summed(2, (3, 10), 16, 21, (1, 3), (0, 1), (0, 1)),
    "five in each row, rows of zeros around": summed(2, (3, 7), 16, 21, (1, 5), (1, 2), (2, 2)),
}


def run(
    plan: Winograd, x: np.ndarray, kernel: np.ndarray, shape: tuple[int, ...], bias: np.ndarray | None = None,
    bounds: tuple[float, ...] = (), gate: np.ndarray | None = None, threads: int = 2,
) -> np.ndarray:  # fmt: skip
    """The kernels over buffers that start as NaN."""
    none = np.zeros(0, x.dtype)
    y = np.full(shape, np.nan, x.dtype)
    scratch = np.full(plan.elements(threads), np.nan, x.dtype)
    places = np.zeros(plan.addresses(threads), np.int64)
    laid = np.full(plan.kernel_elements, np.nan, x.dtype)
    transform_kernels(plan.form)(kernel.ravel(), plan.table, scratch, laid)
    convolve(plan.form)(
        x.ravel(), laid, none if bias is None else bias, np.array(bounds, x.dtype), plan.work,
        none if gate is None else gate.ravel(), plan.table, scratch, places, y.reshape(-1),
    )  # fmt: skip
    return y


def both(g: Geometry, dtype: str) -> list[np.ndarray]:
    """y and dx by the kernels."""
    x, kernel, bias, dy = arrays(g, dtype)
    return [
        run(forward(g, x.itemsize), x, kernel, dy.shape, bias),
        run(input_gradient(g, x.itemsize), dy, kernel, x.shape),
    ]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_against_oracle(name: str, dtype: str) -> None:
    g = CASES[name]
    x, kernel, bias, dy = arrays(g, dtype)
    expected = [oracle.convolve(x, kernel, bias, g), oracle.gradients(x, kernel, dy, g)[0]]
    tolerance = 2e-5 if dtype == "float32" else 1e-13
    for got, want in zip(both(g, dtype), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * max(1, abs(want).max()))


@pytest.mark.parametrize(
    "name", ["sizes and filters off the tile", "chunks of filters", "five in a line, beyond the kernel"]
)
def test_bias_bounds_and_gate(name: str) -> None:
    g = CASES[name]
    x, kernel, bias, dy = arrays(g, "float32")
    plain = run(forward(g, 4), x, kernel, dy.shape)
    added = run(forward(g, 4), x, kernel, dy.shape, bias)
    np.testing.assert_allclose(added, plain + bias, atol=1e-5)
    for bounds in (RELU, RELU6, (-1.5, 0.25)):
        clipped = run(forward(g, 4), x, kernel, dy.shape, bias, bounds)
        np.testing.assert_array_equal(clipped, np.clip(added, *bounds))
    dx, gate = run(input_gradient(g, 4), dy, kernel, x.shape), x[..., ::-1].copy()
    gate.reshape(-1)[:2] = 0, np.nan
    gated = run(input_gradient(g, 4), dy, kernel, x.shape, gate=gate)
    np.testing.assert_array_equal(gated, np.where(gate > 0, dx, 0))


def test_large_enough_for_threads() -> None:
    """Many blocks, and a kernel whose transform is shared."""
    g = three(5, (17, 18), 130, 144)
    x, kernel, bias, dy = arrays(g, "float32")
    got, dx = both(g, "float32")
    for threads in (1, 3):
        np.testing.assert_array_equal(got, run(forward(g, 4), x, kernel, dy.shape, bias, threads=threads))
    np.testing.assert_allclose(got, _plainly(g, x, kernel) + bias, atol=1e-3)
    back = np.ascontiguousarray(kernel[::-1, ::-1].swapaxes(2, 3))
    np.testing.assert_allclose(dx, _plainly(turned(g), dy, back), atol=1e-3)


def _plainly(g: Geometry, x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """y in float64, quicker than the oracle."""
    padded = np.pad(x.astype("float64"), [(0, 0), *((a.before, a.after) for a in g.axes), (0, 0)])
    places = [[slice(i, i + n) for i in range(k)] for n, k in zip(g.outs, g.kernel, strict=True)]
    weights = kernel.reshape(-1, g.channels, g.filters).astype("float64")
    return sum(padded[:, *place] @ tap for place, tap in zip(product(*places), weights, strict=True))


def test_an_image_has_the_same_bits_in_any_batch() -> None:
    _same_in_any_batch(three(7, (9, 14), 20, 44))


def test_an_image_has_the_same_bits_in_any_batch_by_other_forms() -> None:
    """One image alone is cut otherwise than many are."""
    for g in (
        three(7, (18, 17), 20, 300),
        five(7, (9, 11), 20, 80),
        line(7, 61, 16, 70, 3),
        line(7, 90, 16, 130, 5),
    ):
        _same_in_any_batch(g)


def _same_in_any_batch(g: Geometry) -> None:
    x, kernel, bias, dy = arrays(g, "float32")
    whole, back = both(g, "float32")
    for images in ([0], [6], [3, 4, 5]):
        some = replace(g, batch=len(images))
        y = run(forward(some, 4), x[images], kernel, dy[images].shape, bias)
        np.testing.assert_array_equal(y, whole[images])
        dx = run(input_gradient(some, 4), dy[images], kernel, x[images].shape)
        np.testing.assert_array_equal(dx, back[images])
    assert all(pays(replace(g, batch=n), 4) == pays(g, 4) for n in (1, 2, 7, 100))


def test_the_error_is_near_the_direct_forms() -> None:
    """The largest error against float64 is below four times the direct form's (it is about twice)."""
    for g in (
        three(4, (32, 32), 32, 32), three(4, (16, 16), 16, 64), three(4, (16, 16), 64, 64),
        three(4, (8, 8), 128, 128), three(4, (14, 14), 256, 128), three(4, (32, 32), 16, 16),
        three(4, (64, 64), 48, 16), five(4, (24, 24), 24, 48), five(2, (14, 14), 64, 64),
        line(9, 128, 64, 128, 3), line(9, 128, 64, 128, 5), line(40, 17, 150, 32, 5), line(5, 200, 32, 32, 5),
    ):  # fmt: skip
        x, kernel, _, dy = arrays(g, "float32")
        for positive in (False, True):
            # What a relu lets through does not cancel.
            seen = np.maximum(x, 0) if positive else x
            exact = _plainly(g, seen, kernel)
            error = np.abs(run(forward(g, 4), seen, kernel, dy.shape) - exact).max()
            assert error < 4 * np.abs(_direct(g, seen, kernel) - exact).max()


def _direct(g: Geometry, x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    y = np.empty((g.batch, *g.outs, g.filters), "float32")
    run_gather(convolution_plan.forward(g, 4), x, kernel, np.zeros(0, "float32"), (), y)
    return y


def test_what_is_not_finite_reaches_all_of_its_tile() -> None:
    """And of the tiles beside it what the direct form reaches, too."""
    g = three(2, (12, 16), 16, 32)
    x, kernel, bias, dy = arrays(g, "float32")
    for row, column, rows, columns in (
        (5, 6, (4, 8), (4, 8)),
        (4, 7, (3, 8), (4, 9)),
        (0, 15, (0, 4), (12, 16)),
    ):
        for number in (np.nan, np.inf):
            bad = x.copy()
            bad[1, row, column, 3] = number
            finite = np.isfinite(run(forward(g, 4), bad, kernel, dy.shape, bias))
            assert not finite[1, slice(*rows), slice(*columns)].any()
            finite[1, slice(*rows), slice(*columns)] = True
            assert finite.all()
    bad[1, 0, 15, 3] = np.nan
    assert np.isnan(run(forward(g, 4), bad, kernel, dy.shape, bias, RELU6)).sum() == 16 * 32


def test_which_pay() -> None:
    g = three(8, (14, 14), 32, 32)
    assert pays(g, 4)
    assert pays(turned(g), 4)
    assert pays(three(1, (16, 17), 16, 16), 4)
    for other in (
        three(1, (15, 32), 16, 16), three(1, (16, 17), 15, 16), three(1, (16, 17), 16, 15),
        replace(g, groups=2), replace(g, channels=15), replace(g, filters=15), replace(g, channels=31),
        three(8, (14, 6), 32, 32), three(8, (9, 9), 32, 32),
        replace(g, axes=(*g.axes, g.axes[0])), replace(g, axes=(g.axes[0], Axis(14, 7, 3, 2, before=1))),
        replace(g, axes=(g.axes[0], Axis(14, 14, 3, 1, 2, before=2))),
        replace(g, axes=(g.axes[0], Axis(14, 14, 5, before=2))),
    ):  # fmt: skip
        assert not pays(other, 4)
    assert not pays(g, 8)


def test_which_others_pay() -> None:
    for g in (five(1, (7, 8), 32, 32), line(1, 7, 32, 32, 3), line(1, 7, 64, 16, 5)):
        assert pays(g, 4)
        assert not pays(g, 8)
        assert not pays(replace(g, channels=16, filters=63), 4)
        assert not pays(replace(g, groups=2), 4)
    in_rows = summed(1, (3, 20), 64, 16, (1, 5), (0, 2), (0, 2))
    assert form_of(in_rows) is form_of(line(1, 20, 64, 16, 5)) is not None
    assert pays(in_rows, 4)
    for g in (
        five(1, (40, 40), 16, 32), five(1, (6, 40), 64, 64), line(1, 6, 64, 64, 3), line(1, 90, 64, 64, 7),
        summed(1, (20, 3), 64, 64, (5, 1), (2, 0), (2, 0)), summed(1, (20, 20), 64, 64, (3, 5), (1, 2), (1, 2)),
        replace(in_rows, axes=(Axis(6, 3, 1, 2), in_rows.axes[1])),
    ):  # fmt: skip
        assert not pays(g, 4)


def test_blocks_are_whole_register_tiles() -> None:
    for form in FORMS:
        assert form.block % ROWS == form.block % 6 == form.block % 8 == 0


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_what_is_compiled_can_be_kept(form: Form) -> None:
    """All that the kernels close over has a name that lasts; each form's code is its own."""
    made = [stamp(make(form).py_func) for make in (transform_kernels, convolve, weight_gradient)]
    others = [stamp(convolve(other).py_func) for other in FORMS if other is not form]
    assert len({*made, *others}) == len(made) + len(others)


def test_how_few_tiles_are_cut() -> None:
    """Into tasks enough for some threads, the filters of one block first."""
    cuts = [
        (three(1, (8, 8), 32, 32), (12, 1, 1)), (three(1, (16, 16), 32, 32), (12, 2, 1)),
        (three(1, (16, 16), 64, 64), (12, 2, 2)), (three(1, (16, 16), 64, 144), (16, 1, 5)),
        (three(1, (32, 32), 32, 32), (16, 4, 1)), (three(3, (32, 32), 32, 32), (24, 8, 1)),
        (three(2, (16, 16), 32, 304), (16, 2, 2)), (line(1, 128, 64, 128, 5), (32, 1, 4)),
        (three(1, (16, 16), 32, 96), (12, 2, 3)), (line(1, 1360, 64, 64, 5), (48, 8, 1)),
    ]  # fmt: skip
    for g, cut in cuts:
        table = forward(g, 4).table
        assert (table[AT.take], table[AT.blocks], table[AT.chunks]) == cut


def test_headers_are_read_by_the_names_they_are_built_by() -> None:
    """A name that stood for another number would be misread in silence: here all differ."""
    g = three(5, (21, 34), 48, 304, (2, 0), (1, 3))
    table = forward(g, 4).table
    expected = {
        "batch": 5, "height": 21, "width": 34, "channels": 48, "before_row": 2, "before_column": 0,
        "out_height": 22, "out_width": 35, "filters": 304, "tile_rows": 6, "tile_columns": 9, "tiles": 270,
        "tile_height": 4, "read_height": 6, "points": 36, "outs": 16, "take": 24,
        "block": 24, "blocks": 12, "chunks": 1, "panels": 10, "transposed": 0,
    }  # fmt: skip
    assert {name: table[getattr(AT, name)] for name in expected} == expected
    back = input_gradient(g, 4).table
    expected = {
        "height": 22, "width": 35, "channels": 304, "before_row": 0, "before_column": 2, "out_height": 21,
        "out_width": 34, "filters": 48, "transposed": 1,
    }  # fmt: skip
    assert {name: back[getattr(AT, name)] for name in expected} == expected
    of_a_line = forward(line(3, 21, 48, 304, 5, 1, 4), 4).table
    expected = {
        "height": 1, "width": 21, "before_row": 0, "before_column": 1, "out_height": 1, "out_width": 22,
        "tile_height": 1, "tile_width": 4, "read_height": 1, "read_width": 8, "points": 8, "outs": 4,
    }  # fmt: skip
    assert {name: of_a_line[getattr(AT, name)] for name in expected} == expected
    with pytest.raises(TypeError, match="missing"):
        winograd_plan.Header(**dict.fromkeys(winograd_plan.Header._fields[1:], 0))


def digest() -> str:
    """Hash of all results for some geometries; also run in other processes below."""
    found = hashlib.sha256()
    for g in (*CASES.values(), three(6, (17, 18), 20, 36)):
        for array in both(g, "float32"):
            found.update(array.tobytes())
    return found.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_same_bits(target: str) -> None:
    assert digest_elsewhere(__name__, target) == digest()

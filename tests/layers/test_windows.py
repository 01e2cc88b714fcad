"""How many windows fit along an axis, and what is put around it."""

from __future__ import annotations

import pytest

from nnctl.core.errors import ShapeError
from nnctl.layers.windows import around, around_each, positions, slide


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
def test_windows_by_counting(padding: str) -> None:
    """Every start of a whole window on the padded axis is a position; `same` gives one for each stride."""
    for length in range(1, 8):
        for window in range(1, 5):
            for stride in range(1, 4):
                before, after = around(length, window, stride, padding)
                starts = range(0, length + before + after - window + 1, stride)
                case = (length, window, stride)
                assert positions(length, window, stride, padding) == len(starts), case
                if padding == "same":
                    assert len(starts) == len(range(0, length, stride)), case


@pytest.mark.parametrize(
    ("case", "pads"),
    [
        ((5, 3, 1, "same"), (1, 1)),
        ((5, 2, 1, "same"), (0, 1)),
        ((6, 4, 3, "same"), (0, 1)),
        ((5, 1, 3, "same"), (0, 0)),
        ((5, 3, 2, "causal"), (2, 0)),
        ((5, 3, 2, "valid"), (0, 0)),
    ],
)
def test_zeros_around(case: tuple[int, int, int, str], pads: tuple[int, int]) -> None:
    """As few as needed; of an odd number the last is put after."""
    assert around(*case) == pads


def test_a_length_that_varies_has_no_number_of_windows() -> None:
    assert positions(None, 3, 1, "valid") is None
    assert slide("Conv2D", "kernel_size", (None, 4), (3, 4), (1, 1), "valid") == (None, 1)


def test_a_window_that_does_not_fit() -> None:
    with pytest.raises(ShapeError) as caught:
        slide("Conv2D", "kernel_size", (3, 4), (3, 5), (1, 1), "valid")
    assert caught.value.path == ("kernel_size",)
    assert caught.value.expected == "a kernel_size that fits, or padding: same"
    assert slide("Conv2D", "kernel_size", (3, 4), (3, 5), (1, 1), "same") == (3, 4)


def test_around_each_axis_by_itself() -> None:
    lengths, windows, strides = (5, 6, 7), (3, 4, 2), (1, 3, 1)
    assert around_each(lengths, windows, strides, "same") == [(1, 1), (0, 1), (0, 1)]
    assert around_each(lengths, windows, strides, "causal") == [(2, 0), (3, 0), (1, 0)]
    with pytest.raises(ValueError, match="shorter"):
        around_each(lengths, windows[:2], strides, "same")

"""One spatial axis of whatever windows slide over: convolutions, pooling."""

from __future__ import annotations

from nnctl.core.records import record


@record
class Axis:
    """Lengths of x, y and the window, steps between windows and between taps, the room before x's start.

    How much room follows the last is said by `out`.
    """

    size: int
    out: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0

    @property
    def extent(self) -> int:
        """Elements from a window's first tap to its last."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def after(self) -> int:
        """How far windows reach after x's last element; negative: elements that none reaches."""
        return (self.out - 1) * self.stride + self.extent - self.before - self.size

    @property
    def trivial(self) -> bool:
        """Is there one place only?"""
        return self.size == self.out == self.kernel == 1 and self.before == 0

"""What convolutions over one and two axes share: fields, weights, shape rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import PositiveInt, field_validator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from nnctl.activations.base import Activation
from nnctl.constraints.base import Constraint
from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.initializers.base import Initializer
from nnctl.layers.base import Layer, Weight, need_known, need_rank
from nnctl.layers.windows import slide
from nnctl.regularizers.base import Regularizer


class Convolution(Layer):
    """A convolution over the spatial axes named by `spatial`; subclasses give sizes and `call`.

    Shapes: x (B, *spatial, C), kernel (*kernel_size, C / groups, F), bias (F,), y (B, *spatial', F).
    """

    supports_masking: ClassVar[bool] = False
    spatial: ClassVar[tuple[str, ...]]
    """The spatial axes' names, for errors."""

    filters: PositiveInt
    """How many channels come out: F."""
    kernel_size: Any
    """The window's extent along each spatial axis."""
    strides: Any
    """The steps between windows."""
    padding: str = "valid"
    """`valid` uses whole windows only; `same` pads with zeros so that a stride of 1 keeps the size."""
    data_format: Literal["channels_last"] = "channels_last"
    """Where the channels are: always last."""
    dilation_rate: Any
    """The steps between a window's taps."""
    groups: PositiveInt = 1
    """How many groups the channels are split into; each is convolved by itself."""
    activation: Activation = "linear"
    """What is applied to the result."""
    use_bias: bool = True
    """Whether a bias is added to each channel."""
    kernel_initializer: Initializer = "glorot_uniform"
    """First values of the kernel."""
    bias_initializer: Initializer = "zeros"
    """First values of the bias."""
    kernel_regularizer: Regularizer | None = None
    """Penalty on the kernel."""
    bias_regularizer: Regularizer | None = None
    """Penalty on the bias."""
    activity_regularizer: Regularizer | None = None
    """Penalty on y, divided by the batch size."""
    kernel_constraint: Constraint | None = None
    """What the kernel satisfies after each update."""
    bias_constraint: Constraint | None = None
    """What the bias satisfies after each update."""

    @field_validator("dilation_rate")
    @classmethod
    def _strides_or_dilation(cls, value: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if max(value) > 1 and any(stride > 1 for stride in info.data.get("strides", ())):
            raise PydanticCustomError(
                "dilation", "strides and dilation_rate cannot both be above 1 (as in Keras)"
            )
        return value

    @field_validator("groups")
    @classmethod
    def _groups_divide_filters(cls, value: int, info: ValidationInfo) -> int:
        if info.data.get("filters", value) % value:
            raise PydanticCustomError(
                "groups",
                "{filters} filters cannot be split into {groups} groups",
                {"filters": info.data["filters"], "groups": value},
            )
        return value

    @property
    def window(self) -> tuple[int, ...]:
        """The extent of the dilated kernel along each spatial axis."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True))

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        self._channels(x)
        size = slide(self.kind, "kernel_size", x[:-1], self.window, self.strides, self.padding)
        return (*size, self.filters)

    def _channels(self, x: Shape) -> int:
        need_rank(self.kind, x, len(self.spatial) + 1, ", ".join((*self.spatial, "channels")))
        channels = need_known(self.kind, x, -1, "the channels")
        if channels % self.groups:
            raise ShapeError(
                f"{self.kind} cannot split the {channels} channels of {show(x)} into {self.groups} groups",
                field="groups",
                expected=f"a divisor of {channels}",
            )
        return channels

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        (x,) = inputs
        channels = self._channels(x)
        weights = {
            "kernel": Weight(
                (*self.kernel_size, channels // self.groups, self.filters),
                self.kernel_initializer,
                self.kernel_regularizer,
                self.kernel_constraint,
            )
        }
        if self.use_bias:
            weights["bias"] = Weight(
                (self.filters,), self.bias_initializer, self.bias_regularizer, self.bias_constraint
            )
        return weights

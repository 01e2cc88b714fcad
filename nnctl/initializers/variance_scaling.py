"""Initializers whose spread follows from the weight's fans, so that signals keep their size."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, Literal

from pydantic import PositiveFloat

from nnctl.core.arrays import Array
from nnctl.core.errors import ShapeError
from nnctl.core.keys import Key
from nnctl.core.shapes import show
from nnctl.initializers.base import RandomSpec, register
from nnctl.initializers.draws import normal, truncated_normal, uniform
from nnctl.initializers.fans import fans

FanMode = Literal["fan_in", "fan_out", "fan_avg"]
Distribution = Literal["truncated_normal", "untruncated_normal", "uniform"]

# The standard deviation of a normal distribution cut off at two standard deviations.
TRUNCATED_STDDEV = 0.87962566103423978


class ScaledByFans(RandomSpec):
    """Zero-mean numbers of variance scale / n, n by `mode` from the fans; subclasses say which."""

    input_axes: tuple[int, ...] | None = None
    """The weight's axes that count as inputs; default: all but the last."""
    output_axes: tuple[int, ...] | None = None
    """The weight's axes that count as outputs; default: all but the last but one."""

    def rule(self) -> tuple[float, FanMode, Distribution]:
        """(scale, mode, distribution)."""
        raise NotImplementedError

    def check_shape(self, shape: tuple[int, ...]) -> None:
        rank = len(shape)
        for field in ("input_axes", "output_axes"):
            axes = getattr(self, field)
            if axes is not None and any(not -rank <= axis < rank for axis in axes):
                raise ShapeError(
                    f"{type(self).__name__} counts axes {list(axes)}, which a weight of shape {show(shape)} "
                    "does not have",
                    field=field,
                    expected=f"axes from {-rank} to {rank - 1}",
                )

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> Array:
        scale, mode, distribution = self.rule()
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
        variance = scale / max(1.0, n)
        if distribution == "uniform":
            limit = sqrt(3 * variance)
            values = limit * (2 * uniform(shape, self.stream(key)) - 1)
        elif distribution == "truncated_normal":
            values = sqrt(variance) / TRUNCATED_STDDEV * truncated_normal(shape, self.stream(key))
        else:
            values = sqrt(variance) * normal(shape, self.stream(key))
        return values.astype(dtype)


def counting(initializer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Any:
    """An initializer that counts these axes of a weight as inputs and outputs, unless it says both itself."""
    if isinstance(initializer, ScaledByFans) and None in (initializer.input_axes, initializer.output_axes):
        return initializer.model_copy(update={"input_axes": tuple(inputs), "output_axes": tuple(outputs)})
    return initializer


@register
class VarianceScaling(ScaledByFans):
    """Any scale, mode and distribution. Source: keras.initializers.VarianceScaling."""

    scale: PositiveFloat = 1.0
    """The variance times n."""
    mode: FanMode = "fan_in"
    """What n is: the number of inputs, of outputs, or their mean."""
    distribution: Distribution = "truncated_normal"
    """What the numbers are drawn from."""

    def rule(self) -> tuple[float, FanMode, Distribution]:
        return self.scale, self.mode, self.distribution


@register
class GlorotUniform(ScaledByFans):
    """Uniform over +-sqrt(6 / (fan_in + fan_out)). Source: keras.initializers.GlorotUniform."""

    def rule(self) -> tuple[float, FanMode, Distribution]:
        return 1.0, "fan_avg", "uniform"


@register
class GlorotNormal(ScaledByFans):
    """Truncated normal of variance 2 / (fan_in + fan_out). Source: keras.initializers.GlorotNormal."""

    def rule(self) -> tuple[float, FanMode, Distribution]:
        return 1.0, "fan_avg", "truncated_normal"


@register
class HeUniform(ScaledByFans):
    """Uniform over +-sqrt(6 / fan_in). Source: keras.initializers.HeUniform (He et al., 2015)."""

    def rule(self) -> tuple[float, FanMode, Distribution]:
        return 2.0, "fan_in", "uniform"


@register
class HeNormal(ScaledByFans):
    """Truncated normal of variance 2 / fan_in. Source: keras.initializers.HeNormal."""

    def rule(self) -> tuple[float, FanMode, Distribution]:
        return 2.0, "fan_in", "truncated_normal"


@register
class LecunUniform(ScaledByFans):
    """Uniform over +-sqrt(3 / fan_in). Source: keras.initializers.LecunUniform (Klambauer et al., 2017)."""

    def rule(self) -> tuple[float, FanMode, Distribution]:
        return 1.0, "fan_in", "uniform"


@register
class LecunNormal(ScaledByFans):
    """Truncated normal of variance 1 / fan_in. Source: keras.initializers.LecunNormal."""

    def rule(self) -> tuple[float, FanMode, Distribution]:
        return 1.0, "fan_in", "truncated_normal"

"""Fields that many layers have, by what they are for: a kernel, a bias, an activation, the layout of images.

A layer names those it has among its bases. They come after its own fields in a config and in the reference.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import NonNegativeFloat

from nnctl.activations.base import Activation
from nnctl.constraints.base import Constraint
from nnctl.initializers.base import Initializer
from nnctl.layers.base import Layer, Weight
from nnctl.layers.call_arguments import Inference
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.regularizers.base import Regularizer


class WithActivation(Layer):
    """A layer whose result goes through an activation."""

    shared_fields: ClassVar[bool] = True

    activation: Activation = "linear"
    """What is applied to the result."""
    activity_regularizer: Regularizer | None = None
    """Penalty on the output, divided by the batch size."""

    def activated(self, ctx: LayerContext, x: Value) -> Value:
        """The output (B, ...): the activation of x, and its penalty added to the loss."""
        return ctx.regularize(self.activity_regularizer, self.activation.apply(x))


class WithTraining(Layer):
    """A layer that works in another way while training."""

    shared_fields: ClassVar[bool] = True

    training: Inference = None
    """Of a call: false works as in inference, while training too; default: as the model does."""


class WithDataFormat(Layer):
    """A layer where the layout of images can be said, though there is one only."""

    shared_fields: ClassVar[bool] = True

    data_format: Literal["channels_last"] = "channels_last"
    """Where the channels are: always last."""


class WithKernel(Layer):
    """A layer with a weight that its input is multiplied by."""

    shared_fields: ClassVar[bool] = True

    kernel_initializer: Initializer = "glorot_uniform"
    """First values of the kernel."""
    kernel_regularizer: Regularizer | None = None
    """Penalty on the kernel."""
    kernel_constraint: Constraint | None = None
    """What the kernel satisfies after each update."""


class WithRecurrentKernel(Layer):
    """A layer with a weight that its state is multiplied by."""

    shared_fields: ClassVar[bool] = True

    recurrent_initializer: Initializer = "orthogonal"
    """First values of the recurrent kernel, which multiplies the state."""
    recurrent_regularizer: Regularizer | None = None
    """Penalty on the recurrent kernel."""
    recurrent_constraint: Constraint | None = None
    """What the recurrent kernel satisfies after each update."""


class WithBias(Layer):
    """A layer that adds a weight."""

    shared_fields: ClassVar[bool] = True

    use_bias: bool = True
    """Whether a bias is added."""
    bias_initializer: Initializer = "zeros"
    """First values of the bias."""
    bias_regularizer: Regularizer | None = None
    """Penalty on the bias."""
    bias_constraint: Constraint | None = None
    """What the bias satisfies after each update."""

    def with_bias(self, weights: dict[str, Weight], *shape: int) -> dict[str, Weight]:
        """The weights, and behind them the bias, where there is one."""
        return weights | ({"bias": self.weight("bias", shape)} if self.use_bias else {})


class WithScale(Layer):
    """A layer that scales by gamma and shifts by beta what it has normalized."""

    shared_fields: ClassVar[bool] = True

    epsilon: NonNegativeFloat = 1e-3
    """What is added to the variance."""
    center: bool = True
    """Whether beta is added."""
    scale: bool = True
    """Whether gamma multiplies."""
    beta_initializer: Initializer = "zeros"
    """First values of beta."""
    gamma_initializer: Initializer = "ones"
    """First values of gamma."""
    beta_regularizer: Regularizer | None = None
    """Penalty on beta."""
    gamma_regularizer: Regularizer | None = None
    """Penalty on gamma."""
    beta_constraint: Constraint | None = None
    """What beta satisfies after each update."""
    gamma_constraint: Constraint | None = None
    """What gamma satisfies after each update."""

    def scale_weights(self, shape: tuple[int, ...]) -> dict[str, Weight]:
        """Those of gamma and beta that there are."""
        there = {"gamma": self.scale, "beta": self.center}
        return {name: self.weight(name, shape) for name, given in there.items() if given}

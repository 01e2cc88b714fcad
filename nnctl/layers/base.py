"""What a layer is: its config, its shape rule, its weights, and what it computes, in one frozen model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import CO_VARARGS
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from nnctl.core.errors import Path, ShapeError
from nnctl.core.ranges import ANY, Range
from nnctl.core.records import record
from nnctl.core.registry import Registry
from nnctl.core.shapes import Shape, show
from nnctl.core.spec import Spec
from nnctl.layers.call_arguments import CallArgument
from nnctl.layers.in_keras import InKeras

if TYPE_CHECKING:
    from nnctl.core.arrays import Array
    from nnctl.layers.context import LayerContext, Masked
    from nnctl.ops.base import Value

layers: Registry[Layer] = Registry("layer", "nnctl.layers")
register = layers.register


@record
class Weight:
    """One weight of a layer: what to allocate, how to fill it, what holds it in check.

    Attributes:
        shape: All axes, no batch axis.
        initializer: An `initializers.Initializer`.
        regularizer: A `regularizers.Regularizer` or None; its penalty is added to the loss.
        constraint: A `constraints.Constraint` or None; applied after each update.
        trainable: False for statistics such as BatchNormalization's moving mean.
    """

    shape: tuple[int, ...]
    initializer: Any
    regularizer: Any = None
    constraint: Any = None
    trainable: bool = True


_KINDS = {"initializer": 1, "regularizer": 2, "constraint": 3}


class Layer(Spec):
    """A layer's config and meaning.

    A subclass gives `compute_output_shape`, `weights` where it has any, and `call`, each with the layer's
    inputs as parameters: `(self, x)` takes one, `(self, *inputs)` any number. A layer with several outputs
    returns a list of shapes and a list of tensors.
    """

    name: str | None = None
    """The layer's name, unique in its model; default: the type in snake case, numbered."""
    trainable: bool = True
    """Whether training changes this layer's weights."""

    fewest_inputs: ClassVar[int] = 1
    """Of a layer that takes any number of inputs: how many it needs."""
    supports_masking: ClassVar[bool] = True
    """Whether a mask that comes in goes on to the output (Keras: `supports_masking`)."""
    any_dtype: ClassVar[bool] = False
    """Whether inputs of any dtype are taken as they come; others are cast to the model's floats first."""

    passes_gradient: ClassVar[bool] = True
    """Whether layers before it can learn through it; where not, none of them may have weights to learn."""
    mixes_examples: ClassVar[bool] = False
    """Whether it makes each example of several while training, of which it says `LayerContext.mixings`.

    Targets and sample weights of all outputs after it are mixed alike.
    """
    keeps_range: ClassVar[bool] = False
    """Whether its outputs lie between the least and the largest of its input (Flatten, pooling)."""

    is_input: ClassVar[bool] = False
    """Whether data enters the model here: it reads no layer, and has the fields `shape` and `dtype`."""
    nests: ClassVar[Literal["chain", "graph"] | None] = None
    """Whether it is a model of its own, and of which form: each layer after the other, or wired by names."""
    in_keras: ClassVar[InKeras] = InKeras()
    """Where Keras keeps its weights, and how Keras calls it."""

    shared_fields: ClassVar[bool] = False
    """Whether a base's fields come after those of the layers that have it (see `layers.fields`)."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Put what `layers.fields` declares behind the layer's own fields, before its schema is made.

        As in Keras: what is neither, then initializers, regularizers (the activity's last), constraints.
        """
        fields = cls.__pydantic_fields__
        shared = [base for base in cls.__mro__ if vars(base).get("shared_fields")]
        late = [name for base in shared for name in base.__annotations__ if name in fields]
        for name in sorted(
            late, key=lambda n: (_KINDS.get(n.rpartition("_")[2], 0), n.startswith("activity_"))
        ):
            fields[name] = fields.pop(name)

    @classmethod
    def takes(cls) -> tuple[int, int | None]:
        """The fewest and the most inputs, as the parameters of `call` say; None for any number."""
        code, optional = cls.call.__code__, len(cls.call.__defaults__ or ())
        named = code.co_argcount - len(("self", "ctx"))
        if code.co_flags & CO_VARARGS:
            return max(named - optional, cls.fewest_inputs), None
        return named - optional, named

    def needs(self) -> int:
        """The fewest inputs that this layer takes."""
        return self.takes()[0]

    @classmethod
    def input_names(cls) -> tuple[str, ...]:
        """What the inputs are called, as the parameters of `call` say.

        None for one input, for any number, and for parameters that are positional only (`first, second, /`).
        """
        code = cls.call.__code__
        names = code.co_varnames[max(len(("self", "ctx")), code.co_posonlyargcount) : code.co_argcount]
        return names if len(names) > 1 and not code.co_flags & CO_VARARGS else ()

    @classmethod
    def call_arguments(cls) -> tuple[str, ...]:
        """The fields that belong to a call of the layer (`layers.call_arguments`)."""
        fields = cls.model_fields.items()
        return tuple(n for n, info in fields if any(isinstance(m, CallArgument) for m in info.metadata))

    def called(self, arguments: Mapping[str, Any]) -> Self:
        """This layer as another call has it: with these call arguments, the others at their defaults."""
        fields = type(self).model_fields
        defaults = {name: fields[name].default for name in self.call_arguments()}
        return self.model_copy(update={**defaults, **arguments})

    def given_arguments(self) -> dict[str, Any]:
        """The call arguments that are not at their defaults."""
        values = {name: getattr(self, name) for name in self.call_arguments()}
        return {n: value for n, value in values.items() if value != type(self).model_fields[n].default}

    @property
    def kind(self) -> str:
        """What a config calls this layer: its class's name."""
        return type(self).__name__

    def compute_output_shape(self, *inputs: Any, **named: Any) -> Shape | list[Shape]:
        """The output's shape (or a list, for several outputs) from the inputs' shapes.

        Raises:
            ShapeError: an input does not fit; the message says why, in this layer's terms.
        """
        raise NotImplementedError

    def activated_shape(self, *inputs: Any) -> Shape | list[Shape]:
        """`compute_output_shape`, and what the activation makes of that. Raises ShapeError as it does."""
        made = self.compute_output_shape(*inputs)
        activation = getattr(self, "activation", None)
        if activation is None or isinstance(made, list):
            return made
        try:
            seen: Shape = activation.output_shape(made)
        except ShapeError as error:
            error.path = ("activation", *error.path)
            raise
        return seen

    def weights(self, *inputs: Any, **named: Any) -> Mapping[str, Weight]:
        """The layer's weights by name, in Keras's order (trainable ones first, then statistics).

        Called only with shapes that `compute_output_shape` took.
        """
        return {}

    def weight(self, name: str, shape: tuple[int, ...], trainable: bool = True) -> Weight:
        """A weight (all axes, no batch axis) filled and held in check by the fields that are named after it.

        Those of `kernel` are `kernel_initializer`, `kernel_regularizer` and `kernel_constraint`, the last two
        where the layer has them; those of `recurrent_kernel` begin with `recurrent_`, as in Keras.
        """
        prefix = name if hasattr(self, f"{name}_initializer") else name.removesuffix("_kernel")
        return Weight(
            shape,
            getattr(self, f"{prefix}_initializer"),
            getattr(self, f"{prefix}_regularizer", None),
            getattr(self, f"{prefix}_constraint", None),
            trainable,
        )

    def output_range(self, *inputs: Any, **named: Any) -> Range | None:
        """Between what its outputs lie, from the ranges of its inputs; None where that is not known.

        By default that of its activation, whose input may be any number.
        """
        if self.keeps_range:
            (x,) = inputs
            kept: Range | None = x
            return kept
        activation = getattr(self, "activation", None)
        found: Range | None = activation.value_range(ANY) if activation is not None else None
        return found

    def index_count(self) -> str | None:
        """The field that says how many class numbers there are, where they are what it reads (an Embedding).

        A model input that it reads is fed integers, from 0 to that number less 1.
        """
        return None

    def numbers_given(self) -> tuple[int, int] | None:
        """The least and the largest of the class numbers that it puts out; None where it puts out others."""
        return None

    def looks_up(self) -> tuple[Path, int] | None:
        """Where `index_count` is written below it, and the number; of a layer that it hands its input too."""
        field = self.index_count()
        return None if field is None else ((field,), getattr(self, field))

    def reads_integers(self) -> bool:
        """Whether a model input that it reads is fed whole numbers."""
        return self.looks_up() is not None

    def skips(self) -> float | None:
        """What a step of its input holds that it masks, if it masks any."""
        return None

    def softmax_axis(self) -> int | None:
        """The axis of its output (0 is the batch) along which the numbers sum to 1, if there is one."""
        activation = getattr(self, "activation", None)
        return activation.axis if activation is not None and activation.sums_to_one else None

    def call(self, ctx: LayerContext, *inputs: Any, **named: Any) -> Value | list[Value]:
        """Compose ops. `ctx` gives weights, mask, training flag and random keys."""
        raise NotImplementedError

    def output_mask(self, ctx: LayerContext, *inputs: Any, **named: Any) -> Value | list[Value | None] | None:
        """The mask (B, ...) uint8 that goes on with the output; default: the first input's mask."""
        mask = ctx.mask if self.supports_masking else None
        activation = getattr(self, "activation", None)
        if mask is None or activation is None:
            return mask
        found: Value | None = activation.output_mask(mask, inputs[0])
        return found

    def applied(self, ctx: LayerContext, *inputs: Any, **named: Any) -> list[Masked]:
        """Its outputs, each with its mask: `call` and `output_mask` of one call."""
        outputs, mask = listed(self.call(ctx, *inputs, **named)), self.output_mask(ctx, *inputs, **named)
        masks = mask if isinstance(mask, list) else [mask] + [None] * (len(outputs) - 1)
        return list(zip(outputs, masks, strict=True))

    def entries(self) -> tuple[Any, ...]:
        """The `layers.entry.Entry`s that a layer that `nests` is made of; the graph calls these, not it."""
        return ()

    def output_names(self) -> tuple[str, ...] | None:
        """The entries whose outputs are those of a layer that `nests`; None for the last one."""
        return None

    def rest_in_keras(self, given: list[Any]) -> list[Any]:
        """What Keras's call takes as the argument `in_keras.rest`: these inputs, nested as it has them."""
        return given

    def joins_examples(self) -> bool:
        """Whether training mixes the examples of a batch, or moves statistics (BatchNormalization)."""
        return False

    def adapts(self) -> bool:
        """Whether its weights are what `adapted` finds in the training split, before the first step.

        Such a layer reads an input of the model.
        """
        return False

    def adapted(self, blocks: Iterator[Array]) -> Mapping[str, Any]:
        """The values of its weights, from all that it reads in training: blocks (N, ...) in order."""
        raise NotImplementedError

    def configured(self, weights: Mapping[str, Array]) -> Mapping[str, Any]:
        """The fields that stand in Keras's config for its weights of `in_keras.configured`."""
        return {name: tuple(array.tolist()) for name, array in weights.items()}

    def children(self) -> Mapping[str, Layer]:
        """The layers that it calls itself, by the names of the attributes where Keras's layer holds them.

        A child's weights are named after it: "forward_layer/kernel" is the kernel of "forward_layer".
        """
        return {}

    def family(self) -> Iterator[Layer]:
        """The layer, and all that it holds."""
        yield self
        for child in self.children().values():
            yield from child.family()

    def need_rank(self, shape: Shape, *axes: str) -> None:
        """Raise ShapeError unless `shape` has as many axes (batch not counted) as are named."""
        rank, names = len(axes), ", ".join(axes)
        if len(shape) == rank:
            return
        count = f"{rank} axis" if rank == 1 else f"{rank} axes"
        raise ShapeError(
            f"{self.kind} needs an input of {count} ({names}) besides the batch, but {show(shape)} comes in",
            expected=f"an input of shape ({names}); {_way_to_rank(rank)}",
        )

    def need_known(self, shape: Shape, axis: int, what: str) -> int:
        """The length of `axis` of `shape`, which sizes a weight. Raises ShapeError where it is not known."""
        self.need_features(shape)
        length = shape[axis]
        if length is None:
            raise ShapeError(
                f"{self.kind} sizes its weights by {what}, "
                f"which is null (a length that varies) in {show(shape)}",
                expected=f"a fixed number for {what}",
            )
        return length

    def need_features(self, shape: Shape) -> None:
        """Raise ShapeError where `shape` has no axis besides the batch."""
        if not shape:
            raise ShapeError(
                f"{self.kind} needs an input with at least one axis besides the batch, "
                "but single numbers come in",
                expected="an input of shape (n) or more axes",
            )

    def need_axis(self, shape: Shape, axis: int, field: str = "axis") -> int:
        """`axis` as Keras counts it (0 is the batch) as an index into `shape`, from 0.

        Args:
            field: The field that says it.

        Raises:
            ShapeError: the input has no such axis, or it is the batch axis.
        """
        rank = len(shape) + 1
        at = axis + rank if axis < 0 else axis
        if not 1 <= at < rank:
            raise ShapeError(
                f"{self.kind} is told to work along axis {axis}, which {show(shape)} does not have",
                field=field,
                expected=f"an axis from 1 to {rank - 1} (0 is the batch), or from -{rank - 1} to -1",
            )
        return at - 1


class SameShape(Layer):
    """What layers share that change each number of one input and no shape."""

    def compute_output_shape(self, x: Shape) -> Shape:
        return x


def listed(given: Any) -> list[Any]:
    """What a layer gives for one or several outputs (shapes, tensors, masks), as a list."""
    return given if isinstance(given, list) else [given]


def _way_to_rank(rank: int) -> str:
    """What a user can put before a layer so that it gets `rank` axes."""
    if rank == 1:
        return "put Flatten before it"
    example = ", ".join(["..."] * rank)
    return f"put {{type: Reshape, target_shape: [{example}]}} before it"

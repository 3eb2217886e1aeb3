"""The embedding stage: feature map to embedding."""

from typing import Any, Literal, get_args

import keras

from framl_keras.keras_internals import takes_training
from framl_keras.layers.counted_dropout import CountedDropout
from framl_keras.layers.generalized_mean import GeneralizedMeanPooling
from framl_keras.layers.global_depthwise import GlobalDepthwiseConv
from framl_keras.ops.arguments import count, flag, one_of, real, whole
from framl_keras.ops.unit_vectors import unit_vectors

Tensor = Any
Shape = tuple[int | None, ...]
Pooling = Literal["flatten", "gdc", "average", "gem"]


@keras.saving.register_keras_serializable("framl_keras")
class FeatureRepresentation(keras.layers.Layer):
    """Turns a feature map into an embedding: BatchNorm → Dropout → Flatten → Dense → BatchNorm.

    Args:
        embedding_dim: length of the embedding.
        dropout: part of the feature map that is dropped in training, within [0, 1).
        kernel_regularizer: penalty on the Dense's kernel.
        normalize: scale embeddings to length 1.
        pooling: `flatten`; `gdc`, a global depthwise convolution and a BatchNorm in
            Flatten's place; `average` over the map's places; or `gem`, their generalized
            mean, whose exponent is learned.
        input_batch_norm: whether the stage begins with a BatchNorm.
        final_scale: whether the last BatchNorm has a gamma; insightface's is frozen at 1.
        use_bias: whether the Dense has a bias.
        kernel_initializer: initializer of the Dense's kernel.
        batch_norm_momentum: of all its BatchNorms.
        batch_norm_epsilon: of all its BatchNorms.
        seed: of the dropout.

    Input shape:
        `(batch, height, width, channels)` or `(batch, features)`; `gdc`, `average`
        and `gem` need the former.

    Output shape:
        `(batch, embedding_dim)`, in float32 under any half-precision policy.

    Raises:
        ValueError: if an argument is out of range or the input's shape doesn't fit.

    Example:
    >>> layer = FeatureRepresentation(512)
    >>> tuple(layer(np.zeros((2, 7, 7, 320))).shape)
    (2, 512)

    Reference:
        Chen et al., "MobileFaceNets", https://arxiv.org/abs/1804.07573 (for `gdc`)
    """

    def __init__(
        self,
        embedding_dim: int,
        dropout: float = 0.5,
        kernel_regularizer: Any = None,
        normalize: bool = False,
        pooling: Pooling = "flatten",
        input_batch_norm: bool = True,
        final_scale: bool = True,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        batch_norm_momentum: float = 0.9,
        batch_norm_epsilon: float = 1e-5,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.embedding_dim = count("embedding_dim", embedding_dim)
        self.dropout = real("dropout", dropout, 0.0, 1.0)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.normalize = flag("normalize", normalize)
        self.pooling = one_of("pooling", pooling, get_args(Pooling))
        self.input_batch_norm = flag("input_batch_norm", input_batch_norm)
        self.final_scale = flag("final_scale", final_scale)
        self.use_bias = flag("use_bias", use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.batch_norm_momentum = real("batch_norm_momentum", batch_norm_momentum)
        self.batch_norm_epsilon = real("batch_norm_epsilon", batch_norm_epsilon)
        self.seed = whole("seed", seed)

    def build(self, input_shape: Shape) -> None:
        _check_shape(input_shape, self.pooling)
        self.stages = [*self._before_pooling(), *self._pooling(), *self._to_embedding()]
        shape = input_shape
        for stage in self.stages:
            stage.build(shape)
            shape = stage.compute_output_shape(shape)

    def _before_pooling(self) -> list[keras.layers.Layer]:
        dropout = CountedDropout(
            self.dropout, seed=self.seed, dtype=self.dtype_policy, name="dropout"
        )
        return [self._batch_norm("input_norm"), dropout] if self.input_batch_norm else [dropout]

    def _pooling(self) -> list[keras.layers.Layer]:
        """The stages from `(batch, height, width, channels)` to `(batch, features)`."""
        dtype = self.dtype_policy
        if self.pooling == "average":
            return [keras.layers.GlobalAveragePooling2D(dtype=dtype, name="average")]
        if self.pooling == "gem":
            return [GeneralizedMeanPooling(dtype=dtype, name="generalized_mean")]
        if self.pooling == "gdc":
            convolution = GlobalDepthwiseConv(dtype=dtype, name="global_depthwise")
            return [convolution, self._batch_norm("global_norm")]
        return [keras.layers.Flatten(dtype=dtype, name="flatten")]

    def _to_embedding(self) -> list[keras.layers.Layer]:
        dense = keras.layers.Dense(
            self.embedding_dim,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            dtype=self.dtype_policy,
            name="dense",
        )
        # The last stage leaves half precision, so that the embedding isn't rounded to it.
        dtype = self.dtype_policy if self.compute_dtype == "float64" else "float32"
        return [dense, self._batch_norm("output_norm", scale=self.final_scale, dtype=dtype)]

    def _batch_norm(self, name: str, scale: bool = True, dtype: Any = None) -> keras.layers.Layer:
        return keras.layers.BatchNormalization(
            momentum=self.batch_norm_momentum,
            epsilon=self.batch_norm_epsilon,
            scale=scale,
            dtype=dtype or self.dtype_policy,
            name=name,
        )

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        features = inputs
        for stage in self.stages:
            options = {"training": training} if takes_training(stage) else {}
            features = stage(features, **options)
        return unit_vectors(features) if self.normalize else features

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.embedding_dim)

    def compute_output_spec(self, inputs: Tensor, training: bool | None = None) -> Any:
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "embedding_dim": self.embedding_dim,
            "dropout": self.dropout,
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "normalize": self.normalize,
            "pooling": self.pooling,
            "input_batch_norm": self.input_batch_norm,
            "final_scale": self.final_scale,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "batch_norm_momentum": self.batch_norm_momentum,
            "batch_norm_epsilon": self.batch_norm_epsilon,
            "seed": self.seed,
        }


def _check_shape(input_shape: Shape, pooling: str) -> None:
    if pooling != "flatten" and len(input_shape) != 4:
        raise ValueError(
            f"`pooling={pooling!r}` needs an input of shape (batch, height, width, channels). "
            f"Received: input shape {tuple(input_shape)}"
        )
    if pooling not in ("average", "gem") and None in input_shape[1:]:
        raise ValueError(
            f"`pooling={pooling!r}` needs a fully known feature map. "
            f"Received: input shape {tuple(input_shape)}"
        )

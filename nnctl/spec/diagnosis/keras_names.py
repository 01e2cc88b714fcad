"""The names that Keras 3 has, by family: what nnctl has not of these is said to be missing, not unknown."""

from __future__ import annotations

from collections.abc import Iterable

from nnctl.core.registry import snake_case

_NAMES: dict[str, str] = {
    "layer": """
        Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
        AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
        AdditiveAttention AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D
        AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D BatchNormalization
        Bidirectional CategoryEncoding CenterCrop Concatenate
        ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose
        Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose
        Convolution2D Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D
        Cropping2D Cropping3D CutMix Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot
        Dropout ELU EinsumDense Embedding Equalization Flatten FlaxLayer GRU GRUCell GaussianDropout
        GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
        GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D
        GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization
        GroupQueryAttention HashedCrossing Hashing Identity InputLayer IntegerLookup JaxLayer LSTM
        LSTMCell Lambda LayerNormalization LeakyReLU Masking MaxNumBoundingBoxes MaxPool1D MaxPool2D
        MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MixUp
        MultiHeadAttention Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN
        RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast
        RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur
        RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation
        RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom ReLU RepeatVector
        Rescaling Reshape Resizing ReversibleEmbedding STFTSpectrogram SeparableConv1D
        SeparableConv2D SeparableConvolution1D SeparableConvolution2D SimpleRNN SimpleRNNCell
        Softmax Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D
        SpectralNormalization StackedRNNCells StringLookup Subtract TFSMLayer TextVectorization
        TimeDistributed TorchModuleWrapper UnitNormalization UpSampling1D UpSampling2D UpSampling3D
        Wrapper ZeroPadding1D ZeroPadding2D ZeroPadding3D Sequential Functional Model
    """,
    "loss": """
        BinaryCrossentropy BinaryFocalCrossentropy CTC CategoricalCrossentropy
        CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy CategoricalHinge Circle
        CosineSimilarity Dice Hinge Huber KLDivergence LogCosh MeanAbsoluteError
        MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson
        SparseCategoricalCrossentropy SquaredHinge Tversky binary_crossentropy
        binary_focal_crossentropy categorical_crossentropy categorical_focal_crossentropy
        categorical_generalized_cross_entropy categorical_hinge circle cosine_similarity ctc dice
        hinge huber kl_divergence log_cosh mean_absolute_error mean_absolute_percentage_error
        mean_squared_error mean_squared_logarithmic_error poisson sparse_categorical_crossentropy
        squared_hinge tversky
    """,
    "metric": """
        AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy
        CategoricalCrossentropy CategoricalHinge ConcordanceCorrelation CosineSimilarity F1Score
        FBetaScore FalseNegatives FalsePositives Hinge IoU KLDivergence LogCoshError Mean
        MeanAbsoluteError MeanAbsolutePercentageError MeanIoU MeanMetricWrapper MeanSquaredError
        MeanSquaredLogarithmicError OneHotIoU OneHotMeanIoU PearsonCorrelation Poisson Precision
        PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError
        SensitivityAtSpecificity SparseCategoricalAccuracy SparseCategoricalCrossentropy
        SparseTopKCategoricalAccuracy SpecificityAtSensitivity SquaredHinge Sum
        TopKCategoricalAccuracy TrueNegatives TruePositives binary_accuracy binary_crossentropy
        binary_focal_crossentropy categorical_accuracy categorical_crossentropy
        categorical_focal_crossentropy categorical_hinge concordance_correlation hinge huber
        kl_divergence log_cosh mean_absolute_error mean_absolute_percentage_error mean_squared_error
        mean_squared_logarithmic_error pearson_correlation poisson sparse_categorical_accuracy
        sparse_categorical_crossentropy sparse_top_k_categorical_accuracy squared_hinge
        top_k_categorical_accuracy
    """,
    "optimizer": """
        Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer
        MultiOptimizer Muon Nadam RMSprop SGD ScheduleFreeAdamW
    """,
    "schedule": """
        CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay
        PolynomialDecay
    """,
    "callback": """
        BackupAndRestore CSVLogger CallbackList EarlyStopping History LambdaCallback
        LearningRateScheduler ModelCheckpoint OrbaxCheckpoint ProgbarLogger ReduceLROnPlateau
        RemoteMonitor SwapEMAWeights TensorBoard TerminateOnNaN
    """,
    "initializer": """
        Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer
        LecunNormal LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform
        STFT STFTInitializer TruncatedNormal VarianceScaling Zeros constant glorot_normal
        glorot_uniform he_normal he_uniform identity lecun_normal lecun_uniform ones orthogonal
        random_normal random_uniform stft truncated_normal variance_scaling zeros
    """,
    "regularizer": """
        L1 L1L2 L2 OrthogonalRegularizer l1 l1_l2 l2 orthogonal_regularizer
    """,
    "constraint": """
        MaxNorm MinMaxNorm NonNeg UnitNorm max_norm min_max_norm non_neg unit_norm
    """,
    "activation": """
        celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh
        leaky_relu linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink
        softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh
        tanh_shrink threshold
    """,
}
"""Names as of Keras 3.15.1, separated by spaces."""

_PYTHON = "it holds a Python function; a plugin's class has a name instead (docs/plugins.md)"
_OTHERS = "another framework's code would run in it"
_WITHOUT: dict[str, dict[str, str]] = {
    "layer": {
        "FlaxLayer": _OTHERS,
        "JaxLayer": _OTHERS,
        "TFSMLayer": _OTHERS,
        "TorchModuleWrapper": _OTHERS,
        "Lambda": _PYTHON,
        "MaxNumBoundingBoxes": "there are no bounding boxes",
        "StringLookup": "words are in columns, and a layer has numbers: columns: {NAME: {type: category, "
        "encoding: index}}, or onehot",
        "TextVectorization": "words are in columns, and a layer has numbers: columns: {NAME: {type: text, "
        "output_sequence_length: 100}}, and its other arguments beside that",
        "Pipeline": "it prepares data outside of a model; the same layers stand in `layers`",
        "Wrapper": "it is there to be derived from in Python (nnctl/layers/wrapper.py for a plugin)",
        "Model": "it is there to be derived from in Python; `Functional` is a model in a model",
    },
    "metric": {
        "MeanMetricWrapper": _PYTHON,
    },
    "optimizer": {
        "LossScaleOptimizer": "it keeps float16 from underflow, and nothing here is float16",
    },
    "callback": {
        "BackupAndRestore": "every run can be resumed (`training.checkpoint`, `nnctl train --resume`)",
        "CallbackList": "`training.callbacks` is the list",
        "History": "every run keeps its metrics.jsonl",
        "LambdaCallback": _PYTHON,
        "OrbaxCheckpoint": "it writes another framework's files; `training.checkpoint` keeps a run's state",
        "ProgbarLogger": "`nnctl train` shows its progress by itself",
    },
}
"""What nnctl will not have of these, and why."""

_ARGUMENTS = {
    "layer": "dtype autocast dynamic",
    "loss": "name dtype",
    "metric": "dtype",
    "optimizer": "name loss_scale_factor",
    "schedule": "name",
}
"""Arguments that all classes of a family have in Keras 3 and not here; a class's own are its `keras_only`."""


def without(kind: str, name: str) -> str | None:
    """Why nnctl does not have what Keras calls `name`; None if it has, or will have."""
    return _WITHOUT.get(kind, {}).get(name)


def keras_classes(kind: str) -> list[str]:
    """The names of Keras's classes of a family, other names of the same class included."""
    return [name for name in _NAMES[kind].split() if name[0].isupper() or kind == "activation"]


def keras_has_argument(kinds: Iterable[str], name: str) -> bool:
    """Whether Keras takes an argument `name` in every class of one of the families `kinds`."""
    return any(name in _ARGUMENTS.get(kind, "").split() for kind in kinds)


def has_keras(kind: str, name: str) -> bool:
    """Whether Keras 3 has a `kind` called `name` (its class name or the snake case of it)."""
    names = _NAMES.get(kind, "").split()
    return name in names or name in map(snake_case, names)

"""Keras 3's signatures, read from Keras: each argument is here as well, at its place and with its default, or is an exception.

The exceptions stand in the tables below with their reasons; ``docs/keras.md`` tells them to users, and names every one. What
Keras has no more, or minidl has by now, must leave the tables.
"""

import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

import minidl
from minidl import declared, models, utils
from minidl.declared import arguments_of
from minidl.layers import Input, Layer
from minidl.layers.activation import ALIASES, FORMULAS

PAGE = Path(__file__).parents[2] / "docs" / "keras.md"


def with_keras(test):
    """Keras takes several seconds to load, therefore tests that need it are slow ones."""
    missing = any(importlib.util.find_spec(name) is None for name in ("keras", "torch"))
    reason = "Keras 3 with PyTorch, whose signatures these are, is not installed"
    test = pytest.mark.filterwarnings("ignore")(test)  # of the libraries beneath Keras
    return pytest.mark.peer(pytest.mark.slow(pytest.mark.skipif(missing, reason=reason)(test)))


# -- arguments ---------------------------------------------------------------------------------------------------------
# (kind, classes or methods, arguments, what is different, why)

LOSSES_WITH_AXIS = "BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy"
ALL_OPTIMIZERS = "SGD RMSprop Adam AdamW Adamax Nadam Adagrad Adadelta"
KEYWORD = "what stands behind the name is written by name"
EXCEPTIONS = [
    ("layer", "Layer", "activity_regularizer", "missing", "an argument of the layers that compute it"),
    ("layer", "Layer", "autocast", "missing", "a layer computes in the dtype of its parameters"),
    ("layer", "Dense Embedding", "lora_rank lora_alpha quantization_config", "missing", "for large language models"),
    ("layer", "Embedding", "weights", "missing", "layer.set_weights"),
    ("layer", "BatchNormalization", "renorm renorm_clipping renorm_momentum", "missing", "a method of its own"),
    ("layer", "BatchNormalization", "synchronized", "missing", "there is one device"),
    ("layer", "Flatten", "data_format", "missing", "axes are taken as they stand"),
    ("layer", "LSTM GRU", "use_cudnn", "missing", "the kernels are minidl's own"),
    ("layer", "MaxPooling* AveragePooling* SpatialDropout*", "name", "keyword", "as the other options of every layer"),
    ("layer", "SpatialDropout*", "dtype", "keyword", "as the other options of every layer"),
    ("layer", "Dense Conv*", "kernel_initializer bias_initializer kernel_regularizer bias_regularizer", "keyword", KEYWORD),
    ("layer", "Dense Conv*", "activity_regularizer kernel_constraint bias_constraint", "keyword", KEYWORD),
    ("layer", "Depthwise* Separable*", "depthwise_initializer depthwise_regularizer depthwise_constraint", "keyword", KEYWORD),
    ("layer", "Depthwise* Separable*", "bias_initializer bias_regularizer bias_constraint", "keyword", KEYWORD),
    ("layer", "Depthwise* Separable*", "activity_regularizer", "keyword", KEYWORD),
    ("layer", "Separable*", "pointwise_initializer pointwise_regularizer pointwise_constraint", "keyword", KEYWORD),
    ("layer", "LayerNormalization GroupNormalization", "beta_initializer beta_regularizer", "keyword", KEYWORD),
    ("layer", "LayerNormalization GroupNormalization", "gamma_initializer gamma_regularizer", "keyword", KEYWORD),
    ("layer", "LayerNormalization GroupNormalization", "beta_constraint gamma_constraint", "keyword", KEYWORD),
    ("layer", "AveragePooling*", "pool_size", "default", "that of MaxPooling2D"),
    (
        "layer",
        "LSTM GRU LSTMCell GRUCell ConvLSTM*",
        "recurrent_activation",
        "default",
        "None: as the profile says, sigmoid today",
    ),
    ("layer", "PReLU", "alpha_initializer", "default", "the same one, spelled as elsewhere"),
    ("layer", "Bidirectional", "weights", "missing", "layer.set_weights"),
    ("layer", "Bidirectional", "backward_layer", "keyword", KEYWORD),
    ("layer", "MultiHeadAttention", "flash_attention use_gate", "missing", "one algorithm; the gate is to come"),
    ("layer", "MultiHeadAttention", "kernel_initializer bias_initializer kernel_regularizer", "keyword", KEYWORD),
    ("layer", "MultiHeadAttention", "bias_regularizer activity_regularizer kernel_constraint", "keyword", KEYWORD),
    ("layer", "MultiHeadAttention", "bias_constraint seed", "keyword", KEYWORD),
    ("loss", "*", "dtype", "missing", "a loss computes in the dtype of its predictions"),
    ("loss", "*", "name", "default", "errors then use the class's name"),
    ("loss", f"{LOSSES_WITH_AXIS} SparseCategoricalCrossentropy", "axis", "missing", "classes stand on the last axis"),
    ("loss", LOSSES_WITH_AXIS, "reduction", "moved", "axis is missing before it"),
    ("loss", f"{LOSSES_WITH_AXIS} SparseCategoricalCrossentropy", "name", "moved", "axis is missing before it"),
    ("metric", "*", "dtype", "missing", "sums are taken in float64"),
    ("metric", "AUC", "num_thresholds", "default", "exact unless thresholds are asked for"),
    ("metric", "IoU MeanIoU OneHotIoU OneHotMeanIoU", "axis", "missing", "classes stand on the last axis"),
    ("metric", "SparseTopKCategoricalAccuracy", "from_sorted_ids", "missing", "predictions are scores"),
    ("metric", "Accuracy", "name", "moved", "kind stands first: which accuracy is meant"),
    ("metric", "AUC Precision Recall True* False* *IoU", "name", "default", "the name that None becomes in Keras"),
    ("metric", "BinaryAccuracy", "threshold", "keyword", KEYWORD),
    ("metric", "CosineSimilarity", "axis", "keyword", KEYWORD),
    ("metric", "AUC", "thresholds multi_label num_labels label_weights from_logits", "keyword", KEYWORD),
    ("metric", "IoU MeanIoU OneHotIoU OneHotMeanIoU", "ignore_class sparse_y_true sparse_y_pred", "keyword", KEYWORD),
    ("optimizer", ALL_OPTIMIZERS, "epsilon", "default", "None: as the profile says, 1e-7 today"),
    ("optimizer", ALL_OPTIMIZERS, "use_ema ema_momentum ema_overwrite_frequency", "missing", "to come"),
    ("optimizer", ALL_OPTIMIZERS, "gradient_accumulation_steps loss_scale_factor", "missing", "to come, with small dtypes"),
    ("optimizer", ALL_OPTIMIZERS, "clipnorm clipvalue global_clipnorm name", "keyword", "nobody counts to the seventh"),
    ("optimizer", ALL_OPTIMIZERS.replace("AdamW ", ""), "weight_decay", "keyword", "nobody counts to the sixth"),
    ("schedule", "*", "name", "missing", "nothing would use it"),
    ("schedule", "CosineDecay", "warmup_target warmup_steps", "keyword", KEYWORD),
    ("callback", "EarlyStopping", "verbose", "default", "None: as loud as fit"),
    ("callback", "TensorBoard", "write_graph", "default", "scalars and histograms are what is offered"),
    ("initializer", "VarianceScaling Glorot* He* Lecun*", "input_axes output_axes", "missing", "fans follow from the shape"),
    ("regularizer", "L1L2", "l1 l2", "default", "L1L2() is a penalty"),
    ("model", "compile", "weighted_metrics", "missing", "metrics are weighted"),
    ("model", "compile", "run_eagerly steps_per_execution jit_compile auto_scale_loss", "missing", "there is no tracing"),
    ("model", "compile", "metrics loss_weights", "moved", "few give loss_weights"),
    ("model", "fit evaluate", "x", "default", "there is nothing to do without data"),
    ("model", "train_on_batch test_on_batch", "y", "default", "there is nothing to do without targets"),
    ("model", "train_on_batch test_on_batch evaluate", "return_dict", "keyword", "a flag is written by name"),
    ("model", "fit evaluate predict", "verbose", "default", "1 suits terminal, notebook and log; predict says nothing"),
    ("model", "save save_weights load_weights", "filepath", "missing", "called path"),
    ("model", "save save_weights", "overwrite", "missing", "a file is replaced, whole or not at all"),
    ("model", "save", "zipped", "missing", "a file is one safetensors file"),
    ("model", "save_weights", "max_shard_size", "missing", "a file is one safetensors file"),
    ("model", "load_weights", "skip_mismatch", "keyword", "a flag is written by name"),
    ("model", "summary", "line_length positions expand_nested show_trainable layer_range", "missing", "one form for all"),
    ("model", "summary", "print_fn", "moved", "it is the only one"),
    ("model", "summary", "print_fn", "default", "print itself"),
    ("models", "load_model", "filepath", "missing", "called path"),
    ("models", "load_model", "safe_mode", "missing", "a file never runs code"),
    ("models", "model_from_json", "json_string", "missing", "called text"),
    ("models", "clone_model", "input_tensors clone_function call_function recursive", "missing", "from_config, changed"),
    ("models", "Input", "sparse ragged tensor optional", "missing", "arrays are dense, and all are given"),
    ("models", "Input", "dtype name batch_shape", "keyword", "the shape is what everybody gives"),
    ("models", "to_categorical", "x", "missing", "called y"),
]

# -- classes and names -------------------------------------------------------------------------------------------------

CLASSES_NOT_HERE = {
    "layer": """AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D
        AdaptiveMaxPooling2D AdaptiveMaxPooling3D AugMix AutoContrast CategoryEncoding CenterCrop
        ContrastLimitedAdaptiveHistogramEqualization CutMix Discretization
        EinsumDense Equalization FlaxLayer GroupedQueryAttention HashedCrossing Hashing InputLayer InputSpec
        IntegerLookup JaxLayer Lambda MaxNumBoundingBoxes MelSpectrogram MixUp Pipeline RMSNormalization RandAugment
        RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform
        RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective
        RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom
        Resizing ReversibleEmbedding STFTSpectrogram Solarization SpectralNormalization StringLookup TFSMLayer
        TextVectorization TorchModuleWrapper Wrapper""",
    "loss": "CTC CategoricalGeneralizedCrossEntropy Circle Dice Tversky",
    "metric": """BinaryCrossentropy CategoricalCrossentropy CategoricalHinge ConcordanceCorrelation Hinge KLDivergence
        LogCoshError Mean MeanAbsolutePercentageError MeanMetricWrapper MeanSquaredLogarithmicError PearsonCorrelation Poisson
        PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity SparseCategoricalCrossentropy SpecificityAtSensitivity
        SquaredHinge Sum""",
    "optimizer": "Adafactor Ftrl Lamb Lion LossScaleOptimizer MultiOptimizer Muon OptimizerMap ScheduleFreeAdamW",
    "schedule": "",
    "callback": "BackupAndRestore OrbaxCheckpoint ProgbarLogger RemoteMonitor SwapEMAWeights",
    "initializer": "STFT",
    "regularizer": "",
    "constraint": "",
}
BASES = """Layer Loss Metric Optimizer LearningRateSchedule Callback CallbackList Initializer Regularizer Constraint"""
NAMES_OF_MODELS_NOT_HERE = """add_loss add_metric add_variable add_weight build_from_config call compile_from_config
    compute_dtype compute_loss compute_mask compute_metrics compute_output_shape compute_output_spec dtype dtype_policy export
    get_build_config get_compile_config get_metrics_result get_quantization_layer_structure get_state_tree input_dtype
    input_spec jit_compile load_own_variables losses make_predict_function make_test_function make_train_function
    metrics_names metrics_variables non_trainable_variables non_trainable_weights path pop predict_step quantization_mode
    quantize quantized_build quantized_call rematerialized_call reset_metrics run_eagerly save_own_variables set_state_tree
    stateless_call stateless_compute_loss supports_masking symbolic_call test_step torch_params train_step
    trainable_variables trainable_weights variable_dtype variables"""
SECOND_NAMES_NOT_HERE = {  # functions, and other names of classes that are here
    "layer": """AvgPool1D AvgPool2D AvgPool3D Convolution1D Convolution1DTranspose Convolution2D Convolution2DTranspose
        Convolution3D Convolution3DTranspose GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D
        GlobalMaxPool3D MaxPool1D MaxPool2D MaxPool3D SeparableConvolution1D SeparableConvolution2D add average concatenate dot
        maximum minimum multiply subtract""",
    "loss": """binary_crossentropy binary_focal_crossentropy categorical_crossentropy categorical_focal_crossentropy
        categorical_generalized_cross_entropy categorical_hinge circle ctc dice mean_absolute_error
        mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error sparse_categorical_crossentropy
        squared_hinge tversky cosine_similarity hinge huber kl_divergence log_cosh poisson""",
    "metric": """binary_accuracy categorical_accuracy sparse_categorical_accuracy sparse_top_k_categorical_accuracy
        top_k_categorical_accuracy concordance_correlation pearson_correlation""",
    "initializer": """IdentityInitializer OrthogonalInitializer constant identity ones zeros glorot_normal glorot_uniform
        he_normal he_uniform lecun_normal lecun_uniform orthogonal random_normal random_uniform truncated_normal
        variance_scaling""",
}
ACTIVATIONS_NOT_HERE = """celu glu hard_shrink hard_silu hard_swish hard_tanh log_sigmoid relu6 soft_shrink sparse_plus
    sparse_sigmoid sparsemax squareplus tanh_shrink threshold"""
METHODS = """compile fit evaluate predict save save_weights load_weights summary train_on_batch test_on_batch predict_on_batch
    get_layer build to_json get_config from_config get_weights set_weights count_params"""
MODULES = {
    "layer": "layers",
    "loss": "losses",
    "metric": "metrics",
    "optimizer": "optimizers",
    "schedule": "optimizers.schedules",
    "callback": "callbacks",
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
}


def classes_of_keras(keras, kind):
    """Each class once, under its own name, without base classes; Keras has some under several names."""
    module = keras
    for name in MODULES[kind].split("."):
        module = getattr(module, name)
    found = {thing.__name__: thing for thing in vars(module).values() if inspect.isclass(thing)}
    return {name: thing for name, thing in found.items() if name not in BASES.split()}


def pairs(keras):
    """What is compared: (kind, name, Keras's, ours)."""
    for kind in MODULES:
        ours = declared.classes(kind)
        for name, theirs in classes_of_keras(keras, kind).items():
            if name in ours:
                yield kind, name, theirs, ours[name]
    yield "layer", "Layer", keras.layers.Layer, Layer
    for name in METHODS.split():
        yield "model", name, getattr(keras.Model, name), getattr(minidl.Model, name)
    for name in ("load_model", "model_from_json", "clone_model"):
        yield "models", name, getattr(keras.models, name), getattr(models, name)
    yield "models", "Input", keras.Input, Input
    yield "models", "to_categorical", keras.utils.to_categorical, utils.to_categorical


def arguments(thing):
    """By name; ``**options`` are spelled out for classes of minidl."""
    signature = inspect.signature(thing)
    if all(argument.kind in (argument.VAR_KEYWORD, argument.VAR_POSITIONAL) for argument in signature.parameters.values()):
        signature = inspect.signature(thing.__init__)  # Keras's Layer has a __new__ that takes everything
    found = dict(signature.parameters)
    if inspect.isclass(thing) and thing.__module__.startswith("minidl"):
        found = {name: found.get(name, argument) for name, argument in arguments_of(thing).items()}
    return {
        name: argument
        for name, argument in found.items()
        if name != "self" and argument.kind not in (argument.VAR_KEYWORD, argument.VAR_POSITIONAL)
    }


def differences(theirs, ours):
    """Pairs (argument, "missing" or "moved" or "keyword" or "default")."""
    theirs, by_itself, ours = arguments(theirs), inspect.signature(ours).parameters, arguments(ours)
    of_options = [name for name in ours if name not in by_itself]
    places, places_here = (
        [name for name, argument in of.items() if argument.kind is argument.POSITIONAL_OR_KEYWORD and name not in of_options]
        for of in (theirs, ours)
    )
    for name, argument in theirs.items():
        if name not in ours:
            yield name, "missing"
            continue
        if argument.kind is argument.POSITIONAL_OR_KEYWORD:
            if name not in places_here:
                yield name, "keyword"
            elif places.index(name) != places_here.index(name):
                yield name, "moved"
        if simple(argument.default) != simple(ours[name].default):
            yield name, "default"


def simple(default):
    """One number for every axis, and no number that is only written in another way."""
    if isinstance(default, tuple) and len(set(default)) == 1:
        default = default[0]
    return repr(float(default)) if type(default) in (int, float) else repr(default)


def excepted(kind, name, argument, difference):
    for row in EXCEPTIONS:
        owners = "|".join(row[1].split()).replace("*", r"\w*")
        if (row[0], row[3]) == (kind, difference) and argument in row[2].split() and re.fullmatch(owners, name):
            return row
    return None


@with_keras
def test_every_argument_is_here_or_an_exception(keras):
    found = [(k, n, argument, what) for k, n, theirs, ours in pairs(keras) for argument, what in differences(theirs, ours)]
    assert len(found) > 100
    rows = {item: excepted(*item) for item in found}
    assert not [item for item, row in rows.items() if row is None], "write them into the table, with the reason"
    assert not [row for row in EXCEPTIONS if row not in rows.values()], "what is no difference leaves the table"


@with_keras
@pytest.mark.parametrize("kind", MODULES)
def test_every_class_is_here_or_an_exception(keras, kind):
    missing = {name for name in classes_of_keras(keras, kind) if declared.find_class(kind, name) is None}
    assert missing == set(CLASSES_NOT_HERE[kind].split())


@with_keras
@pytest.mark.parametrize("kind", [kind for kind in MODULES if kind != "schedule"])
def test_every_second_name_is_here_or_an_exception(keras, kind):
    theirs, ours = getattr(keras, MODULES[kind]), importlib.import_module(f"minidl.{MODULES[kind]}")
    missing = set()
    for name, thing in vars(theirs).items():
        if name.startswith("_") or inspect.ismodule(thing) or name in ("serialize", "deserialize"):
            continue
        known = not inspect.isclass(thing) or declared.find_class(kind, thing.__name__) is not None
        here = getattr(ours, name, None)
        if (
            known
            and not inspect.isclass(here)
            and not (name in ("get", "Input") and callable(here))
            and name not in BASES.split()
        ):
            missing.add(name)
    if kind == "metric":  # the losses once more
        missing -= set(SECOND_NAMES_NOT_HERE["loss"].split())
    assert missing == set(SECOND_NAMES_NOT_HERE.get(kind, "").split())


@with_keras
def test_every_name_of_a_model_is_here_or_an_exception(keras):
    import torch

    of_keras = {name for name in dir(keras.Sequential) if not name.startswith("_")} - set(dir(torch.nn.Module))
    assert of_keras - set(dir(minidl.Sequential)) == set(NAMES_OF_MODELS_NOT_HERE.split()) - set(dir(torch.nn.Module))


@with_keras
def test_every_activation_is_here_or_an_exception(keras):
    functions = {name for name, thing in vars(keras.activations).items() if inspect.isfunction(thing)}
    functions -= {"get", "serialize", "deserialize"}
    assert {name for name in functions if name not in {**FORMULAS, **ALIASES}} == set(ACTIVATIONS_NOT_HERE.split())


@with_keras
def test_weights_move_over_as_the_page_says(keras):
    (block,) = re.findall(r"```text\n(import keras\n.*?)```", PAGE.with_name("coming_from.md").read_text(), re.DOTALL)
    with minidl.config.use_dtype("float32"):
        exec(block, {})


def test_the_page_names_every_exception():
    words = set(re.findall(r"\w+", PAGE.read_text()))
    arguments_named = {argument for row in EXCEPTIONS for argument in row[2].split()}
    classes_named = {
        name for of in (CLASSES_NOT_HERE, SECOND_NAMES_NOT_HERE) for names in of.values() for name in names.split()
    }
    assert not arguments_named - words
    assert not classes_named - words
    assert not set(NAMES_OF_MODELS_NOT_HERE.split()) - words
    assert not set(ACTIVATIONS_NOT_HERE.split()) - words


def test_the_comparison_notices():
    def theirs(x, axis=-1, size=(2, 2), *, name="sum"):
        pass

    def ours(x, size=2, axis=0):
        pass

    assert set(differences(theirs, ours)) == {("axis", "moved"), ("axis", "default"), ("size", "moved"), ("name", "missing")}

"""Loss functions, by class or by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.declared import find
from minidl.errors import ArgumentTypeError
from minidl.losses.base import TWO_METHODS, defines_both_methods
from minidl.losses.base import Loss as Loss
from minidl.losses.per_output import PerOutput as PerOutput
from minidl.on_demand import on_demand

_ELSEWHERE = {  # what other libraries and people call them
    "crossentropy": "categorical_crossentropy",
    "cross_entropy": "categorical_crossentropy",
    "cross_entropy_loss": "sparse_categorical_crossentropy",
    "nll_loss": "sparse_categorical_crossentropy",
    "log_loss": "binary_crossentropy",
    "categorical_cross_entropy": "categorical_crossentropy",
    "sparse_cross_entropy": "sparse_categorical_crossentropy",
    "sparse_crossentropy": "sparse_categorical_crossentropy",
    "binary_cross_entropy": "binary_crossentropy",
    "bce_loss": "binary_crossentropy",
    "bce_with_logits_loss": "binary_crossentropy",
    "l1": "mae",
    "l1_loss": "mae",
    "absolute_error": "mae",
    "l2": "mse",
    "mse_loss": "mse",
    "squared_error": "mse",
    "smooth_l1": "huber",
    "smooth_l1_loss": "huber",
    "kl_div": "kl_divergence",
    "kl_div_loss": "kl_divergence",
    "poisson_nll_loss": "poisson",
    "cosine_proximity": "cosine_similarity",
    "focal_loss": "binary_focal_crossentropy",
}


def get(identifier: str | Loss) -> Loss:
    """The loss of this name, or the object itself.

    Raises ArgumentError for an unknown name and ArgumentTypeError for anything else, such as a function: it has no gradient.

    >>> get("mse")
    MeanSquaredError()
    """
    loss: Any = identifier
    if callable(loss) and not isinstance(loss, (Loss, type)):
        received = f"the function {getattr(loss, '__name__', type(loss).__name__)!r} as loss, which has no gradient"
        fix = f"a class derived from minidl.losses.Loss with {TWO_METHODS}"
        raise ArgumentTypeError("compile", received, "a Loss object or a name", fix)
    found: Loss = find("loss", identifier, "compile", "loss", elsewhere=_ELSEWHERE, example="'categorical_crossentropy'")
    defines_both_methods(found)
    return found


_FILES = {
    "absolute_error": "MeanAbsoluteError",
    "cosine_similarity": "CosineSimilarity",
    "cross_entropy": "BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy",
    "focal": "BinaryFocalCrossentropy CategoricalFocalCrossentropy",
    "hinge": "CategoricalHinge Hinge SquaredHinge",
    "huber": "Huber",
    "kl_divergence": "KLDivergence",
    "log_cosh": "LogCosh",
    "logarithmic_error": "MeanSquaredLogarithmicError",
    "percentage_error": "MeanAbsolutePercentageError",
    "poisson": "Poisson",
    "squared_error": "MeanSquaredError SumSquaredError",
}

if TYPE_CHECKING:  # what the names are: type checkers and editors cannot follow a lookup by name
    from minidl.losses.absolute_error import MeanAbsoluteError as MeanAbsoluteError
    from minidl.losses.cosine_similarity import CosineSimilarity as CosineSimilarity
    from minidl.losses.cross_entropy import BinaryCrossentropy as BinaryCrossentropy
    from minidl.losses.cross_entropy import CategoricalCrossentropy as CategoricalCrossentropy
    from minidl.losses.cross_entropy import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
    from minidl.losses.focal import BinaryFocalCrossentropy as BinaryFocalCrossentropy
    from minidl.losses.focal import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
    from minidl.losses.hinge import CategoricalHinge as CategoricalHinge
    from minidl.losses.hinge import Hinge as Hinge
    from minidl.losses.hinge import SquaredHinge as SquaredHinge
    from minidl.losses.huber import Huber as Huber
    from minidl.losses.kl_divergence import KLDivergence as KLDivergence
    from minidl.losses.log_cosh import LogCosh as LogCosh
    from minidl.losses.logarithmic_error import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
    from minidl.losses.percentage_error import MeanAbsolutePercentageError as MeanAbsolutePercentageError
    from minidl.losses.poisson import Poisson as Poisson
    from minidl.losses.squared_error import MeanSquaredError as MeanSquaredError
    from minidl.losses.squared_error import SumSquaredError as SumSquaredError
else:  # hidden from them, so that they notice a misspelt name
    __getattr__, __dir__, __all__ = on_demand(__name__, _FILES, "loss")

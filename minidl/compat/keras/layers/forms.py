"""Calls of Keras 1 that no renaming of keywords covers: ``Convolution2D(32, 3, 3)``, ``forget_bias_init``, ``mode``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.compat.keras.layers.options import by_name
from minidl.compat.translation import Given
from minidl.errors import ArgumentError, ArgumentTypeError

Form = Callable[[tuple[Any, ...], Given], tuple[tuple[Any, ...], Given]]

CONV_1 = "activation weights border_mode subsample dim_ordering"
TERMS_1 = "W_regularizer b_regularizer activity_regularizer W_constraint b_constraint bias"


def windows(where: str, sizes: str, order_1: str = "") -> Form:
    """The size of a window as a number for each axis: ``nb_row`` and ``nb_col``, by name or one after the other.

    Args:
        where: the layer, as errors call it.
        sizes: the names of the numbers.
        order_1: what stood behind them in Keras 1.
    """
    names, behind = tuple(sizes.split()), tuple(order_1.split())

    def form(args: tuple[Any, ...], given: Given) -> tuple[tuple[Any, ...], Given]:
        first = list(_numbers(args[1 : 1 + len(names)]))
        later = [name for name in names[len(first) :] if name in given]
        if not later and len(first) < len(names):
            return args, given  # the form of 2.1
        if len(first) + len(later) < len(names):
            missing = [name for name in names[len(first) :] if name not in given]
            raise ArgumentTypeError(where, f"a call without {' and '.join(missing)}", f"{', '.join(names)}, or kernel_size")
        given = dict(given)
        of_2 = [name for name in ("padding", "strides", "data_format") if name in given]
        if not later and len(names) == 2 and of_2:
            received = f"three numbers beside {', '.join(of_2)}, which are Keras 2's"
            raise ArgumentError(where, received, "kernel_size as one argument", f"{where}({args[0]}, ({first[0]}, {first[1]}))")
        size = (*first, *(given.pop(name) for name in later))
        given |= by_name(where, behind, args[1 + len(first) :], given)
        return args[:1], given | {"kernel_size": size}

    return form


def _numbers(args: tuple[Any, ...]) -> Any:
    for value in args:
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            return
        yield value


def both(first: Form, second: Form) -> Form:
    """One form behind the other."""
    return lambda args, given: second(*first(args, given))


def without(*names: str) -> Form:
    """Without arguments that say what follows from others, as Keras 2.1 left them out."""

    def form(args: tuple[Any, ...], given: Given) -> tuple[tuple[Any, ...], Given]:
        return args, {name: value for name, value in given.items() if name not in names}

    return form


def forget_bias(args: tuple[Any, ...], given: Given) -> tuple[tuple[Any, ...], Given]:
    """``forget_bias_init``: ones or zeros, as ``unit_forget_bias`` says today."""
    if "forget_bias_init" not in given:
        return args, given
    given = dict(given)
    value = given.pop("forget_bias_init")
    if value not in ("one", "ones", "zero", "zeros"):
        raise ArgumentError("forget_bias_init", repr(value), "'one' or 'zero'", "unit_forget_bias=True")
    return args, given | {"unit_forget_bias": value in ("one", "ones")}


def mode_0(args: tuple[Any, ...], given: Given) -> tuple[tuple[Any, ...], Given]:
    """``mode`` of ``BatchNormalization``, of which Keras 2 has 0 only."""
    if "mode" not in given:
        return args, given
    given = dict(given)
    mode = given.pop("mode")
    if mode != 0:
        received, fix = f"mode={mode!r}", "LayerNormalization() for mode=1, which normalizes each sample by itself"
        raise ArgumentError("BatchNormalization", received, "mode=0, as Keras 2 has no other", fix)
    return args, given


def one_for_both(old: str, *names: str) -> Form:
    """An argument that means several of today, such as ``init`` of a separable convolution."""

    def form(args: tuple[Any, ...], given: Given) -> tuple[tuple[Any, ...], Given]:
        if old not in given:
            return args, given
        given = dict(given)
        value = given.pop(old)
        return args, dict.fromkeys(names, value) | given

    return form

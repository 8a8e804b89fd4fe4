"""Window arithmetic: the tables one looks up, and every refusal; random windows are in tests/ops/test_properties.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.geometry import Window, agree, check_shape, is_known, positive_integers, size_of, transposed_window


@pytest.mark.parametrize(
    "n, k, s, d, padding, out, pads",
    [
        (28, 5, 1, 1, "valid", 24, (0, 0)),
        (28, 5, 1, 1, "same", 28, (2, 2)),
        (28, 2, 2, 1, "valid", 14, (0, 0)),
        (28, 2, 2, 1, "same", 14, (0, 0)),
        (7, 2, 2, 1, "valid", 3, (0, 0)),
        (7, 2, 2, 1, "same", 4, (0, 1)),  # the odd zero comes behind
        (6, 3, 2, 1, "same", 3, (0, 1)),
        (5, 4, 1, 1, "same", 5, (1, 2)),
        (224, 7, 2, 1, "same", 112, (2, 3)),  # ResNet's first layer
        (10, 3, 1, 2, "valid", 6, (0, 0)),
        (10, 3, 1, 2, "same", 10, (2, 2)),
        (9, 1, 3, 1, "same", 3, (0, 0)),  # stride longer than the window: nothing is padded
        (1, 5, 1, 1, "same", 1, (2, 2)),
        (5, 5, 1, 1, "valid", 1, (0, 0)),
        (5, 2, 7, 1, "valid", 1, (0, 0)),
    ],
)
def test_one_axis(n: int, k: int, s: int, d: int, padding: str, out: int, pads: tuple[int, int]) -> None:
    window = Window((k,), (s,), padding, (d,))
    assert window.output_shape((n,)) == (out,)
    assert window.pads((n,)) == (pads,)


@pytest.mark.parametrize(
    "n, k, s, d, out, before",
    [(5, 3, 1, 1, 5, 2), (5, 3, 2, 1, 3, 2), (6, 2, 4, 3, 2, 3), (1, 4, 1, 1, 1, 3), (7, 1, 3, 1, 3, 0)],
)
def test_causal_zeros_stand_in_front(n: int, k: int, s: int, d: int, out: int, before: int) -> None:
    window = Window((k,), (s,), "causal", (d,))
    assert window.output_shape((n,)) == (out,)
    assert window.pads((n,)) == ((before, 0),)
    last_taps = list(window.tap_slices((out,)))[-1][0]
    assert (last_taps.start - before, last_taps.step) == (0, s)  # y[i] sees x[i s] and what came before it


@pytest.mark.parametrize("n, k, s, d, pair, out", [(5, 3, 1, 1, (2, 1), 6), (5, 3, 2, 2, (0, 4), 3), (1, 3, 1, 1, (1, 1), 1)])
def test_zeros_in_numbers(n: int, k: int, s: int, d: int, pair: tuple[int, int], out: int) -> None:
    window = Window((k,), (s,), (pair,), (d,))
    assert window == Window((k,), (s,), [list(pair)], (d,))
    assert window.output_shape((n,)) == (out,)
    assert window.pads((n,)) == (pair,)


def test_a_padded_window_that_does_not_fit_says_what_would() -> None:
    with pytest.raises(ShapeError, match=r"expected at least \(3,\)"):
        Window((5,), padding=((1, 1),)).output_shape((2,))


@pytest.mark.parametrize(
    "padding", [((3, 0),), ((0, -1),), ((1,),), ((1, 1), (1, 1)), (1, 1), ((1.0, 0),), ((True, 0),), ("ab",)]
)
def test_zeros_that_make_no_window(padding: Any) -> None:
    with pytest.raises(ArgumentError, match=r"Window: received padding=.*0 to the span - 1, for spans \(3,\)"):
        Window((3,), padding=padding)


@pytest.mark.parametrize(
    "k, s, d, padding, more, rest, pads",
    [
        (3, 1, 1, "valid", None, 3, (0, 0)),
        (2, 3, 1, "valid", None, 3, (0, 0)),  # a gap that no tap reaches still belongs to the result
        (3, 2, 1, "valid", 1, 4, (0, 0)),
        (3, 2, 1, "same", None, 2, (0, 1)),  # the odd place is cut off behind
        (4, 2, 1, "same", None, 2, (1, 1)),
        (5, 2, 1, "same", None, 2, (1, 2)),
        (1, 3, 1, "same", None, 3, (0, 0)),
        (2, 1, 3, "same", None, 1, (1, 2)),
        (3, 2, 1, "same", 0, 1, (1, 1)),
        (3, 2, 1, "same", 1, 2, (0, 1)),
        (4, 2, 1, "same", 0, 0, (2, 2)),
        (4, 2, 1, "same", 1, 1, (1, 2)),
    ],
)
def test_transposed_window(k: int, s: int, d: int, padding: str, more: Any, rest: int, pads: tuple[int, int]) -> None:
    window, rests = transposed_window((k,), (s,), padding, (d,), None if more is None else (more,))
    assert rests == (rest,)
    assert window.pads((9,)) == (pads,)
    for n in (2, 3, 6):
        assert window.output_shape(((n - 1) * s + rest,)) == (n,)  # the way back


def test_axes_do_not_mix() -> None:
    window = Window((3, 4, 1), (1, 2, 3), "same", (2, 1, 1))
    each = [Window((k,), (s,), "same", (d,)) for k, s, d in zip(window.size, window.strides, window.dilation)]
    spatial = (7, 9, 10)
    assert window.output_shape(spatial) == tuple(w.output_shape((n,))[0] for w, n in zip(each, spatial))
    assert window.pads(spatial) == tuple(w.pads((n,))[0] for w, n in zip(each, spatial))
    assert (window.rank, window.taps, window.spans) == (3, 12, (5, 4, 1))


def test_taps_in_row_major_order() -> None:
    slices = list(Window((2, 3), (2, 1)).tap_slices((2, 4)))
    assert [(a.start, b.start) for a, b in slices] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert {(a.step, b.step) for a, b in slices} == {(2, 1)}
    image = np.arange(4 * 6).reshape(4, 6)
    assert image[slices[5]].tolist() == [[8, 9, 10, 11], [20, 21, 22, 23]]


def test_defaults_are_steps_of_one() -> None:
    assert Window((3, 3)) == Window((3, 3), (1, 1), "valid", (1, 1))
    assert hash(Window((3, 3))) == hash(Window((3, 3), (1, 1)))


@pytest.mark.parametrize("spatial", [(4, 9), (9, 4), (1, 1)])
def test_a_window_that_does_not_fit_says_what_would(spatial: tuple[int, int]) -> None:
    with pytest.raises(ShapeError, match=r"conv_1.*\(5, 5\).*padding='same'"):
        Window((5, 5)).output_shape(spatial, "conv_1")


def test_dilation_counts_towards_the_span() -> None:
    with pytest.raises(ShapeError):
        Window((3,), dilation=(3,)).output_shape((6,))
    assert Window((3,), dilation=(3,)).output_shape((7,)) == (1,)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("method", ["output_shape", "pads"])
def test_a_wrong_number_of_axes(method: str, padding: str) -> None:
    with pytest.raises(ShapeError):
        getattr(Window((3, 3), padding=padding), method)((8,))


@pytest.mark.parametrize(
    "arguments", [((3,), (1, 1)), ((3, 3), (1,)), ((3, 3), (), "full"), ((3, 3), (), "valid", (2,))], ids=str
)
def test_windows_that_make_no_sense(arguments: tuple) -> None:
    with pytest.raises(ArgumentError):
        Window(*arguments)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"size": (0, 3)}, "size=(0, 3); expected a positive integer"),
        ({"size": (3, -1)}, "size=(3, -1)"),
        ({"size": ()}, "size=(); expected at least one spatial axis"),
        ({"size": (3, 3), "strides": (1, 0)}, "strides=(1, 0); expected a positive integer or 2 of them"),
        ({"size": (3, 3), "strides": 0}, "strides=0"),  # and not taken for "no strides given"
        ({"size": (3, 3), "strides": (2, -1)}, "strides=(2, -1)"),
        ({"size": (3, 3), "strides": (2,)}, "strides=(2,)"),
        ({"size": (3,), "dilation": (0,)}, "dilation=(0,)"),
        ({"size": (3,), "dilation": (1, 1)}, "dilation=(1, 1)"),
        ({"size": (3,), "padding": -1}, "padding=-1; expected 'valid', 'same' or 'causal'"),
        ({"size": (3,), "padding": ["same"]}, "padding=['same']"),
    ],
    ids=str,
)
def test_windows_out_of_range_name_the_argument(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Window(**arguments)
    assert f"Window: received {words}" in str(caught.value)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"size": 3}, "size=3 of type int; expected a tuple of positive integers, one for each spatial axis"),
        ({"size": "33"}, "size='33' of type str"),
        ({"size": None}, "size=None of type NoneType"),
        ({"size": (2.5,)}, "size=(2.5,)"),
        ({"size": (True,)}, "size=(True,)"),
        ({"size": ("a",)}, "size=('a',)"),
        ({"size": (3,), "strides": (1.0,)}, "strides=(1.0,)"),
        ({"size": (3,), "strides": None}, "strides=None"),
        ({"size": (3,), "dilation": "1"}, "dilation='1'"),
    ],
    ids=str,
)
def test_windows_of_another_kind_name_the_argument(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentTypeError) as caught:
        Window(**arguments)
    assert f"Window: received {words}" in str(caught.value)


def test_lists_numpy_integers_and_single_strides_become_tuples() -> None:
    window = Window([3, np.int64(5)], 2, "valid", np.int32(1))  # type: ignore[arg-type]
    assert window == Window((3, 5), (2, 2), "valid", (1, 1))
    assert hash(window) == hash(Window((3, 5), (2, 2)))
    assert all(type(n) is int for n in (*window.size, *window.strides, *window.dilation))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("method", ["output_shape", "pads"])
@pytest.mark.parametrize("size", [2.5, "a", True], ids=str)
def test_sizes_of_another_kind(method: str, padding: str, size: Any) -> None:
    with pytest.raises(ArgumentTypeError, match="expected integers"):
        getattr(Window((3,), padding=padding), method)((size,))


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_an_unknown_length_gives_an_unknown_length(padding: str) -> None:
    window = Window((3, 3), padding=padding)
    assert window.output_shape((None, 5)) == (None, window.output_shape((5, 5))[0])
    with pytest.raises(ArgumentTypeError, match="expected integers"):
        window.pads((None, 5))
    with pytest.raises(ShapeError, match="spatial shape"):
        Window((3, 3)).output_shape((None, 2))


def test_slices_for_a_wrong_number_of_axes() -> None:
    with pytest.raises(ShapeError):
        next(Window((3, 3)).tap_slices((8,)))


@pytest.mark.parametrize("value, expected", [(5, (5, 5)), ((3, 4), (3, 4)), ([3, 4], (3, 4)), (np.int64(2), (2, 2))])
def test_positive_integers(value: Any, expected: tuple[int, ...]) -> None:
    assert positive_integers("Conv2D", "kernel_size", value, 2) == expected
    assert all(type(item) is int for item in positive_integers("Conv2D", "kernel_size", value, 2))


@pytest.mark.parametrize("value", [0, -1, (3,), (3, 3, 3), (3, 0), ()])
def test_positive_integers_out_of_range(value: Any) -> None:
    with pytest.raises(ArgumentError, match="kernel_size"):
        positive_integers("Conv2D", "kernel_size", value, 2)


@pytest.mark.parametrize("value", [2.0, "5", "33", None, True, (3, 3.0), (3, None), (True, 3)])
def test_positive_integers_of_another_kind(value: Any) -> None:
    with pytest.raises(ArgumentTypeError, match="kernel_size"):
        positive_integers("Conv2D", "kernel_size", value, 2)


@pytest.mark.parametrize(
    "shape, expected",
    [
        (5, (5,)),
        ((28, 28, 1), (28, 28, 1)),
        ([3, 4], (3, 4)),
        ((), ()),
        ((np.int64(3),), (3,)),
        (((2,), (3, 4)), ((2,), (3, 4))),
        ((None,), (None,)),
        ((28, None), (28, None)),
        (((None, np.int64(2)), (3,)), ((None, 2), (3,))),
    ],
)
def test_check_shape(shape: Any, expected: tuple) -> None:
    assert check_shape(shape, "Dense") == expected


@pytest.mark.parametrize("shape", ["28", 2.5, (2.5,), (True, 3), None])
def test_check_shape_of_another_kind(shape: Any) -> None:
    with pytest.raises(ArgumentTypeError):
        check_shape(shape, "Dense")


@pytest.mark.parametrize(
    "shapes, expected",
    [
        ([(3, 4)], (3, 4)),
        ([(3, 4), (3, 4)], (3, 4)),
        ([(None, 4), (3, None), (None, None)], (3, 4)),
        ([(None,), (None,)], (None,)),
        ([(3, 4), (3, 5)], None),
        ([(3,), (3, 1)], None),
        ([(), ()], ()),
    ],
)
def test_shapes_that_agree(shapes: Any, expected: Any) -> None:
    assert agree(shapes) == expected
    assert agree(shapes[::-1]) == expected


def test_known_shapes_and_sizes() -> None:
    assert [is_known(s) for s in ((), (3,), (None, 3), ((2,), (3,)), ((2,), (None,)))] == [True, True, False, True, False]
    assert [size_of(s) for s in ((), (3, 4), (None, 4))] == [1, 12, None]


@pytest.mark.parametrize("shape", [0, (0,), (3, -1), ((3,), (0,))])
def test_check_shape_out_of_range(shape: Any) -> None:
    with pytest.raises(ShapeError):
        check_shape(shape, "Dense")

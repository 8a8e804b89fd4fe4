"""ArrayData of several inputs and outputs, a dtype for each input, labels and ids of every integer type."""

import numpy as np
import pytest

import minidl
from minidl.data import ArrayData, class_weights, split_last
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning, ShapeError
from minidl.layers import Dense
from minidl.models import Sequential

N = 7
IMAGES = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
IDS = np.arange(2 * N).reshape(N, 2) % 5
DIGITS, SIZES = np.arange(N) % 3, np.linspace(0, 1, N)[:, None]
WEIGHT = np.linspace(0.5, 2, N)


def data(x=None, y=None, sample_weight=None, **options):
    """A model with the inputs image and ids, and the outputs digit and size."""
    options = {
        "input_shape": ((3,), (2,)),
        "dtype": "float32",
        "input_dtypes": ("float32", "int32"),
        "input_names": ("image", "ids"),
        "output_names": ("digit", "size"),
        "where": "fit",
        **options,
    }
    return ArrayData([IMAGES, IDS] if x is None else x, y, sample_weight, **options)


def one(x, **options):
    return ArrayData(x, **{"input_shape": x.shape[1:], "dtype": "float32", "where": "fit", **options})


FORMS = {
    "lists": ([IMAGES, IDS], [DIGITS, SIZES]),
    "tuples": ((IMAGES, IDS), (DIGITS, SIZES)),
    "names": ({"ids": IDS, "image": IMAGES}, {"size": SIZES, "digit": DIGITS}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("weight", [None, WEIGHT, [WEIGHT, None], {"size": WEIGHT}, (2 * WEIGHT, WEIGHT)], ids=repr)
@pytest.mark.parametrize("order", [None, np.arange(N)[::-1].copy()], ids=["in order", "reversed"])
def test_batches_of_several_inputs_and_outputs(form, weight, order):
    x, y = FORMS[form]
    batches = list(data(x, y, weight).batches(3, order))
    assert [batch.size for batch in batches] == [3, 3, 1]
    rows = np.arange(N) if order is None else order
    for at, (source, dtype) in enumerate([(IMAGES, "float32"), (IDS, "int32")]):
        assert {batch.x[at].dtype.name for batch in batches} == {dtype}
        np.testing.assert_array_equal(np.concatenate([batch.x[at] for batch in batches]), source[rows])
    for at, source in enumerate([DIGITS, SIZES]):
        assert {batch.y[at].dtype for batch in batches} == {source.dtype}
        np.testing.assert_array_equal(np.concatenate([batch.y[at] for batch in batches]), source[rows])
    if weight is None:
        assert [batch.weight for batch in batches] == [None] * 3
        return
    by_output = [weight.get("digit"), weight["size"]] if isinstance(weight, dict) else weight
    by_output = [WEIGHT, WEIGHT] if by_output is WEIGHT else by_output
    for at, expected in enumerate(by_output):
        found = [batch.weight[at] for batch in batches]
        if expected is None:
            assert found == [None] * 3
        else:
            assert {w.dtype.name for w in found} == {"float32"}
            np.testing.assert_array_equal(np.concatenate(found), expected[rows].astype("float32"))


def test_one_weight_for_all_outputs_is_carried_once():
    (batch,) = data(None, [DIGITS, SIZES], WEIGHT).batches(N, np.arange(N))
    assert batch.weight[0] is batch.weight[1]


def test_a_batch_of_everything_is_that_of_batches():
    whole, (batch,) = data(None, [DIGITS, SIZES], WEIGHT), data(None, [DIGITS, SIZES], WEIGHT).batches(N)
    senders = []
    for _ in range(2):
        other = whole.whole(senders)
        assert other.size == batch.size == N
        for found, expected in zip((*other.x, *other.y, *other.weight), (*batch.x, *batch.y, *batch.weight)):
            np.testing.assert_array_equal(found, expected, strict=True)
    assert len(senders) == 5, "x twice, y twice, and the weights"


def test_one_input_by_its_name():
    found = ArrayData({"image": IMAGES}, DIGITS, input_shape=(3,), dtype="float64", input_names=("image",), where="fit")
    (batch,) = found.batches(N)
    np.testing.assert_array_equal(batch.x, IMAGES.astype("float64"), strict=True)


def test_a_shape_of_any_length():
    for length in (1, 4):
        found = ArrayData(np.ones((2, length, 3)), input_shape=(None, 3), dtype="float32", where="fit")
        assert next(found.batches(2)).x.shape == (2, length, 3)
    with pytest.raises(ShapeError, match=r"\(2, 4, 2\); expected \(samples, None, 3\)"):
        ArrayData(np.ones((2, 4, 2)), input_shape=(None, 3), dtype="float32", where="fit")


@pytest.mark.parametrize("shape, input_shape, fix", [((N,), (1,), "a column"), ((N, 8, 8), (8, 8, 1), "the channel axis")])
def test_a_last_axis_of_one_is_proposed(shape, input_shape, fix):
    with pytest.raises(ShapeError, match=fix):
        one(np.zeros(shape), input_shape=input_shape)


def test_a_part_keeps_dtypes_names_and_weights():
    training, validation = split_last(data(None, [DIGITS, SIZES], [WEIGHT, None]), 0.4, of_classes=[True, False])
    (a,), (b,) = training.batches(9), validation.batches(9)
    assert (a.size, b.size) == (4, 3)
    np.testing.assert_array_equal(b.x[1], IDS[4:].astype("int32"), strict=True)
    np.testing.assert_array_equal(b.y[0], DIGITS[4:])
    np.testing.assert_array_equal(b.weight[0], WEIGHT[4:].astype("float32"))
    assert b.weight[1] is None


def test_a_part_without_known_classes_names_its_output():
    with pytest.warns(DataWarning, match=r"no class of y\['digit'\] of the validation part"):
        split_last(data(None, [np.arange(N) // 4, SIZES]), 0.4)
    split_last(data(None, [np.arange(N) // 4, SIZES]), 0.4, of_classes=[False, True])
    split_last(data(None, [np.arange(N) // 4, SIZES]), 0.4, of_classes=False)


# -- what does not fit -----------------------------------------------------------------------------------------------------

NAN = np.where(np.arange(N) == 4, np.nan, 1.0)


@pytest.mark.parametrize(
    "x, y, weight, kind, words",
    [
        ({"image": IMAGES}, None, None, ArgumentError, ["fit: x", "no entry 'ids'", "'image', 'ids'"]),
        ({"image": IMAGES, "id": IDS}, None, None, ArgumentError, ["fit: x", "'id'", "Did you mean 'ids'?"]),
        ([IMAGES], None, None, ArgumentError, ["fit: x", "1 arrays", "2, one for each input"]),
        (IMAGES, None, None, ArgumentTypeError, ["fit: x", "one ndarray", "a list of 2 arrays", "'image', 'ids'"]),
        ([IMAGES[:, :2], IDS], None, None, ShapeError, ["fit: x['image']", "(7, 2)", "(samples, 3)"]),
        ([IMAGES, IDS[:5]], None, None, DataError, ["7 samples in x['image']", "5 samples in x['ids']"]),
        ([IMAGES, IDS.astype(str)], None, None, ArgumentTypeError, ["fit: x['ids']", "real numbers"]),
        (None, DIGITS, None, ArgumentTypeError, ["fit: y", "one ndarray", "a list of 2 arrays", "'digit', 'size'"]),
        (None, [DIGITS], None, ArgumentError, ["fit: y", "1 arrays", "2, one for each output"]),
        (None, {"digit": DIGITS}, None, ArgumentError, ["fit: y", "no entry 'size'"]),
        (None, {"digit": DIGITS, "Size": SIZES}, None, ArgumentError, ["fit: y", "'Size'", "Did you mean 'size'?"]),
        (None, [DIGITS, SIZES[:3]], None, DataError, ["7 samples in y['digit']", "3 samples in y['size']"]),
        (None, [DIGITS, 3.0], None, ShapeError, ["fit: y['size']", "a single number"]),
        (None, [DIGITS, SIZES], WEIGHT[:3], DataError, ["3 samples in sample_weight"]),
        (None, [DIGITS, SIZES], [WEIGHT], ArgumentError, ["fit: sample_weight", "1 arrays", "2, one for each output"]),
        (None, [DIGITS, SIZES], {"siz": WEIGHT}, ArgumentError, ["fit: sample_weight", "'siz'", "'size'?"]),
        (None, [DIGITS, SIZES], {"size": WEIGHT[:2]}, DataError, ["2 samples in sample_weight['size']"]),
    ],
)
def test_what_does_not_fit_is_named(x, y, weight, kind, words):
    with pytest.raises(kind) as raised:
        data(x, y, weight)
    assert [word for word in words if word not in str(raised.value)] == [], str(raised.value)


def test_one_output_takes_no_dictionary():
    with pytest.raises(
        ArgumentTypeError, match="fit: y: received a dictionary; expected one array, as the model has one output"
    ):
        one(IMAGES, output_names=(), y={"digit": DIGITS})


def test_numbers_that_are_not_finite_are_named_by_input_and_output():
    with pytest.warns(DataWarning, match=r"x\['image'\] holds NaN or infinity, first in sample 4"):
        assert data([IMAGES * NAN[:, None], IDS]).warned
    assert not data().warned
    with pytest.raises(DataError, match=r"fit: y\['size'\]: received NaN or infinity in sample 4"):
        data(None, [DIGITS, SIZES * NAN[:, None]]).check_targets("fit", "raise")
    data(None, [DIGITS, SIZES * NAN[:, None]]).check_targets("fit", "raise", targets=(True, False))
    with pytest.raises(DataError, match=r"fit: sample_weight\['size'\]: received weight -1.0 at index 0"):
        data(None, [DIGITS, SIZES], [None, WEIGHT * 0 - 1]).check_targets("fit", "warn")
    with pytest.raises(DataError, match=r"fit: sample_weight: received weight -1\.0 at index 0"):
        data(None, [DIGITS, SIZES], WEIGHT * 0 - 1).check_targets("fit", "warn")
    found = one(IMAGES, y=NAN)
    with pytest.warns(DataWarning, match="y holds NaN"):
        found.check_targets("fit", "warn")
    assert found.warned


# -- integers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["int32", "int64"])
@pytest.mark.parametrize("stored", ["bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_ids_arrive_as_integers(stored, wanted, shuffled):
    ids = (IDS % 2 if stored == "bool" else IDS).astype(stored)
    found = one(ids, input_dtypes=(wanted,))
    (batch,) = found.batches(N, np.arange(N) if shuffled else None)
    np.testing.assert_array_equal(batch.x, ids.astype(wanted), strict=True)


@pytest.mark.parametrize(
    "value, stored, wanted, words",
    [
        (1.5, "f8", "int32", ["1.5 at index (4, 1)", "whole numbers", "int32"]),
        (np.nan, "f4", "int64", ["nan at index (4, 1)", "int64"]),
        (-np.inf, "f4", "int64", ["-inf at index (4, 1)"]),
        (2**31, "i8", "int32", ["2147483648 at index (4, 1)", "-2147483648 to 2147483647"]),
        (-(2**31) - 1, "i8", "int32", ["-2147483649 at index (4, 1)"]),
        (2**31, "f4", "int32", ["2147483648.0 at index (4, 1)"]),
        (2.0**63, "f8", "int64", ["9.223372036854776e+18 at index (4, 1)"]),
        (2**63, "u8", "int64", ["9223372036854775808 at index (4, 1)"]),
        (-1, "i1", "uint8", ["-1 at index (4, 1)", "0 to 255"]),
        (300, "f2", "uint8", ["300.0 at index (4, 1)"]),
    ],
)
def test_numbers_that_no_id_can_be(value, stored, wanted, words):
    ids = IDS.astype(stored)
    ids[4, 1] = value
    with pytest.raises(DataError) as raised:
        data([IMAGES, ids], input_dtypes=("float32", wanted))
    assert [word for word in ["fit: x['ids']", *words] if word not in str(raised.value)] == [], str(raised.value)


@pytest.mark.parametrize("value", [2**31 - 1, -(2**31)])
def test_the_largest_numbers_that_fit(value):
    ids = IDS.copy()
    ids[4, 1] = value
    assert next(one(ids, input_dtypes=("int32",)).batches(N)).x[4, 1] == value


@pytest.mark.parametrize("dtype", ["bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "f2"])
def test_labels_of_any_type_train_alike(dtype):
    def trained(labels):
        minidl.set_seed(3)
        model = Sequential([Dense(2, activation="softmax", input_shape=(3,))])
        model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
        history = model.fit(IMAGES, labels, 3, epochs=2, class_weight={1: 2.0}, verbose=0).history
        return history, model.get_weights()

    labels = np.arange(N) % 2
    (expected, weights), (found, others) = trained(labels), trained(labels.astype(dtype))
    assert found == expected
    assert all(np.array_equal(a, b) for a, b in zip(weights, others))


# -- weights by class ------------------------------------------------------------------------------------------------------


def test_class_weights_of_a_batch_in_which_classes_are_missing():
    assert class_weights([0, 1], {2: 5.0, 1: 3.0}, classes=3).tolist() == [1, 3]
    assert class_weights([[0], [1]], {2: 5.0}, [2.0, 4.0], classes=3).tolist() == [2, 4]
    with pytest.raises(ArgumentError, match="class 2; expected classes 0 to 1"):
        class_weights([0, 1], {2: 5.0})
    with pytest.raises(ArgumentError, match="class 3; expected classes 0 to 2"):
        class_weights([0, 1], {3: 5.0}, classes=3)


def test_class_weights_of_several_outputs_are_refused():
    with pytest.raises(ArgumentError, match="a model with 2 outputs; expected a model with one output"):
        class_weights((DIGITS, SIZES), {1: 2.0})

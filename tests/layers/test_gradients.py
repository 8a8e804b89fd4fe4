"""Every layer and every loss of the table: the gradient is the derivative; float32 comes as close as it can."""

import warnings

import numpy as np
import pytest

from minidl import config
from minidl.errors import NumericWarning
from minidl.testing import check_gradients
from tests.cases.case import layers_of
from tests.cases.layers import LAYERS, LOSSES, Case, LossCase, sampled

CASES = list(LAYERS.values())
TOLERANCE = 1e-7  # the worst of the table stays near 1e-8, most near 1e-12


def by_name(cases):
    return {"argvalues": cases, "ids": [case.name for case in cases]}


def unless_alike(cases):
    """All rows, none of which runs always, as kernels for float64 take long to compile; those alike are slow tests."""
    rows = [pytest.param(case, marks=pytest.mark.more if case.always else pytest.mark.slow) for case in cases]
    return {"argvalues": rows, "ids": [case.name for case in cases]}


@pytest.mark.parametrize("case", **by_name(CASES))
def test_gradient_of_the_references(case: Case):
    """Along random directions, without waiting for kernels to compile; test_gradient looks at every element, where it runs."""
    with config.use_kernels("reference"):
        report = check_gradients(
            case.layer(), case.inputs(), training=case.training, tolerance=TOLERANCE, directions=5, elementwise=False
        )
    report.raise_if_failed()


@pytest.mark.parametrize("case", **unless_alike(CASES))
def test_gradient(case: Case):
    report = check_gradients(case.layer(), case.inputs(), training=case.training, tolerance=TOLERANCE)
    report.raise_if_failed()
    assert report.kinks == 0  # no case of the table may sit on a corner
    assert all(row.checked == row.size for row in report.rows)


@pytest.mark.one_in(40)
@pytest.mark.parametrize("case", **sampled([case for case in CASES if case.single]))
def test_gradient_of_one_sample(case: Case):
    report = check_gradients(case.layer(), case.inputs(batch=1), training=case.training, tolerance=TOLERANCE)
    report.raise_if_failed()


@pytest.mark.parametrize("case", **by_name([case for case in CASES if not case.single]))
def test_one_sample_where_it_means_nothing_still_has_a_gradient(case: Case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumericWarning)
        check_gradients(case.layer(), case.inputs(batch=1), training=case.training, tolerance=TOLERANCE).raise_if_failed()


@pytest.mark.parametrize("case", **by_name(list(LOSSES.values())))
def test_gradient_of_loss(case: LossCase):
    report = check_gradients(case.make(), case.y_pred(), case.y_true(), sample_weight=case.sample_weight(), tolerance=TOLERANCE)
    report.raise_if_failed()
    assert report.kinks == 0


def assert_close_to_float64(name, single, double):
    assert single.dtype == np.float32, name
    assert single.shape == double.shape, name
    scale = np.abs(double).max(initial=0)
    scale = 1 if 0 < scale < 1e-12 else scale  # 0 by its formula, as the gradient of a key's bias is, and else rounding
    np.testing.assert_allclose(single, double, rtol=1e-4, atol=1e-5 * scale, err_msg=name)


@pytest.mark.one_in(60)
@pytest.mark.parametrize("case", **sampled(CASES))
def test_float32_agrees_with_float64(case: Case):
    x = case.inputs()
    results = {}
    for dtype in ("float32", "float64"):
        layer = case.layer(dtype)
        y = layer.forward(x, training=case.training)
        dy = np.random.default_rng(1).normal(size=y.shape).astype("float32")
        dx = layer.backward(dy)
        gradients = {name: p.grad for name, p in layer.named_parameters()}
        states = {f"state {i}": p.value for i, p in enumerate(layer.state)}
        inputs = {f"dx[{i}]": d for i, d in enumerate(dx)} if layer.takes_many else {} if case.ids else {"dx": dx}
        results[dtype] = {"y": y, **inputs, **gradients, **states}
    assert results["float32"].keys() == results["float64"].keys()
    for name, double in results["float64"].items():
        assert double.dtype == np.float64, name
        assert_close_to_float64(name, results["float32"][name], double)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("case", **by_name(list(LOSSES.values())))
def test_float32_loss_agrees_with_float64(case: LossCase):
    single, double = (
        loss_and_gradient(case, case.y_pred().astype("float32").astype(dtype)) for dtype in ("float32", "float64")
    )
    for name, a, b in zip(("loss", "gradient"), single, double):
        assert_close_to_float64(name, np.asarray(a), np.asarray(b))


def loss_and_gradient(case: LossCase, y_pred):
    loss = case.make()
    value, saved = loss.apply(y_pred, case.y_true(), case.sample_weight())
    return value, loss.gradient(saved)


def test_the_table_has_every_layer_and_every_loss():
    import minidl.layers
    import minidl.losses

    public = {
        thing
        for module in (minidl.layers, minidl.losses)
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, (minidl.layers.Layer, minidl.losses.Loss))
    }
    used = {type(case.make()) for case in LOSSES.values()}
    used |= {type(layer) for case in CASES for layer in layers_of(case.make())}
    assert public - used == {minidl.layers.Layer, minidl.losses.Loss}

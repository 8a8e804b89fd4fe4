"""Targets (n,) of one output (n, 1): nothing makes (n, n) of them, neither metrics nor losses of one's own."""

import numpy as np
import pytest

from minidl.errors import ShapeError
from minidl.layers import Dense, Input
from minidl.losses import Loss
from minidl.metrics import Metric
from minidl.models import Model

N = 6
RNG = np.random.default_rng(3)
X, Y, WEIGHTS = RNG.normal(size=(N, 4)), RNG.normal(size=N), RNG.uniform(1, 2, N)


class Distance(Metric):
    def per_sample(self, y_true, y_pred):
        return abs(y_true - y_pred)


class Sums(Metric):
    def reset(self):
        self.distance = self.samples = 0.0

    def update(self, y_true, y_pred, sample_weight=None):
        self.distance += float(abs(y_true - y_pred).sum())
        self.samples += len(y_pred)

    def result(self):
        return self.distance / self.samples


class Squares(Loss):
    def per_sample(self, y_pred, targets):
        return ((y_pred - targets) ** 2).mean(axis=-1), y_pred

    def gradient_of(self, kept, targets, scale):
        return 2 * (kept - targets) * scale / kept.shape[-1]


def gap(y_true, y_pred):
    return abs(y_true - y_pred)


def compiled(metrics, outputs=1):
    x = Input((4,))
    results = [Dense(1)(x) for _ in range(outputs)]
    model = Model(x, results if outputs > 1 else results[0])
    model.compile("sgd", Squares(), metrics if outputs == 1 else [metrics] * outputs)
    return model


@pytest.mark.parametrize("outputs", [1, 2])
def test_metrics_and_losses_of_ones_own(outputs):
    model = compiled([Distance(), Sums(), gap], outputs)
    for y in (Y, Y[:, None]):
        loss, *found = model.evaluate(X, [y] * outputs if outputs > 1 else y, batch_size=4, verbose=0)
        predictions = model.predict(X)
        errors = [predictions[:, 0] - Y] if outputs == 1 else [p[:, 0] - Y for p in predictions]
        expected = [np.mean(error**2) for error in errors] * (outputs > 1)
        expected += [abs(error).mean() for error in errors for _ in range(3)]
        np.testing.assert_allclose(loss, sum(np.mean(error**2) for error in errors), rtol=1e-5)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_time_steps_of_one_output_and_weights():
    x, y = RNG.normal(size=(3, 2, 4)), RNG.normal(size=(3, 2))
    weights = RNG.uniform(1, 2, (3, 2))
    steps = Input((2, 4))
    model = Model(steps, Dense(1)(steps))
    model.compile("sgd", "mse", [Distance(), gap, "mae"])
    _, *found = model.evaluate(x, y, sample_weight=weights, verbose=0)
    np.testing.assert_allclose(found, np.average(abs(model.predict(x)[..., 0] - y), weights=weights), rtol=1e-5)


def test_by_hand():
    metric = Sums()
    metric.update_state(Y, Y[::-1])
    assert metric.result() == pytest.approx(np.mean(abs(Y - Y[::-1])))


@pytest.mark.parametrize("function", [lambda t, p: t[:, 0] - p, lambda t, p: t - p[:, 0]])
def test_a_matrix_of_all_pairs_is_refused(function):
    with pytest.raises(ShapeError, match=r"values of shape \(6, 6\).*\(6,\).*y_true and y_pred both with the axis"):
        compiled([function]).evaluate(X, Y, verbose=0)


@pytest.mark.parametrize("shape", [(N, 1), (N, N), (1, N), (1,), (N - 1,)])
def test_weights_of_another_shape_are_refused(shape):
    for call in ("evaluate", "fit"):
        with pytest.raises((ShapeError, ValueError), match="sample_weight"):
            getattr(compiled([]), call)(X, Y, sample_weight=np.ones(shape), verbose=0)

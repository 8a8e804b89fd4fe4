"""Metrics on the stand-in for CuPy: the CPU's numbers, and no waiting for the device before somebody asks for the result."""

import numpy as np
import pytest

from minidl import backend
from tests.cases.metrics import METRICS
from tests.gpu.strict_cupy import device
from tests.gpu.test_layers import on_the_stand_in


@pytest.mark.parametrize("name", METRICS)
def test_the_same_numbers_without_waiting(name: str) -> None:
    case = METRICS[name]
    y_true, y_pred, weight = case.data(30)
    for weights in (None, weight):
        expected, metric = case.metric(), case.metric()
        with on_the_stand_in("reference"):
            for part in (slice(0, 10), slice(10, 30)):
                batch = [a[part] for a in (y_true, y_pred, weights) if a is not None]
                expected.update(*batch)
                on_device = [backend.current().asarray(a) for a in batch]
                with device.no_waiting():
                    metric.update(*on_device)
            found = metric.result()
            assert isinstance(found, (float, np.ndarray)), "on the host"
            metric.reset_state()
            metric.update_state(*batch)
        np.testing.assert_allclose(found, expected.result(), rtol=1e-12)

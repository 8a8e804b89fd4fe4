"""PyTorch's tensors and its DataLoader as data."""

import numpy as np
import pytest

import minidl
from minidl.data import is_stream
from minidl.data.convert import to_host
from minidl.errors import ArgumentTypeError
from minidl.layers import Dense
from tests.data.connected import Connected
from tests.peers.judge import torch

pytestmark = pytest.mark.peer

X = np.random.default_rng(0).normal(size=(10, 3)).astype("float32")
Y = np.arange(10) % 2


def test_tensors():
    tensor = torch.from_numpy(X.copy())
    found = to_host(tensor, "x")
    np.testing.assert_array_equal(found, X)
    assert np.shares_memory(found, tensor.numpy()), "a view, not a copy"
    np.testing.assert_array_equal(to_host([tensor[0], tensor[1]], "x"), X[:2])
    np.testing.assert_array_equal(to_host(tensor.to(torch.int64), "x"), X.astype("int64"), strict=True)
    np.testing.assert_array_equal(to_host(tensor.T, "x"), X.T)
    for wrong, word in ((tensor.requires_grad_(), "x.detach()"), (tensor.detach().bfloat16(), "x.detach().float().cpu()")):
        with pytest.raises(ArgumentTypeError) as raised:
            to_host(wrong, "fit: x")
        assert word in str(raised.value)


def test_a_data_loader_trains_as_the_arrays_do():
    def model():
        minidl.set_seed(1)
        made = Connected([Dense(2, activation="softmax", input_shape=(3,))])
        made.compile("sgd", "sparse_categorical_crossentropy")
        return made

    expected, found = model(), model()
    expected.fit(X, Y, 4, epochs=2, shuffle=False)
    tensors = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    loader = torch.utils.data.DataLoader(tensors, batch_size=4)
    assert is_stream(loader)
    found.fit(loader, epochs=2)
    assert all(np.array_equal(a, b) for a, b in zip(found.get_weights(), expected.get_weights()))
    np.testing.assert_array_equal(found.predict(loader), expected.predict(torch.from_numpy(X), 4))

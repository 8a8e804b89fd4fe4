"""Every test of this folder runs in float64, once on the references of the ops and once on their fast kernels.

MINIDL_KERNELS=reference leaves the kernels out (their first run compiles them).
"""

import sys

import pytest

from minidl import config


@pytest.fixture(autouse=True, params=["reference"] if config.kernels() == "reference" else ["reference", "auto"])
def numerics(request):
    with config.use_dtype("float64"), config.use_kernels(request.param):
        yield


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """Keras in float64 on PyTorch, reading and writing no settings of the person who runs the tests."""
    pytest.importorskip("torch", reason="PyTorch, which Keras computes with here, is not installed (minidl[peers])")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        module = pytest.importorskip("keras", reason="Keras, the judge of this test, is not installed (minidl[peers])")
    if module.backend.backend() != "torch":
        pytest.skip("Keras was loaded with another backend")
    before, policy = module.config.floatx(), module.config.dtype_policy()
    module.config.set_floatx("float64")
    module.config.set_dtype_policy("float64")  # Keras keeps the one of its first layer
    yield module
    module.config.set_floatx(before)
    module.config.set_dtype_policy(policy)


def pytest_terminal_summary(terminalreporter):
    judge = sys.modules.get("tests.peers.judge")
    if judge is not None and getattr(judge, "compared", None):
        difference, what = max((difference, what) for what, (_, difference) in judge.compared.items())
        count = sum(n for n, _ in judge.compared.values())
        terminalreporter.write_line(
            f"peers: {count} arrays agree with PyTorch {judge.torch.__version__}; "
            f"largest difference {difference:.1e} of the array's scale ({what})"
        )

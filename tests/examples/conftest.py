"""Where examples run: without data, without a net, and with one thread."""

import os

import pytest

from minidl.folders import kernel_folder, make_private
from tests.examples.running import ROOT

NOWHERE = "http://127.0.0.1:9"  # a port at which nobody answers


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder for caches, empty but for the compiled kernels, which all tests share: compiling takes longer than the rest."""
    folder = tmp_path_factory.mktemp("home")
    kernels = kernel_folder()
    if kernels is not None:
        make_private(kernels)
        (folder / "kernels").symlink_to(kernels, target_is_directory=True)
    return folder


@pytest.fixture
def environment(home):
    """No data, none that an earlier run fetched, no net, and none of the settings of this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MINIDL_")}
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOWHERE)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")  # other tests run too
    return {**kept, **proxies, **threads, "no_proxy": "", "NO_PROXY": "", "PYTHONPATH": str(ROOT), "MINIDL_HOME": str(home)}

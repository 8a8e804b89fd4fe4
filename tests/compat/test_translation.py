"""An old name beside its object of today: calls, classes, copies, threads; and the modules under their old names."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pydoc
import sys
import threading
import types
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from minidl import config, layers, optimizers
from minidl.compat import modules
from minidl.compat.modules import Finder, install, installed, place_of
from minidl.compat.spelling import OldSpellingWarning
from minidl.compat.translation import OldName, signature_of
from minidl.errors import ArgumentTypeError
from minidl.profile import KERAS_2_1

Adam = OldName(
    "Adam",
    optimizers.Adam,
    "lr=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay=0.0, mode=None",
    keras_1={"rate": "lr"},
    today={"lr": "learning_rate"},
    harmless={"mode", "decay"},
    values={"beta_1": float},
)
Function = OldName("Function", lambda a: a, "a")


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OldSpellingWarning)
        yield


# -- calls -------------------------------------------------------------------------------------------------------------


def test_a_call_of_then_makes_the_object_of_today() -> None:
    made = Adam(0.5, beta_1="0.8")
    assert type(made) is optimizers.Adam
    assert (made.learning_rate, made.beta_1, made.epsilon) == (0.5, 0.8, 1e-8)
    assert Adam(rate=0.25).learning_rate == Adam(lr=0.25).learning_rate == 0.25
    assert Adam(lr=0.5, decay=3, mode="fast").learning_rate == 0.5
    assert config.profile() is not KERAS_2_1


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: Adam(lrr=1), "the keyword 'lrr'.*Did you mean 'lr'"),
        (lambda: Adam(rate=1, lr=1), "rate and lr"),
        (lambda: Adam(1, lr=1), "multiple values"),
        (lambda: Adam(1, 2, 3, 4, 5, 6, 7), "too many positional"),
        (lambda: Function(), "missing a required argument: 'a'"),
    ],
)
def test_what_was_wrong_then_is_an_error(call: Any, said: str) -> None:
    with pytest.raises(ArgumentTypeError, match=said):
        call()


def test_the_notice_is_todays_call_at_the_line_of_the_program() -> None:
    with pytest.warns(OldSpellingWarning) as seen:
        Adam(lr=0.5)
    assert str(seen[0].message) == "Adam(lr=0.5) is written Adam(learning_rate=0.5, epsilon=1e-08) in minidl"
    assert seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Adam()
        Adam(beta_1=0.5)


def test_many_threads_at_once() -> None:
    """The profile of a call is that of its thread; a call counts nothing that another one would miss."""
    seen: list[Any] = []

    def work() -> None:
        for _ in range(200):
            made = Adam(lr=0.5)
            seen.append((made.epsilon, config.profile().name))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [(1e-8, "keras-3")] * 1600


# -- as a class --------------------------------------------------------------------------------------------------------


def test_it_stands_for_its_class() -> None:
    from minidl.compat.keras.layers import Dense

    layer = Dense(3)
    assert isinstance(layer, Dense)
    assert isinstance(layer, (str, Dense))
    assert not isinstance(3, Dense)
    assert type(layer) == Dense  # noqa: E721
    assert type(layer) != Adam  # noqa: E721
    assert Dense != Adam
    assert layer.__class__.__name__ == Dense.__name__ == "Dense"
    assert OldName("Convolution", layers.Dense, "units") == Dense
    assert {Dense: 1}[layers.Dense] == 1
    assert Function == Function
    assert Function != OldName("F", len, "a")

    class Mine(Dense):  # type: ignore[valid-type, misc]
        pass

    assert issubclass(Mine, layers.Dense)
    assert issubclass(Mine, Dense)
    assert issubclass(layers.Dense, Dense)
    assert not issubclass(int, Dense)
    assert not issubclass(Mine, Adam)
    assert issubclass(Dense, Dense)
    assert not isinstance(len, Function)
    with pytest.raises(ArgumentTypeError, match="which is a function"):
        types.new_class("Other", (Function,))
    assert Dense.from_config({"units": 4, "name": "d"}).units == 4
    with pytest.raises(AttributeError, match=r"Dense of Keras 2\.1 has no attribute 'nothing'"):
        Dense.nothing  # noqa: B018


def test_signature_help_and_text() -> None:
    from minidl.compat.keras.layers import Dense

    assert list(inspect.signature(Dense).parameters)[:2] == ["units", "activation"]
    assert inspect.signature(Adam).parameters["epsilon"].default == 1e-8
    text = pydoc.render_doc(Dense, renderer=pydoc.plaintext)
    assert "Keras 2.1's ``Dense(units, activation=None" in text
    assert "minidl's Dense" in text
    assert repr(Dense) == "<Dense of Keras 2.1>"
    assert callable(Dense)
    assert signature_of("a, b=1, *, c=2, d") == inspect.signature(lambda a, b=1, *, c=2, d: None)
    assert "units" in (Dense.__doc__ or "")
    assert Dense.__module__ == "minidl.compat.keras.layers.core"


def test_copies_and_pickles_are_the_name_itself() -> None:
    from minidl.compat.keras.layers import Dense

    assert copy.copy(Dense) is copy.deepcopy([Dense])[0] is Dense
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(Dense, protocol)) is Dense
    with pytest.raises(ArgumentTypeError, match="stands in no module"):
        pickle.dumps(Adam)


def test_a_pickle_names_nothing_else() -> None:
    from minidl.compat.translation import _at

    for module, name in [("os", "system"), ("minidl.compat.keras.layers", "OldLayer"), ("minidl.compat.spelling", "told")]:
        with pytest.raises((ArgumentTypeError, AttributeError)):
            _at(module, name)


def test_what_was_made_is_pickled_without_a_finder() -> None:
    from minidl.compat.keras.layers import Dense

    assert pickle.loads(pickle.dumps(Dense(3, input_shape=(2,)))).units == 3


# -- modules -----------------------------------------------------------------------------------------------------------


def test_every_way_to_import_gives_the_same_module() -> None:
    import minidl.compat.keras as ours
    from minidl.compat.keras.layers import core

    with installed():
        import keras
        import keras.layers.core
        import keras.layers.core as named
        from keras import layers as layers_1
        from keras.layers.core import Dense

        assert keras is ours
        assert keras.layers.core is core is named is layers_1.core
        assert Dense is core.Dense
        assert sys.modules["keras.layers"] is layers_1
        assert importlib.import_module("keras.models") is ours.models
        again = importlib.reload(core)
        assert again is core
        assert keras.layers.core is core
        assert keras.__name__ == keras.__spec__.name == "minidl.compat.keras"
        assert not hasattr(core, "__path__")
        assert core.__spec__.name == "minidl.compat.keras.layers.core"
        assert importlib.util.find_spec("keras.layers.nothing") is None
        assert importlib.util.find_spec("keras.models") is ours.models.__spec__
        with pytest.raises(ModuleNotFoundError, match=r"No module named 'keras\.nothing'"):
            importlib.import_module("keras.nothing.more")
        with pytest.raises(ModuleNotFoundError, match=r"keras\.layers\.core.* is not a package"):
            importlib.import_module("keras.layers.core.more")
        namespace: dict[str, Any] = {}
        exec("from keras.layers import *\nimport keras.models as M", namespace)
        assert namespace["Dense"] is Dense
        assert namespace["M"] is ours.models


def test_a_function_with_the_name_of_a_module_stays() -> None:
    with installed():
        from keras.layers import merge
        from keras.layers.merge import add

        assert not isinstance(merge, types.ModuleType)
        assert add is sys.modules["minidl.compat.keras.layers.merge"].add


def test_what_is_really_installed_is_hidden_and_comes_back(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package named keras, loaded or not, is not touched."""
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "__init__.py").write_text("real = True\nfrom keras import extra")
    (tmp_path / "keras" / "extra.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if place_of(name)]:
        monkeypatch.delitem(sys.modules, name)
    with installed():
        import keras

        assert keras.__name__ == "minidl.compat.keras"
    assert not [name for name in sys.modules if place_of(name)]
    real = importlib.import_module("keras")
    assert real.real
    assert real.extra is sys.modules["keras.extra"]
    with installed():
        import keras as again

        assert again is keras
        assert "keras.extra" not in sys.modules
    assert importlib.import_module("keras") is real
    assert sys.modules["keras.extra"] is real.extra
    for name in ("keras", "keras.extra"):
        del sys.modules[name]  # monkeypatch would put it back


def test_blocks_within_blocks_and_after_errors() -> None:
    before = list(sys.meta_path)
    with installed():
        import keras.models as outer

        try:
            with installed():
                import keras.models as inner

                assert inner is outer
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert sys.modules["keras.models"] is outer
        sys.meta_path.clear()  # what a script may do
        sys.meta_path.extend(before)
    assert sys.meta_path == before


def test_a_module_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    import minidl.compat.keras as ours

    (tmp_path / "broken.py").write_text("import keras.layers\nraise ImportError('half')")
    monkeypatch.setattr(ours, "__path__", [*ours.__path__, str(tmp_path)])
    with installed():
        for _ in range(2):
            with pytest.raises(ImportError, match="half"):
                importlib.import_module("keras.broken")
            assert "keras.broken" not in sys.modules
            assert "minidl.compat.keras.broken" not in sys.modules
        (tmp_path / "broken.py").write_text("import no_such_library")
        with pytest.raises(ModuleNotFoundError, match="no_such_library"):
            importlib.import_module("keras.broken")


def test_imports_of_many_threads() -> None:
    found: list[Any] = []
    with installed():
        names = ["keras", "keras.models", "keras.layers", "keras.layers.core"]

        def work() -> None:
            found.extend(importlib.import_module(name).__spec__.name for name in names)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found.count("minidl.compat.keras.layers.core") == 8
    assert len(found) == 32


def test_the_greeting_comes_once_and_only_with_keras(capsys: pytest.CaptureFixture) -> None:
    with installed("hello"):
        import numpy  # noqa: F401

        assert capsys.readouterr().err == ""
        import keras.layers
        import keras.models  # noqa: F401

        assert capsys.readouterr().err == "hello\n"


def test_a_process_without_a_finder_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import minidl.compat.keras as ours

    for name in [name for name in sys.modules if place_of(name)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.syspath_prepend(modules.FOR_CHILDREN)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    import keras
    from keras.layers import core

    assert keras is ours
    assert core is ours.layers.core
    assert sum(isinstance(finder, Finder) for finder in sys.meta_path) == 1
    for name in [name for name in sys.modules if place_of(name)]:
        del sys.modules[name]  # monkeypatch would put it back


def test_install_is_for_a_whole_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    finder = install()
    assert sys.meta_path[0] is finder
    assert finder.find_spec("numpy", None) is None
    assert finder.find_spec("keras.layers", None).submodule_search_locations == []
    assert finder.find_spec("keras.callbacks", None).submodule_search_locations is None  # no package

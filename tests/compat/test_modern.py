"""--modern: scripts in today's words do, with plain Python, what the old ones do through the runner."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.backend.random import set_seed
from minidl.compat.modules import Finder
from minidl.compat.rewrite import JOINING, modern
from minidl.compat.runner import main
from minidl.compat.written import as_text, value_of
from tests.cases.old_scripts import SCRIPTS, alone, or_skipped, run_script
from tests.cases.sample import mostly, only
from tests.cases.tiny_data import write_tiny_data

_DATA = os.environ.get("MINIDL_DATA")
LECTURES = Path(os.environ.get("MINIDL_LECTURES") or (Path(_DATA).parent / "lectures" if _DATA else "lectures"))


def line_of(old: str) -> str:
    """A call, with what it needs imported in front of it; the last line of the new text."""
    head = "from keras.models import Sequential, Model\nfrom keras.layers import *\nfrom keras.optimizers import *\n"
    head += "from keras.regularizers import l1, l2, l1_l2\nfrom keras.constraints import maxnorm, nonneg\n"
    head += "from keras import backend as K\nfrom keras.utils import np_utils\nimport keras, numpy as np\n"
    return modern(f"{head}{old}\n").rstrip("\n").splitlines()[-1]


@pytest.mark.parametrize(
    "old, new",
    [
        ("Dense(output_dim=3, init='uniform', bias=False)", "Dense(units=3, kernel_initializer='uniform', use_bias=False)"),
        ("Dense(3, input_dim=n)", "Dense(3, input_shape=(n,))"),
        ("Dense(3,  # three\n      input_shape=shape)", "      input_shape=shape)"),
        ("Dense(3, input_shape=(4,))", "Dense(3, input_shape=(4,))"),
        ("Dense(3, W_regularizer=l2(0.01))", "Dense(3, kernel_regularizer=L2(0.01))"),
        ("Dense(3, W_regularizer=l2(rate))", "Dense(3, kernel_regularizer=L2(rate))"),
        ("Dense(3, W_constraint=maxnorm(3))", "Dense(3, kernel_constraint=MaxNorm(3))"),
        ("Dropout(p=0.5)", "Dropout(rate=0.5)"),
        ("Convolution2D(32, 3, 3, border_mode='same')", "Conv2D(32, (3, 3), padding='same')"),
        ("Convolution2D(8, 3, 5, subsample=(2, 2))", "Conv2D(8, (3, 5), strides=(2, 2))"),
        ("Conv2D(8, kernel_size=3, dim_ordering='th')", "Conv2D(8, kernel_size=3, data_format='channels_first')"),
        ("MaxPooling1D(pool_length=2)", "MaxPooling1D(pool_size=2)"),
        ("LeakyReLU(alpha=0.1)", "LeakyReLU(negative_slope=0.1)"),
        ("Embedding(100, 8, input_length=5)", "Embedding(100, 8, input_shape=(5,))"),
        ("SGD(lr=0.1, momentum=0.9)", "SGD(learning_rate=0.1, momentum=0.9)"),
        ("Adam()", "Adam(epsilon=1e-08)"),
        ("SGD(lr=.1, decay=1e-3)", "SGD(learning_rate=minidl.schedules.InverseTimeDecay(0.1, 1, 0.001))"),
        ("keras.layers.Dense(output_dim=3)", "minidl.layers.Dense(units=3)"),
        ("keras.layers.core.Dense(3, init='zero')", "minidl.layers.Dense(3, kernel_initializer='zero')"),
        ("np_utils.to_categorical(y, nb_classes=3)", "minidl.utils.to_categorical(y, num_classes=3)"),
        ("K.set_image_dim_ordering('tf')", "minidl.config.set_data_format('channels_last')"),
        ("x = K.image_dim_ordering() == 'th'", "x = minidl.config.data_format() == 'channels_first'"),
        ("x = K.epsilon()", "x = minidl.config.epsilon()"),
        ("np.random.seed(7)  # why", "np.random.seed(7); minidl.set_seed(7)  # why"),
        ("model.fit(x, y, nb_epoch=3)", "model.fit(x, y, epochs=3)"),
        ("model.compile('sgd', 'mse')", "model.compile('sgd', 'mse')"),
        ("model.compile('adam', loss='mse')", "model.compile(minidl.optimizers.Adam(epsilon=1e-08), loss='mse')"),
        ("model.compile(optimizer='rmsprop', loss='mse')", "model.compile(optimizer=RMSprop(), loss='mse')"),
        ("h.history['val_acc']", "h.history['val_accuracy']"),
        ("m = Model(input=a, output=b)", "m = Model(inputs=a, outputs=b)"),
        ("z = concatenate([a, b], axis=-1)", "z = Concatenate(axis=-1)([a, b])"),
        ("z = add([a, b])", "z = Add()([a, b])"),
        ("z = isinstance(layer, Convolution2D)", "z = isinstance(layer, Conv2D)"),
    ],
)  # fmt: skip
def test_calls(old: str, new: str) -> None:
    assert line_of(old) == new


@pytest.mark.parametrize(
    "old, kept",
    [
        ("Dense(*sizes)", "from minidl.compat.keras.layers import Dense  # the call has * or **"),
        ("RMSprop(lr=0.1)", "from minidl.compat.keras.optimizers import RMSprop  # its rule is that of Keras 2.1, in part"),
        (
            "model.fit_generator(g)\nmodel = Sequential()",
            "import Sequential  # fit_generator: fit(generator, steps_per_epoch=...)",
        ),
        (
            "K.clear_session()",
            "from minidl.compat.keras import backend as K  # it works as in Keras 2.1, and minidl has no other",
        ),
        (
            "Dense(3, init=lambda s: s)",
            "import Dense  # a function of the script is given, where minidl takes objects of classes",
        ),
        ("class Mine(Dense): pass", "import Dense  # "),
        (
            "Dense(3, activation=K.tanh)",
            "import Dense  # a function is given, where minidl takes its name: activation='tanh'",
        ),
        ("LSTM(3, batch_input_shape=(2, 3, 1), stateful=True)", "import LSTM  # batch_size of a layer is set otherwise today"),
        ("Dense = 3\nDense", "import Dense  # the name is set again in the script"),
    ],
)
def test_what_has_no_equal_stays_with_a_reason(old: str, kept: str) -> None:
    head = "from keras.models import Sequential\nfrom keras.layers import Dense, LSTM\nfrom keras.optimizers import RMSprop\n"
    new = modern(f"{head}from keras import backend as K\n{old}\n")
    assert kept in new
    assert new.endswith(f"{old}\n") or "fit_generator" in old
    compile(new, "new", "exec")


def test_a_name_has_one_meaning_in_a_script() -> None:
    """One call that cannot be translated keeps all calls of its name."""
    new = modern("from keras.layers import Dense, Flatten\na = Dense(*sizes)\nb = Dense(output_dim=3)\nc = Flatten()\n")
    assert "from minidl.layers import Flatten" in new
    assert "from minidl.compat.keras.layers import Dense  # the call has * or **" in new
    assert "b = Dense(output_dim=3)" in new


def test_what_is_not_keras_stays_as_it_is() -> None:
    text = "import numpy as np\nnp.random.seed(3)\nclass Dense: pass\nx = Dense()  # ä\n"
    assert modern(text) == text
    assert "nb_epoch" in modern(f"{text}model.fit(nb_epoch=3)\n")


def test_imports() -> None:
    text = """'''Words.'''
from __future__ import print_function
import numpy as np
np.random.seed(1)
from keras.layers import Dense as D, Flatten
import keras.models as M
if True:
    from keras.layers.core import Activation
def f():
    from keras.utils.np_utils import to_categorical
    return to_categorical([1])
import tensorflow as tf
m = M.Sequential([D(output_dim=2)])
"""
    new = modern(text)
    assert (
        new
        == """'''Words.'''
from __future__ import print_function
import minidl
import numpy as np
np.random.seed(1); minidl.set_seed(1)
from minidl.layers import Dense as D, Flatten
if True:
    from minidl.layers import Activation
def f():
    from minidl.utils import to_categorical
    return to_categorical([1])
import minidl.compat.tensorflow as tf  # sessions, threads and seeds
m = minidl.models.Sequential([D(units=2)])
"""
    )


def test_values_remember_how_they_are_written() -> None:
    import ast

    names = {"n": ast.parse("3").body[0].value, "s": ast.parse("'a'").body[0].value}  # type: ignore[attr-defined]

    def value(text: str) -> Any:
        return value_of(ast.parse(text, mode="eval").body, text, names)

    assert value("n") == 3
    assert as_text(value("n")) == "n"
    assert as_text((value("n"), value("2 * n"))) == "(n, 2 * n)"
    assert as_text(tuple(value("shape"))) == "shape"
    assert value("True") is True
    assert as_text(value("[1, n]")) == "[1, n]"
    assert as_text([value("s"), None]) == "[s, None]"
    assert isinstance(value("b'x'"), tuple)


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    script, new = tmp_path / "old.py", tmp_path / "new.py"
    script.write_bytes(
        "# -*- coding: latin-1 -*-\r\nfrom keras.layers import Dense\r\nd = Dense(output_dim=3) # ü\r\n".encode("latin-1")
    )
    assert main(["--modern", str(script), "-o", str(new)]) == 0
    text = "# -*- coding: latin-1 -*-\r\nfrom minidl.layers import Dense\r\nd = Dense(units=3) # ü\r\n"
    assert new.read_bytes() == text.encode("latin-1")
    assert main(["--modern", str(script)]) == 0
    assert capsys.readouterr().out.replace("\r\n", "\n") == text.replace("\r\n", "\n")
    script.write_text("print 'x'\n")
    assert main(["--modern", str(script)]) == 1
    assert "old.py:1: this is Python 2; in Python 3: print('x')" in capsys.readouterr().err
    for wrong in (["no.py"], ["a.py", "b.py"], ["a.py", "-o"]):
        assert main(["--modern", *wrong]) == 2


# -- whole scripts -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_data(tmp_path_factory.mktemp("data"))


_OPERATORS = "results of minidl's layers have no operators, and its losses and layers read what they are given"
OTHER = {  # what these scripts assert is a text or a form that only old scripts have
    "addition_with_six": "six stands in only beside the runner",
    "backend_settings": "names of layers are counted from 1 again after clear_session",
    "embeddings_many_branches": "Keras 2 took (n,) for inputs of shape (1,)",
    "filters_and_saliency": _OPERATORS,
    "losses_that_read_inputs": _OPERATORS,
    "progress_bar": "the text of the bar",
    "summary_text": "the text of the summary",
    "variational_autoencoder_add_loss": _OPERATORS,
    "variational_autoencoder_deconv": _OPERATORS,
    "variational_autoencoder_keras1": _OPERATORS,
}
ALWAYS = ("xor_keras1", "merge_functions_keras2")


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", mostly(sorted(path.stem for path in SCRIPTS.glob("*.py")), ALWAYS))
def test_the_new_script_does_what_the_old_one_does(
    name: str, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the old script asserts, the new one asserts too, and finds no module named keras."""
    new = modern((SCRIPTS / f"{name}.py").read_text())
    compile(new, name, "exec")
    if name in OTHER:
        return
    (tmp_path / "new.py").write_text(new)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIDL_DATA", str(tiny_data))
    with or_skipped():
        run_plain(tmp_path / "new.py")


def run_plain(path: Path) -> dict[str, Any]:
    """As ``python path`` does it, with everything put back."""
    with alone():
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Finder)]
        sys.modules.update(dict.fromkeys(("keras", "tensorflow", "theano")))  # an import of them fails
        space: dict[str, Any] = {"__name__": "__main__", "__file__": str(path)}
        exec(compile(path.read_text(), str(path), "exec"), space)
    return space


def test_functions_that_join_are_those_of_keras() -> None:
    import minidl.compat.keras.layers as old
    from minidl import layers

    assert all(hasattr(old, function) and hasattr(layers, cls) for function, cls in JOINING.items())


@pytest.mark.skipif(not LECTURES.is_dir(), reason="the lectures' scripts are not here; MINIDL_LECTURES names their folder")
@pytest.mark.parametrize("name", only(["ann_0_hidden", "ann_2_hidden", "cnn"], ["ann_2_hidden"]))
def test_the_lectures_scripts_give_the_same_results_in_todays_words(
    name: str, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last digit, once both start from one seed and keep the samples' order: Keras 2.1 drew a seed for each layer."""
    text = (LECTURES / f"{name}.py").read_text()
    text = text.replace("model.fit(", "model.fit(shuffle=False, x=").replace("x=X_train, ", "x=X_train, y=")
    for full, tiny in (("60000", "60"), ("10000", "20"), ("NB_EPOCH = 20", "NB_EPOCH = 2"), ("= 128\n", "= 16\n")):
        text = text.replace(full, tiny)
    (tmp_path / "old.py").write_text(text)
    (tmp_path / "new.py").write_text(modern(text))
    assert "keras" not in modern(text).replace("# ", "")
    monkeypatch.setenv("MINIDL_DATA", str(tiny_data))
    seed = np.random.seed
    monkeypatch.setattr("minidl.compat.keras.seeding.set_seed", lambda n: None)
    results = []
    for run, file in ((run_script, "old.py"), (run_plain, "new.py")):
        with monkeypatch.context() as patched, contextlib.redirect_stdout(io.StringIO()), or_skipped():
            patched.setattr(np.random, "seed", lambda n: (seed(n), set_seed(n)))
            results.append(run(tmp_path / file))
    old, new = results  # type: ignore[assignment]
    for first, second in zip(old["model"].get_weights(), new["model"].get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(old["score"], new["score"], rtol=1e-6)
    np.testing.assert_allclose(old["history"].history["loss"], new["history"].history["loss"], rtol=1e-6)
    np.testing.assert_allclose(old["history"].history["acc"], new["history"].history["accuracy"], rtol=1e-6)


@pytest.mark.slow
def test_a_new_script_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    script = tmp_path / "old.py"
    script.write_text((SCRIPTS / "xor_keras1.py").read_text())
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "PYTHONPATH": root}
    for command in ("-m minidl run --modern old.py -o new.py", "new.py"):
        done = subprocess.run([sys.executable, *command.split()], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert "acc 1.00" in done.stdout

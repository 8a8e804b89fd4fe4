"""What the lectures contain, a row each: the lines that show it in minidl, and what they printed.

    python -m benchmarks.lecture_rows [--only WORDS] [--again]

A row is a few lines of Python, run by themselves behind ``PRELUDE``, or the command of an example. What they print is kept in
benchmarks/results; docs/lectures.md shows it. A test runs the short ones again and compares.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import minidl
from benchmarks import store
from benchmarks.environment import ROOT
from benchmarks.machine import describe, moment
from minidl.errors import closest

PRELUDE = """\
import io
import numpy as np
import minidl
from minidl import *
from minidl.callbacks import *
from minidl.layers import *
from minidl.losses import *
from minidl.metrics import *
from minidl.models import *
from minidl.optimizers import *
from minidl.parameters import Parameter
from minidl.utils import to_categorical
"""


PATH = store.RESULTS / "lecture-rows.json"


class Row(NamedTuple):
    """One thing that the lectures contain.

    Attributes:
        part: where it belongs on the page.
        item: what the lectures say.
        code: lines that print it; or a command, which begins with ``python``.
    """

    part: str
    item: str
    code: str


LAYERS, FORMULAS, TRAINING, NUMBERS, DATA = "Layers", "Activations and losses", "Training", "Worked numbers", "Data"
MODELS, JUDGING = "Models", "Metrics"
SCRIPTS = "The scripts: Keras 2.1's words and texts"


ROWS = [
    Row(LAYERS, "Dense: 784 x 10 + 10 = 7,850 parameters", "print(Sequential([Dense(10, input_shape=(784,))]).count_params())"),
    Row(LAYERS, "Activation: a layer of its own, without parameters", "print(Activation('softmax').count_params())"),
    Row(
        LAYERS,
        "Conv2D on (1, 28, 28), channels first, 'same': (20, 28, 28), 20 maps x 5 x 5 + bias = 520",
        "c = Conv2D(20, kernel_size=5, padding='same', data_format='channels_first')\n"
        "c.build((1, 28, 28)); print(c.output_shape((1, 28, 28)), c.count_params())",
    ),
    Row(LAYERS, "weights that are not shared: 784 x 15 = 11,760", "print(784 * 15)"),
    Row(
        LAYERS,
        "MaxPooling2D((2, 2), strides=(2, 2)), Flatten: 50 maps of 7 x 7 are 2,450 numbers",
        "p = MaxPooling2D(pool_size=(2, 2), strides=(2, 2)).output_shape((14, 14, 50))\nprint(p, Flatten().output_shape(p))",
    ),
    Row(
        LAYERS,
        "'valid' and 'same' for a 3 x 4 input and a 2 x 2 kernel",
        "print(Conv2D(1, 2).output_shape((3, 4, 1)), Conv2D(1, 2, padding='same').output_shape((3, 4, 1)))",
    ),
    Row(
        LAYERS,
        "Dropout sets a fraction of the inputs to 0 in training",
        "y = Dropout(0.25, seed=1).forward(np.ones((1, 10000)), training=True)\n"
        "print(round(float((y == 0).mean()), 2), Dropout(0.25)(np.ones((1, 4))))",
    ),
    Row(
        LAYERS,
        "LSTM: input, forget and output gate and a cell: 4 (65 + 128 + 1) 128 parameters",
        "r = LSTM(128); r.build((50, 65)); print(r.count_params(), 4 * (65 + 128 + 1) * 128)",
    ),
    Row(
        LAYERS,
        "simple RNN: one tanh layer repeated",
        "r = SimpleRNN(3, return_sequences=True); x = np.random.default_rng(0).normal(size=(1, 2, 4)); y = r(x)\n"
        "W, U, b = r.get_weights(); h = np.tanh(x[:, 0] @ W + b)\n"
        "print(np.allclose(y[:, 1], np.tanh(x[:, 1] @ W + h @ U + b), atol=1e-6))",
    ),
    Row(
        LAYERS,
        "BasicLSTMCell: one step of the recurrence by itself",
        "print(RNN(LSTMCell(4)).forward(np.ones((2, 3, 5))).shape)",
    ),
    Row(
        LAYERS,
        "locally connected: no sharing of weights",
        "a, b = Conv2D(2, 3), LocallyConnected2D(2, 3); a.build((5, 5, 1)); b.build((5, 5, 1))\n"
        "print(a.count_params(), b.count_params())",
    ),
    Row(LAYERS, "average pooling", "print(AveragePooling2D(2)(np.arange(4.0).reshape(1, 2, 2, 1)).ravel())"),
    Row(
        LAYERS,
        "BatchNormalization: mean 0 and variance 1 within the batch",
        "y = BatchNormalization().forward(np.random.default_rng(0).normal(3, 2, (500, 4)))\n"
        "print(abs(y.mean(axis=0)).max() < 1e-5, abs(y.var(axis=0) - 1).max() < 1e-3)",
    ),
    Row(
        LAYERS,
        "skip connection: x is added to what the layers make of it",
        "x = Input((3,)); m = Model(x, Add()([x, Dense(3, kernel_initializer='zeros')(x)])); print(m(np.ones((1, 3))))",
    ),
    Row(
        FORMULAS,
        "sign, identity, sigmoid, tanh, ReLU, softplus, leaky ReLU, ELU at -1 and 1",
        "for f in ('sign', 'linear', 'sigmoid', 'tanh', 'relu', 'softplus', 'leaky_relu', 'elu'):\n"
        "    print(f, *(round(float(y), 4) for y in Activation(f)(np.array([[-1.0, 1.0]]))[0]))",
    ),
    Row(
        FORMULAS,
        "ELU is a (exp(z) - 1) for z <= 0; the slide has a factor z too many",
        "print(np.allclose(Activation('elu')(np.array([[-2.0]])), np.exp(-2) - 1))",
    ),
    Row(
        FORMULAS,
        "ReLU on x = -5:5",
        "print(Activation('relu')(np.arange(-5.0, 6)[None]).astype(int).tolist()[0])",
    ),
    Row(
        FORMULAS,
        "softmax: exp(x_i) / sum_j exp(x_j), the sigmoid for more than two classes",
        "z = np.array([[1.0, 2.0, 3.0]]); print(np.allclose(Activation('softmax')(z), np.exp(z) / np.exp(z).sum()))",
    ),
    Row(
        FORMULAS,
        "hard sigmoid: 0.2 x + 0.5 in Keras 2.1, x / 6 + 0.5 today",
        "print(Activation('hard_sigmoid')(np.ones((1, 1))), Activation('hard_sigmoid', slope=0.2)(np.ones((1, 1))))",
    ),
    Row(
        FORMULAS,
        "categorical cross-entropy: L = -sum_j t_j log p_j",
        "print(round(float(CategoricalCrossentropy()([[0, 1, 0]], [[0.2, 0.5, 0.3]])), 4), round(float(np.log(2)), 4))",
    ),
    Row(
        FORMULAS,
        "mean squared error (1/N) sum (y - d)^2, sum of squared errors 1/2 sum (y - d)^2",
        "y, d = [[1.0], [2.0]], [[1.0], [4.0]]; print(*(float(minidl.losses.get(n)(d, y)) for n in ('mse', 'sse')))",
    ),
    Row(
        TRAINING,
        "SGD on one weight: w - 0.1 (4.5 w - 1.5) from 0.8",
        "w = Parameter(np.array([0.8])); found = []\n"
        "for _ in range(5):\n"
        "    w.grad = 4.5 * w.value - 1.5; SGD(0.1).step([w]); w.zero_grad(); found.append(float(w.value[0].round(10)))\n"
        "print(found)",
    ),
    Row(
        TRAINING,
        "SGD with time decay: lr / (1 + decay t), LR 1 and decay 5e-6",
        "s = minidl.schedules.InverseTimeDecay(1.0, 1, 5e-6); print([round(s(t), 6) for t in (0, 1, 200000)])",
    ),
    Row(
        TRAINING,
        "optimizers by name, in any case, and as objects",
        "print([type(minidl.optimizers.get(n)).__name__ for n in ('SGD', 'Adam', 'RMSprop')], SGD(0.01, 0.9, nesterov=True))",
    ),
    Row(
        TRAINING,
        "gradient descent, one sample or a batch at a time: as many steps as batches",
        "x, y = np.ones((60, 2)), np.ones((60, 1))\n"
        "for size in (60, 1, 20):\n"
        "    m = Sequential([Dense(1, input_shape=(2,))]); m.compile('sgd', 'mse')\n"
        "    m.fit(x, y, size, verbose=0); print(size, m.optimizer.iterations)",
    ),
    Row(
        TRAINING,
        "early stopping, and saving the best",
        "print(EarlyStopping(patience=3), ModelCheckpoint('best.safetensors', save_best_only=True))",
    ),
    Row(
        TRAINING,
        "initial values: Glorot's uniform, zeros, orthogonal, N(0, sigma^2), forget bias 1",
        "r = LSTM(2); r.build((3, 4)); U = r.get_weights()[1]\n"
        "print(r.kernel_initializer, np.allclose(U @ U.T, np.eye(2), atol=1e-6), r.get_weights()[2])",
    ),
    Row(
        TRAINING,
        "penalties l2(0.01) of W and l1(0.01) of the result are part of the loss",
        "d = Dense(64, input_shape=(64,), kernel_regularizer=minidl.regularizers.L2(0.01),\n"
        "          activity_regularizer=minidl.regularizers.L1(0.01)); m = Sequential([d]); m.compile('sgd', 'mse')\n"
        "y = m.predict(x := np.ones((1, 64))); W = d.W.value\n"
        "print(np.isclose(m.evaluate(x, y, verbose=0), 0.01 * (W**2).sum() + 0.01 * abs(y).sum()))",
    ),
    Row(
        JUDGING,
        "accuracy, and the error rate",
        "y, p = [0, 1, 1, 0], [0.1, 0.9, 0.2, 0.4]\n"
        "for m in (BinaryAccuracy(), ErrorRate('binary')):\n"
        "    m.update_state(y, p); print(m.name, m.result())",
    ),
    Row(
        JUDGING,
        "confusion matrix",
        "print(minidl.metrics.confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1]).tolist())",
    ),
    Row(
        JUDGING,
        "overall accuracy, average accuracy, kappa",
        "for m in (OverallAccuracy(), AverageAccuracy(), CohenKappa()):\n"
        "    m.update_state([0, 0, 0, 1], np.eye(2)[[0, 0, 1, 1]]); print(m.name, round(float(m.result()), 4))",
    ),
    Row(
        DATA,
        "npy files: x_train.npy has 47,040,080 bytes, 80 of them header",
        "head = b\"{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }\"\n"
        "print(80 + 60000 * 28 * 28, len(b'\\x93NUMPY\\x01\\x00\\x46\\x00' + head.ljust(69) + b'\\n'))",
    ),
    Row(
        DATA,
        "one-hot targets",
        "print(to_categorical([1, 0, 2], 3).tolist())",
    ),
    Row(
        DATA,
        "validation_split=0.2 holds back the last fifth: 48,000 and 12,000",
        "x, kept = np.arange(60000.0)[:, None], dict(input_shape=(1,), dtype='float32', where='fit')\n"
        "a, b = minidl.data.split_last(minidl.data.ArrayData(x, x, **kept), 0.2, False)\n"
        "print(len(a), len(b), int(b.x[0][0, 0]))",
    ),
    Row(
        DATA,
        "XOR with values 1 and -1: no straight line, but one hidden layer",
        "python examples/xor.py --quick",
    ),
    Row(
        NUMBERS,
        "5 x 5 image, 3 x 3 filter: first result 4",
        "image = np.array([[1,1,1,0,0],[0,1,1,1,0],[0,0,1,1,1],[0,0,1,1,0],[0,1,1,0,0]])\n"
        "W = np.array([[1,0,1],[0,1,0],[1,0,1]]); c = Conv2D(1, 3, use_bias=False); c.build((5, 5, 1))\n"
        "c.W.value = W[..., None, None]\n"
        "print(c(image[None, ..., None])[0, ..., 0].astype(int).tolist())",
    ),
    Row(NUMBERS, "5 x 5 window on 28 x 28: 24 x 24", "print(Conv2D(3, 5).output_shape((28, 28, 1)))"),
    Row(
        MODELS,
        "softmax perceptron: 7,850",
        "print(minidl.applications.SoftmaxPerceptron().count_params())",
    ),
    Row(MODELS, "two hidden layers of 128: 118,282", "print(minidl.applications.MLP().count_params())"),
    Row(MODELS, "CNN 20/50: 1,256,080", "print(minidl.applications.CNN().count_params())"),
    Row(
        MODELS,
        "Conv3D network of 16 classes: 578,544, row by row",
        "m = minidl.applications.SpectralCNN()\n"
        "for layer in m.layers:\n"
        "    if layer.count_params(): print(type(layer).__name__, layer.count_params())\n"
        "print(m.count_params())",
    ),
    Row(
        MODELS,
        "ResNet-50: about 25.6 million",
        "print(minidl.applications.ResNet50().count_params(), minidl.applications.ResNet50(use_bias=False).count_params())",
    ),
    Row(MODELS, "perceptron: labels 1 and -1, converges where a line divides", "python examples/perceptron_iris.py --quick"),
    Row(MODELS, "logistic regression: w.T x, sigmoid, np.dot", "python examples/logistic_regression.py --quick"),
    Row(MODELS, "next character by an LSTM", "python examples/char_lstm.py --quick"),
    Row(MODELS, "encoder and decoder from two LSTMs", "python examples/seq2seq.py --quick"),
    Row(MODELS, "deep belief network", "python examples/deep_belief_net.py --quick"),
    Row(MODELS, "transfer learning", "python examples/transfer_learning.py --quick"),
    Row(MODELS, "architecture search: accuracy and latency", "python examples/architecture_search.py --quick"),
    Row(MODELS, "three-dimensional convolution of spectra", "python examples/hyperspectral_conv3d.py --quick"),
    Row(TRAINING, "paths of the optimizers", "python examples/optimizers.py --quick"),
    Row(TRAINING, "overfitting, and what helps", "python examples/overfitting.py --quick"),
    Row(
        SCRIPTS,
        "the signatures printed on slides",
        "import inspect\n"
        "from minidl.compat.keras import layers, optimizers\n"
        "for old in (layers.Dense, optimizers.SGD, layers.LSTM, layers.Dropout, layers.Conv2D, layers.MaxPooling2D,\n"
        "            optimizers.Adam, optimizers.RMSprop):\n"
        "    print(f'{old.__name__}{inspect.signature(old)}')",
    ),
    Row(
        SCRIPTS,
        "every import of the scripts",
        "from minidl.compat.modules import installed\n"
        "with installed():\n"
        "    from keras.models import Sequential\n"
        "    from keras.layers.core import Dense, Activation, Flatten\n"
        "    from keras.layers.convolutional import Convolution2D, Conv2D, MaxPooling2D\n"
        "    from keras.optimizers import SGD, RMSprop, Adam\n"
        "    from keras.utils import np_utils\n"
        "    from keras import backend as K, regularizers\n"
        "    from keras.datasets import mnist\n"
        "print(np_utils.to_categorical([1, 0], 2).tolist(), K.image_dim_ordering(), regularizers.l2(.01))\n"
        "print(Convolution2D == Conv2D)",
    ),
    Row(
        SCRIPTS,
        "K.set_image_dim_ordering('th'): channels first",
        "from minidl.compat.keras import backend as K, layers\n"
        "K.set_image_dim_ordering('th')\n"
        "print(layers.Conv2D(20, kernel_size=5, padding='same', input_shape=(1, 28, 28)).data_format)\n"
        "K.set_image_dim_ordering('tf')",
    ),
    Row(
        SCRIPTS,
        "border_mode= beside padding= in one script",
        "import warnings\n"
        "from minidl.compat.keras.layers import Conv2D\n"
        "with warnings.catch_warnings(record=True) as told:\n"
        "    warnings.simplefilter('always')\n"
        "    a, b = Conv2D(50, kernel_size=5, padding='same'), Conv2D(50, kernel_size=5, border_mode='same')\n"
        "print(a.padding, b.padding)\n"
        "print(*(w.message for w in told))",
    ),
    Row(
        SCRIPTS,
        "the summary table: 65 columns, names cut, thousands commas",
        "from minidl.compat.keras import backend as K, layers, models\n"
        "K.clear_session(); K.set_image_dim_ordering('th')\n"
        "model = models.Sequential()\n"
        "model.add(layers.Conv2D(20, kernel_size=5, padding='same', input_shape=(1, 28, 28)))\n"
        "model.add(layers.Activation('relu'))\n"
        "model.add(layers.MaxPooling2D(pool_size=(2, 2), strides=(2, 2)))\n"
        "model.add(layers.Conv2D(50, kernel_size=5, padding='same'))\n"
        "model.add(layers.Activation('relu'))\n"
        "model.add(layers.MaxPooling2D(pool_size=(2, 2), strides=(2, 2)))\n"
        "model.add(layers.Flatten()); model.add(layers.Dense(500)); model.add(layers.Activation('relu'))\n"
        "model.add(layers.Dense(10)); model.add(layers.Activation('softmax'))\n"
        "model.summary(); K.set_image_dim_ordering('tf')",
    ),
    Row(
        SCRIPTS,
        "the progress bar: 30 cells, a step is a sample, 1e-3 and less in powers of ten",
        "from minidl.compat.keras.progress import bar_text, numbers, time_text\n"
        "print(bar_text(128, 60000) + time_text(0.762, 128, 60000) + numbers([('loss', 2.5313), ('acc', 0.0625)]))\n"
        "print(bar_text(48000, 48000) + time_text(1.0, 48000, 48000) + numbers([('loss', 3.4055e-4), ('acc', 1.0)]))",
    ),
    Row(
        SCRIPTS,
        "names of then in logs, epsilon 1e-8, hard_sigmoid 0.2 x + 0.5, the penalty on results summed over the batch",
        "from minidl.compat.keras import backend as K, layers, models, optimizers, regularizers\n"
        "print(optimizers.Adam().epsilon, layers.Activation('hard_sigmoid')(np.array([[1.0]])).item())\n"
        "model = models.Sequential([layers.Dense(1, input_shape=(1,), kernel_initializer='ones',\n"
        "                                        activity_regularizer=regularizers.l1(0.5))])\n"
        "model.compile('SGD', 'mse', metrics=['accuracy'])\n"
        "x = np.ones((4, 1)); print(model.evaluate(x, x, verbose=0), model.metrics_names)",
    ),
    Row(
        SCRIPTS,
        "decay of the rate: lr / (1 + decay t)",
        "from minidl.compat.keras.optimizers import SGD as OldSGD\n"
        "w = Parameter(np.zeros(1)); old = OldSGD(lr=1.0, decay=0.5)\n"
        "for step in range(3):\n"
        "    w.zero_grad(); w.add_grad(np.ones(1)); before = w.value.item(); old.step([w]); print(before - w.value.item())",
    ),
]


def run(row: Row) -> str:
    """What the row's lines print; of a command, what its output ends with. Raises where they fail."""
    if row.code.startswith("python "):
        command = [sys.executable, *row.code.split()[1:]]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=600)
        return "\n".join(ran.stdout.rstrip().splitlines()[-6:])
    printed = io.StringIO()
    minidl.set_seed(1671)
    with contextlib.redirect_stdout(printed):
        exec(compile(PRELUDE + row.code, row.item, "exec"), {})  # noqa: S102, RUF100  (the rows above, nobody else's)
    return printed.getvalue().rstrip()


def kept(path: Path) -> dict[str, Any]:
    """The results of earlier runs."""
    return store.read(path)["results"] if path.exists() else {}


def section(results: dict[str, Any]) -> str:
    """The part of docs/lectures.md, in Markdown."""
    lines = []
    for part in dict.fromkeys(row.part for row in ROWS):
        lines += [f"### {part}", ""]
        for row in (row for row in ROWS if row.part == part):
            found = results.get(row.item)
            sign = "$ " if row.code.startswith("python ") else ">>> "
            code = [sign + line for line in row.code.splitlines()]
            printed = found["printed"] if found else "(not run yet)"
            lines += [f"{row.item[0].upper()}{row.item[1:]}", "", "```text", *code, printed, "```", ""]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="WORDS", help="the rows whose text has these words in it")
    parser.add_argument("--again", action="store_true", help="run again what was run before")
    parser.add_argument(
        "--out", type=store.file_name, metavar="FILE", help="where the results are; default: benchmarks/results"
    )
    args = parser.parse_args(argv)
    path = args.out or PATH
    results = kept(path)
    rows = [row for row in ROWS if args.only is None or args.only.lower() in row.item.lower()]
    if not rows:
        parser.error(f"no row has {args.only!r} in it; {closest(args.only, [row.item for row in ROWS])}")
    failed = 0
    for row in rows:
        known = results.get(row.item)
        if known and known["code"] == row.code and not args.again:
            continue
        print(f"{row.item} ...", flush=True)
        try:
            printed = run(row)
        except Exception as error:
            print(f"    failed: {type(error).__name__}: {error}")
            failed += 1
            continue
        results[row.item] = {"code": row.code, "printed": printed, "machine": describe()["cpu"], **moment()}
        results = {other.item: results[other.item] for other in ROWS if other.item in results}
        store.write(path, store.document("lecture-rows", False, results=results))
    print(f"Results: {path}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

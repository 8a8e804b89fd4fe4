"""Ten digits, some of them rare: which mistakes a good accuracy hides, and what is changed by three remedies.

    python examples/imbalanced.py --plot imbalanced.png

Of the digit 0 there are 1000 training images, of each next digit a third fewer, of the 9 only 20. A network that is trained on
them has seen so few rare digits that it hardly ever says them. Accuracy does not show it, as rare digits hardly count in it.
These numbers do:

    recall     of the images of a digit, the part that is found         (its mean over the digits: balanced accuracy)
    precision  of the images that are called a digit, the part that are it
    AUC        the chance that an image of a digit gets a larger output for it than an image of another: no threshold

Against it: class weights make the errors of rare digits larger; repeating shows them more often; the focal loss (Lin et al.
2017) plays down what is right already, rare or not. What is gained in recall is paid for in precision, as more images are
called rare, and the AUC hardly moves. Which is better depends on what a mistake costs.

There are as many test images of each digit, so that every recall is precise. Accuracy and precision are then computed for a
world where the digits are as frequent as in training. examples/binary.py is the same question with two classes.
"""

import argparse
import time
from pathlib import Path

import numpy as np

import minidl
from minidl import backend, visual
from minidl.datasets import digits, mnist
from minidl.errors import DatasetError
from minidl.layers import Dense, Flatten, Input, Rescaling
from minidl.losses import CategoricalFocalCrossentropy
from minidl.metrics import AUC, confusion_matrix
from minidl.models import Sequential
from minidl.optimizers import Adam
from minidl.utils import to_categorical

COUNTS = (1000 * 0.02 ** (np.arange(10) / 9)).round().astype(int)  # images of each digit to train on: 1000, 647, ... 20
RARE = slice(7, 10)  # the three rarest
TRAININGS = ("as they are", "class weights", "repeated", "focal loss")


def load(counts, n_test):
    """``counts`` images of each digit to train on, ``n_test`` of each to test on; MNIST where it is found."""
    try:
        train, test = mnist.load_data(download=False, verbose=0)
        source = "MNIST"
    except DatasetError:
        train, test = digits.load_data(n_train=14 * max(counts), n_test=14 * n_test)
        source = "built-in digits"
    chosen = []
    for (x, y), wanted in ((train, counts), (test, [n_test] * 10)):
        places = np.sort(np.concatenate([np.flatnonzero(y == digit)[:n] for digit, n in enumerate(wanted)]))
        chosen.append((x[places], y[places]))
    return *chosen, source


def fit(how, x, y, epochs):
    """A perceptron with one hidden layer, trained in one of the ways."""
    model = Sequential([Input((28, 28)), Rescaling(1 / 255), Flatten()])
    model.add(Dense(128, activation="relu"))
    model.add(Dense(10, activation="softmax"))
    counts, class_weight, loss = np.bincount(y), None, "categorical_crossentropy"
    if how == "class weights":
        class_weight = {digit: len(y) / (10 * count) for digit, count in enumerate(counts)}
    elif how == "repeated":
        places = np.concatenate([np.resize(np.flatnonzero(y == digit), max(counts)) for digit in range(10)])
        epochs = round(epochs * len(y) / len(places))  # as many steps as the others
        x, y = x[places], y[places]
    elif how == "focal loss":
        loss = CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0)
    model.compile(Adam(), loss)
    model.fit(x, to_categorical(y, 10), batch_size=32, epochs=epochs, class_weight=class_weight, verbose=0)
    return model


def judge(y, p, frequency):
    """Recall and precision of each digit, accuracy, and the mean AUC; ``frequency`` (10,) is that of the world."""
    recall_rows = confusion_matrix(y, p.argmax(axis=1), 10) / np.bincount(y)[:, None]  # of each digit, what it is called
    together = frequency[:, None] * recall_rows  # of all images of the world
    called = together.sum(axis=0)
    precision = np.diag(together) / np.where(called > 0, called, 1)
    area = AUC(multi_label=True)
    area.update_state(to_categorical(y, 10), p)
    return np.diag(recall_rows), precision, np.trace(together), area.result()


def plot(path, found, y, outputs):
    """Recall and precision over the number of training images; and the confusion matrices of the first two trainings."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    for how in TRAININGS[:2]:
        beside = path.with_stem(f"{path.stem}_{how.replace(' ', '_')}")
        visual.confusion(y, outputs[how], normalize=True).savefig(beside)
        print(f"Confusion matrix, {how}: {beside}")
    figure, all_axes = plt.subplots(1, 2, figsize=(12, 4.6), sharey=True, layout="constrained")
    for axes, which, title in zip(all_axes, (0, 1), ("recall", "precision, as frequent as in training")):
        for (how, results), marker in zip(found.items(), "osD^"):
            axes.plot(range(10), results[which], f"{marker}-", markersize=5, linewidth=1.2, label=how)
        axes.set(title=title, xlabel="digit (below: its training images)", ylim=(0, 1.03))
        axes.set_xticks(range(10), [f"{digit}\n{count}" for digit, count in enumerate(COUNTS)])
        axes.grid(alpha=0.3)
    all_axes[0].legend(loc="lower left")
    figure.savefig(path, dpi=120)
    print(f"Plot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="draw recall and precision, for example imbalanced.png")
    parser.add_argument("--quick", action="store_true", help="fewer epochs: a few seconds")
    args = parser.parse_args(argv)
    try:
        minidl.set_seed(args.seed)
        if args.plot:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('--plot needs matplotlib: pip install "minidl[plot]"')
    except ValueError as error:
        parser.error(str(error))

    (x, y), (x_test, y_test), source = load(COUNTS, 100 if args.quick else 500)
    print(f"Data: {source}; {len(x)} images to train on, of the digits 0 to 9", *COUNTS)
    print(f"{len(x_test)} images to test on, as many of each; {backend.current().device}\n")
    found, outputs = {}, {}
    for how in TRAININGS:
        minidl.set_seed(args.seed)  # the same initial weights for each
        start = time.perf_counter()
        model = fit(how, x, y, epochs=6 if args.quick else 12)
        outputs[how] = model.predict(x_test)
        found[how] = judge(y_test, outputs[how], COUNTS / COUNTS.sum())
        print(f"{how:<14} {time.perf_counter() - start:.1f} s")

    print("\n                                        mean of all digits        of the digits 7, 8, 9")
    print("                accuracy      recall   precision     AUC          recall   precision")
    for how, (recall, precision, accuracy, area) in found.items():
        print(f"{how:<14} {accuracy:>9.3f} {recall.mean():>11.3f} {precision.mean():>11.3f} {area:>7.3f}", end="")
        print(f" {recall[RARE].mean():>15.3f} {precision[RARE].mean():>11.3f}")
    if args.plot:
        plot(args.plot, found, y_test, outputs)


if __name__ == "__main__":
    main()

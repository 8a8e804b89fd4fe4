"""Learning by heart: a large network, few images, some wrong labels, and three remedies side by side.

    python examples/overfitting.py --plot overfitting.png

E_in is the error on the images that are trained on, E_out that on images never seen. More training makes E_in small. E_out
falls with it at first and then rises again, because the network learns what is true of its images alone: their noise. Here
one training label in seven is wrong, so how much of that is learnt by heart can be counted. The remedies:

    dropout          half of the hidden units, others in each step, are left out: none can rely on another
    L2               lambda |W|^2 is added to the loss: a large weight must earn its keep
    early stopping   the weights of the epoch with the smallest E_out are kept

For early stopping some images must be held back. The best epoch is chosen by them, so its E_out is a little too good: the last
columns of the table are of test images that decided nothing.
"""

import argparse
import time

import numpy as np

import minidl
from minidl import backend
from minidl.callbacks import Callback, EarlyStopping
from minidl.datasets import digits, mnist
from minidl.errors import DatasetError
from minidl.layers import Dense, Dropout, Flatten, Input, Rescaling
from minidl.models import Sequential
from minidl.optimizers import Adam
from minidl.regularizers import L2

REMEDIES = ("none", "dropout", "L2", "early stopping")
UNITS = 256
WRONG = 1 / 7  # part of the training labels


def load(n_train, n_out, n_test):
    """Few images to train on, more to watch, and those of the test: MNIST where it is found, else the built-in digits."""
    try:
        (x, y), test = mnist.load_data(download=False, verbose=0)
        source = "MNIST"
    except DatasetError:
        (x, y), test = digits.load_data(n_train=n_train + n_out, n_test=n_test)
        source = "built-in digits"
    end = n_train + n_out
    return (x[:n_train], y[:n_train]), (x[n_train:end], y[n_train:end]), (test[0][:n_test], test[1][:n_test]), source


def mislabel(y, rng):
    """The labels with a part of them replaced by others, and which these are."""
    wrong = rng.random(len(y)) < WRONG
    return np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y), wrong


def build(remedy):
    """Two hidden layers with far more weights than there are images."""
    penalty = L2(0.01) if remedy == "L2" else None
    model = Sequential([Input((28, 28)), Rescaling(1 / 255), Flatten()])
    for _ in range(2):
        model.add(Dense(UNITS, activation="relu", kernel_regularizer=penalty))
        if remedy == "dropout":
            model.add(Dropout(0.5))
    model.add(Dense(10, activation="softmax", kernel_regularizer=penalty))
    model.compile(Adam(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def errors(model, x, y):
    """The mean cross-entropy, without any penalty, and the part of the images that are wrong."""
    p = model.predict(x, batch_size=1000)
    return -np.log(np.maximum(p[np.arange(len(y)), y], 1e-7)).mean(), (p.argmax(axis=1) != y).mean()


class Watch(Callback):
    """Measures E_in and E_out after each epoch in the same way: no dropout, no penalty, the weights as they are then."""

    def __init__(self, inside, outside):
        self.inside, self.outside = inside, outside
        self.e_in, self.e_out = [], []

    def on_epoch_end(self, epoch, logs):
        self.e_in.append(errors(self.model, *self.inside)[0])
        self.e_out.append(errors(self.model, *self.outside)[0])


def plot(path, curves, table):
    """A pair of curves for each remedy."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, all_axes = plt.subplots(1, len(curves), figsize=(15, 4), sharey=True, layout="constrained")
    for axes, (remedy, (e_in, e_out)) in zip(all_axes, curves.items()):
        epochs = np.arange(1, len(e_in) + 1)
        axes.plot(epochs, e_in, color="tab:blue", label="E_in")
        axes.plot(epochs, e_out, color="tab:orange", label="E_out")
        best = int(np.argmin(e_out))
        axes.plot(best + 1, e_out[best], "*", color="tab:orange", markersize=13, markeredgecolor="black")
        if remedy == "early stopping":
            axes.axvline(best + 1, color="black", linewidth=1, linestyle="--")
        title = "no remedy" if remedy == "none" else remedy
        axes.set(title=f"{title}: {table[remedy][-1]:.1%} of the test wrong", xlabel="epoch", ylim=(0, 1.4))
        axes.set(xlim=(0, max(len(e) for e, _ in curves.values()) + 1))
        axes.grid(alpha=0.3)
    all_axes[0].set_ylabel("cross-entropy (star: the smallest E_out)")
    all_axes[0].legend(loc="lower left")
    figure.savefig(path, dpi=120)
    print(f"\nPlot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw the curves, for example overfitting.png")
    parser.add_argument("--quick", action="store_true", help="fewer images and epochs: a few seconds")
    args = parser.parse_args(argv)
    try:
        minidl.set_seed(args.seed)
        if args.plot:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('--plot needs matplotlib: pip install "minidl[plot]"')
    except ValueError as error:
        parser.error(str(error))

    (x, y), outside, test, source = load(*((300, 300, 500) if args.quick else (1000, 1000, 5000)))
    y, wrong = mislabel(y, np.random.default_rng(args.seed))
    print(f"Data: {source}; {len(x)} images to train on, {len(outside[0])} to watch, {len(test[0])} to test on")
    print(f"{wrong.sum()} of the training labels are wrong; {backend.current().device}")
    print(f"The network has {build('none').count_params():,} weights.\n")
    curves, table = {}, {}
    for remedy in REMEDIES:
        minidl.set_seed(args.seed)  # the same initial weights for each
        model, watch = build(remedy), Watch((x, y), outside)
        stop = EarlyStopping(patience=5, restore_best_weights=True)
        start = time.perf_counter()
        model.fit(
            x,
            y,
            batch_size=50,
            epochs=25 if args.quick else 50,
            validation_data=outside,
            verbose=0,
            callbacks=[watch, stop] if remedy == "early stopping" else [watch],
        )
        curves[remedy] = watch.e_in, watch.e_out
        by_heart = (model.predict(x[wrong]).argmax(axis=1) == y[wrong]).mean()
        table[remedy] = (*errors(model, x, y), by_heart, *errors(model, *outside), *errors(model, *test))
        print(f"{remedy:<15} {len(watch.e_in):>3} epochs, {time.perf_counter() - start:.1f} s")

    print("\n                 E_in   wrong   by heart   E_out   wrong   smallest E_out    test   wrong")
    for remedy, (e_in, in_wrong, by_heart, e_out, out_wrong, e_test, test_wrong) in table.items():
        epoch = int(np.argmin(curves[remedy][1]))
        print(f"{remedy:<15} {e_in:5.3f} {in_wrong:7.1%} {by_heart:10.1%} {e_out:7.3f} {out_wrong:7.1%}", end="")
        print(f"   {curves[remedy][1][epoch]:5.3f} (epoch {epoch + 1:>2})  {e_test:5.3f} {test_wrong:7.1%}")
    print("By heart: the part of the wrong labels that the network repeats.")
    if args.plot:
        plot(args.plot, curves, table)


if __name__ == "__main__":
    main()
